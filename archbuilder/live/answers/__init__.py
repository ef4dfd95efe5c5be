"""The one function behind the page, `live` and agents: a question about a text and its answer, both as plain data.

    answer({"ask": "check", "text": text})["totals"]["params"]

A question has a kind (`ask`), usually a `text` with the path of its `file`, and the rule packs and overrides of the
check. Other files that the text names are read only below `folder`. Line breaks are "\\n"; `from`, `to` and `at` are
offsets in UTF-16 units, as browsers count them; lines count from 1. An answer has a `version`; if a question cannot be
answered, it has an `error`, a sentence, instead of the other fields.
"""

from __future__ import annotations

import json
from importlib import import_module

from archbuilder.live.answers.question import KINDS, Answer, Question, Unanswered
from archbuilder.reporting.json import dumps
from archbuilder.version import __version__

VERSION = 1


def answer(question: object) -> Answer:
    """The answer to any question; never raises."""
    head: Answer = {"version": VERSION, "archbuilder": __version__}
    try:
        asked = Question.of(question)
        room = import_module(f"{__name__}.{KINDS[asked.ask]}")
        answered: Answer = getattr(room, asked.ask)(asked)
        return head | answered
    except Unanswered as refusal:
        return head | {"error": str(refusal)} | refusal.more
    except Exception as error:  # a fault of archbuilder must not stop the editor
        return head | {"error": f"archbuilder has a fault here, please report it: {type(error).__name__}: {error}"}


def answer_json(question: str) -> str:
    """`answer` with question and answer as JSON text."""
    try:
        asked = json.loads(question)
    except (ValueError, RecursionError):
        asked = None
    return dumps(answer(asked), indent=None)
