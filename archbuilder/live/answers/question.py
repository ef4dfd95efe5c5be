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

MAX_KEPT = 3  # cached reports and analysed texts: the report of a large network has some megabytes

# The kinds of questions, and the module that answers each. A module is imported with the first question of its kind: in
# a browser importing is slow, and the first facts need not wait for search and completion.
KINDS = {
    "check": "check",
    "drawing": "check",
    "arena": "arena",
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
    """Raised for a question that cannot be answered: the reason as a sentence, and further fields."""

    def __init__(self, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.more = more


@dataclass(frozen=True)
class Question:
    """A question about a text."""

    ask: str
    given: Mapping[str, Any]
    buffer: Buffer
    folder: str
    overrides: tuple[str, ...]
    rules: tuple[str, ...]

    @classmethod
    def of(cls, given: object) -> Question:
        """Parse a question. Raises Unanswered if it is invalid."""
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
            raise Unanswered(f"{name} must be a whole number")
        return value

    @property
    def within(self) -> str:
        """The folder below which files may be read: `folder`, or the current one."""
        return self.folder or os.curdir

    @property
    def key(self) -> Key:
        return self.buffer.name, self.buffer.text, self.overrides, self.rules

    def check(self) -> Report:
        """The report on the current text, checked again, because a base may have changed."""
        report = check_buffer(self.buffer, self.overrides, self.rules, self.within)
        _keep(_reports, self.key, report)
        if report.facts:
            _keep(_good, self.buffer.name, Good(self.buffer, report))
        return report

    def report(self) -> Report:
        """The last report on the text, or a new one if there is none."""
        return _reports.get(self.key) or self.check()

    @property
    def session(self) -> Session:
        """The session in which edits of the text are tried."""
        from archbuilder.remedies import Session

        opened = Opened(self.buffer.name, self.buffer.text, within=self.within)
        return Session(opened.file, opened.text, self.overrides, self.rules, opened=opened)

    @property
    def good(self) -> Good | None:
        """The last version of this file that could be analysed in this process."""
        return _good.get(self.buffer.name)

    def shown(self, name: str) -> str:
        """The path of a file relative to the folder."""
        return os.path.relpath(name, self.folder) if self.folder and name.startswith(self.folder) else name

    def changes(self, patches: Any) -> list[dict[str, Any]]:
        """Edits of the text in the form for an editor in a browser."""
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
        raise Unanswered(f"{name} must be a text")
    if name != "text" and "\0" in value:
        raise Unanswered(f"{name} has a character that is not allowed in names")
    return value


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Unanswered(f"{name} must be a list of texts")
    return tuple(value)
