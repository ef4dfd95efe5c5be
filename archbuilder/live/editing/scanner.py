"""A tolerant scanner of YAML layout: where the cursor is in a text that may be incomplete.

The real parser needs a complete file. This scanner follows indentation, dashes and brackets, collects the keys, and
never fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from archbuilder.document.parser import MAX_DEPTH
from archbuilder.live.editing.places import Path

Kind = Literal["key", "value", "item", "none"]

# unambiguous patterns: a line can match in only one way, so there is no backtracking
_KEY = re.compile(r"""("[^"]*"|'[^']*'|[^\s#:{}\[\],"'&*!|>%@`-](?:\s*[^\s#:{}\[\],])*)\s*:(?=\s|$)""")
_DASH = re.compile(r"-(\s+|$)")
# a longer quoted text has probably lost its closing quote
_TOKEN = re.compile(r""""(?:\\.|[^"\\]){0,200}"|'[^']*'|\s+|\#.*|[^{}\[\],:"'\s]+|.""")


@dataclass
class Context:
    """What can be written at the cursor: a key or an item at `path`, or the value of `path`.

    `word` is its part before the cursor, `siblings` the existing keys of its mapping, `own` the key at the cursor, and
    `names` every key of the file by the path of its mapping.
    """

    kind: Kind = "none"
    path: Path = ()
    word: str = ""
    siblings: set[str] = field(default_factory=set)
    own: str | None = None
    names: dict[Path, list[str]] = field(default_factory=dict)


class _TooDeep(Exception):
    """Stops the scan of a text that nests deeper than MAX_DEPTH."""


@dataclass
class Frame:
    """An open mapping or list. `column` is that of its keys or dashes, -1 inside brackets."""

    is_list: bool
    column: int
    path: Path
    key: str | None = None
    keys: set[str] = field(default_factory=set)
    implicit: bool = False  # a pair in brackets without braces: [conv: 32]

    @property
    def inner(self) -> Path:
        """The path of the next value."""
        if self.is_list:
            return (*self.path, None)
        return self.path if self.key is None else (*self.path, self.key)


def context(text: str, offset: int) -> Context:
    """The context of an offset in a text; empty if the text nests too deep."""
    try:
        return _context(text, offset)
    except _TooDeep:
        return Context()


def _context(text: str, offset: int) -> Context:
    scanner = Scanner()
    start = 0
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text):
        here = start <= offset < start + len(line) or (start + len(line) == offset == len(text))
        scanner.line(line.rstrip("\r\n"), offset - start if here and not scanner.done else None)
        start += len(line)
    return scanner.found


