"""The analyser for browsers, editors and agents: one function from text to JSON, and the servers around it."""

from archbuilder.live.answers import answer, answer_json

__all__ = ["answer", "answer_json"]
