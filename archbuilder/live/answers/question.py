"""A question: its parts, which may be anything before they are read, and the report on its text."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archbuilder.live.editing.buffer import Buffer, Good, check_buffer
from archbuilder.pipeline import Report
from archbuilder.sources import Opened

if TYPE_CHECKING:
    from archbuilder.remedies import Session

MAX_KEPT = 3  # reports, and texts that could be analysed: that of a large network has some megabytes

# What can be asked, and the module here that answers, which is imported with the first such question: in a browser,
# where that takes long, the first facts do not wait for what searches and completes.
KINDS = {
    "check": "check",
    "drawing": "check",
    "fixes": "suggestions",
    "suggest": "suggestions",
    "complete": "cursor",
    "hover": "cursor",
    "explain": "library",
    "starters": "library",
    "starter": "library",
    "init": "library",
    "init_defaults": "library",
    "compare": "library",
    "version": "library",
}

Key = tuple[object, ...]
_reports: OrderedDict[Key, Report] = OrderedDict()
_good: OrderedDict[str, Good] = OrderedDict()


Answer = dict[str, Any]


class Unanswered(Exception):
    """A question without an answer: why, in a sentence, and what else is known."""

    def __init__(self, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.more = more


@dataclass(frozen=True)
class Question:
    """What is asked, of which text."""

    ask: str
    given: Mapping[str, Any]
    buffer: Buffer
    folder: str
    overrides: tuple[str, ...]
    rules: tuple[str, ...]

    @classmethod
    def of(cls, given: object) -> Question:
        """Raises Unanswered where something of it is not what it should be."""
        if not isinstance(given, dict) or given.get("ask") not in KINDS:
            raise Unanswered(f"a question is an object whose `ask` is one of {', '.join(KINDS)}")
        folder, file = (_text(given, name, default) for name, default in (("folder", ""), ("file", "network.yaml")))
        text = _text(given, "text", "")
        overrides, rules = (_texts(given, name) for name in ("overrides", "rules"))
        return cls(given["ask"], given, Buffer(text, os.path.join(folder, file)), folder, overrides, rules)

    def text(self, name: str, default: str | None = None) -> str:
        return _text(self.given, name, default)

    def texts(self, name: str) -> tuple[str, ...]:
        return _texts(self.given, name)

    def number(self, name: str, default: int) -> int:
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unanswered(f"{name} is a whole number")
        return value

    @property
    def within(self) -> str:
        """What a file may name lies below it: the folder, or the current one."""
        return self.folder or os.curdir

    @property
    def key(self) -> Key:
        return self.buffer.name, self.buffer.text, self.overrides, self.rules

    def check(self) -> Report:
        """The report on the text as it is now; a base may be another one than a moment ago."""
        report = check_buffer(self.buffer, self.overrides, self.rules, self.within)
        _keep(_reports, self.key, report)
        if report.facts:
            _keep(_good, self.buffer.name, Good(self.buffer, report))
        return report

    def report(self) -> Report:
        """The report on the text, where there was none the last check."""
        return _reports.get(self.key) or self.check()

    @property
    def session(self) -> Session:
        """What edits of the text are tried with."""
        from archbuilder.remedies import Session

        opened = Opened(self.buffer.name, self.buffer.text, within=self.within)
        return Session(opened.file, opened.text, self.overrides, self.rules, opened=opened)

    @property
    def good(self) -> Good | None:
        """The last text of this file that could be analysed, in the life of the process."""
        return _good.get(self.buffer.name)

    def shown(self, name: str) -> str:
        """The name of a file as the question has it, from the folder."""
        return os.path.relpath(name, self.folder) if self.folder and name.startswith(self.folder) else name

    def changes(self, patches: Any) -> list[dict[str, Any]]:
        """Edits of the text as an editor in a browser takes them."""
        units = self.buffer.units
        return [{"from": units(start), "to": units(end), "insert": text} for start, end, text in patches]


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)


def _text(given: Mapping[str, Any], name: str, default: str | None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise Unanswered(f"{name} is a text")
    if name != "text" and "\0" in value:
        raise Unanswered(f"{name} has a character that no name has")
    return value


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Unanswered(f"{name} is a list of texts")
    return tuple(value)