class Scanner:
    """Scans a text line by line; the line of the cursor is scanned with the cursor's column."""

    def __init__(self) -> None:
        self.stack = [Frame(False, 0, ())]
        self.found = Context()
        self.done = False
        self.cursor: int | None = None
        self._pending = ""  # the last word inside brackets, which a colon makes a key
        self._at_cursor = False  # whether the cursor is in that word

    def line(self, text: str, cursor: int | None = None) -> None:
        self.cursor = cursor
        if self.stack[-1].column < 0:
            self._flow(text, 0)
            return
        position = len(text) - len(text.lstrip(" "))
        if not text.strip() or text[position] == "#":
            if cursor is not None and cursor <= position:
                self._key_at(cursor, "")
            return
        dashed = False
        while dash := _DASH.match(text, position):
            if self._reached(position):
                self._key_at(self.cursor or 0, "")
            self._open(True, position)
            position, dashed = dash.end(), True
        self._content(text, position, dashed)

    def _content(self, text: str, position: int, dashed: bool) -> None:
        """Scan the part of a line after indentation and dashes."""
        key = _KEY.match(text, position)
        if key:
            frame = self._open(False, position)
            if self._reached(key.end(1)):
                self._note("key", frame.path, text[position : self.cursor], frame, key[1].strip("\"'"))
            self._named(frame, key[1].strip("\"'"))
            self._value(text, key.end(), frame)
        elif position < len(text) and text[position] in "{[":
            self._flow(text, position)
        elif self.cursor is not None:
            word = text[position : self.cursor]
            if " #" in word:
                self._note("none", (), "", None)
            elif dashed:
                self._note("item", self.stack[-1].inner, word, None)
            else:
                self._key_at(position, word)

    def _value(self, text: str, position: int, frame: Frame) -> None:
        """Scan the part of a line after a key."""
        start = position + len(text[position:]) - len(text[position:].lstrip())
        in_brackets = text[start : start + 1] in ("{", "[")
        if self.cursor is not None and not (in_brackets and self.cursor > start):
            word = text[start : self.cursor]
            self._note("none" if "#" in word else "value", frame.inner, word, None)
        if in_brackets:
            self._flow(text, start)

    def _open(self, is_list: bool, column: int) -> Frame:
        """The open list or mapping whose dashes or keys are in a column, or a new one."""
        self.stack = self._around(is_list, column)
        top = self.stack[-1]
        if top.is_list != is_list or top.column != column:
            self._push(Frame(is_list, column, top.inner))
        return self.stack[-1]

    def _push(self, frame: Frame) -> None:
        if len(self.stack) > MAX_DEPTH:
            raise _TooDeep
        self.stack.append(frame)

    def _around(self, is_list: bool, column: int) -> list[Frame]:
        """The frames that stay open at a key or dash in a column: dashes of a list may be in the column of its key."""
        outer = [f for f in self.stack[1:] if f.column < column or (f.column == column and (is_list or not f.is_list))]
        return [self.stack[0], *outer]

    def _key_at(self, column: int, word: str) -> None:
        """Record that the cursor is where a key could begin."""
        top = self._around(False, column)[-1]
        if top.is_list:
            self._note("item", top.inner, word, None)
        else:
            self._note(
                "key", top.path if top.column == column else top.inner, word, top if top.column == column else None
            )

    def _flow(self, text: str, position: int) -> None:
        """Scan the content of brackets, to the end of the line or of the brackets."""
        for token in _TOKEN.finditer(text, position):
            if self._reached(token.end()) and not token[0].startswith(("{", "[", ",", ":")):
                self._in_brackets(token, text)
            self._take(token[0])
            if self.stack[-1].column >= 0:
                return
        if self.cursor is not None:
            self._in_brackets(None, text)

    def _in_brackets(self, token: re.Match[str] | None, text: str) -> None:
        top = self.stack[-1]
        word = token[0][: (self.cursor or 0) - token.start()] if token and not token[0].isspace() else ""
        if word.startswith(("#", "}", "]")):
            self._note("none", (), "", None)
        elif top.is_list:
            self._note("item", top.inner, word, None)
        elif top.key is None:
            self._note("key", top.path, word, top)
        else:
            self._note("value", top.inner, word, None)
        self._at_cursor = bool(word)

    def _take(self, token: str) -> None:
        """The effect of a token inside brackets."""
        top = self.stack[-1]
        if token in ("{", "["):
            self._push(Frame(token == "[", -1, top.inner))
        elif token in ("}", "]", ",") and top.implicit:
            self.stack.pop()
            self._take(token)
            return
        elif token in ("}", "]"):
            self.stack.pop()
        elif token == ",":
            top.key = None
        elif token == ":" and self._pending:
            if top.is_list:
                top = Frame(False, -1, top.inner, implicit=True)
                self._push(top)
            if self._at_cursor:
                self.found.own = self._pending
            self._named(top, self._pending)
        if token.isspace() or token.startswith("#"):
            return
        self._pending, self._at_cursor = ("", False) if token in "{}[],:" else (token.strip("\"'"), self._at_cursor)

    def _named(self, frame: Frame, key: str) -> None:
        frame.key = key
        frame.keys.add(key)
        self.found.names.setdefault(frame.path, []).append(key)

    def _reached(self, position: int) -> bool:
        return self.cursor is not None and self.cursor <= position

    def _note(self, kind: Kind, path: Path, word: str, frame: Frame | None, own: str | None = None) -> None:
        """Record the context of the cursor; the keys of its mapping are still being collected."""
        found = self.found
        found.kind, found.path, found.word, found.own = kind, path, word, own
        found.siblings = frame.keys if frame else set()
        self.cursor, self.done = None, True
