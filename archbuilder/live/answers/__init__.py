"""The one function that the page, `live` and agents ask: a question about a text as plain data, the answer as well.

    answer({"ask": "check", "text": text})["totals"]["params"]

A question has its kind (`ask`), mostly a `text` with the `file` that it stands for, and the rule packs and overrides
that it is checked with.  Other files that the text names are read below `folder` alone.  Line breaks are "\\n"; `from`,
`to` and `at` are offsets in UTF-16 units, as browsers count them; lines count from 1.  An answer has a `version`, and
where there is none to be had an `error`, a sentence, in the place of the rest.
"""

from __future__ import annotations

import json
from importlib import import_module

from archbuilder.live.answers.question import KINDS, Answer, Question, Unanswered
from archbuilder.reporting.json import dumps
from archbuilder.version import __version__

VERSION = 1


def answer(question: object) -> Answer:
    """The answer to a question, whatever it is; it never raises."""
    head: Answer = {"version": VERSION, "archbuilder": __version__}
    try:
        asked = Question.of(question)
        room = import_module(f"{__name__}.{KINDS[asked.ask]}")
        answered: Answer = getattr(room, asked.ask)(asked)
        return head | answered
    except Unanswered as refusal:
        return head | {"error": str(refusal)} | refusal.more
    except Exception as error:  # a fault of ours: who types goes on typing
        return head | {"error": f"archbuilder has a fault here, please report it: {type(error).__name__}: {error}"}


def answer_json(question: str) -> str:
    """The same from JSON text to JSON text."""
    try:
        asked = json.loads(question)
    except (ValueError, RecursionError):
        asked = None
    return dumps(answer(asked), indent=None)
