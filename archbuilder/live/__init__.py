"""The analyser for a browser, an editor and an agent: one function, text in, JSON out, and what serves it."""

from archbuilder.live.answers import answer, answer_json

__all__ = ["answer", "answer_json"]
