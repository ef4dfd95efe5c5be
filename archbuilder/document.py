"""YAML text -> Document: plain values, each with its place.

Reads libyaml's event stream, never its composer (which overflows the C stack on deep nesting),
and resolves scalars by the YAML 1.2 core schema: `1e-3` is a number, `on` and `yes` are strings.
Everything is bounded while it is read: size, depth, nodes and alias expansion.
"""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 100
MAX_NODES = 500_000
MAX_DIGITS = 300

MISSING = declare("AB001", "a file is missing or unreadable", exit_status=2)
ENCODING = declare("AB002", "a file is not UTF-8 text")
SYNTAX = declare("AB003", "text that is not YAML")
EMPTY = declare("AB004", "an empty file")
DUPLICATE = declare("AB005", "a key that occurs twice")
BAD_KEY = declare("AB006", "a key that is not text")
BOUND = declare("AB007", "a file that is too large, too deep or expands too far")
SCALAR = declare("AB008", "a value with a tag, an alias or digits that cannot be read")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", ".Inf": "inf", ".INF": "inf", "-.inf": "-inf", "-.Inf": "-inf", "-.INF": "-inf"}
_NAN = frozenset((".nan", ".NaN", ".NAN"))


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place.

    `value` is a scalar, a list of nodes, or a dict from key to node; `keys` has the place of
    each key of a mapping.
    """

    value: Any
    span: Span
    keys: dict[str, Span] = field(default_factory=dict)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    def get(self, key: str) -> Node | None:
        """The node under a key, None where there is none."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def place(self, *path: str | int) -> Span:
        """The place of a key path: of the key for a mapping, of the item for a list.

        A path that leads nowhere gives the deepest place on the way."""
        node, span = self, self.span
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                span, node = node.keys.get(str(step), span), node.value[step]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                span = node.span
            else:
                break
        return span

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(slots=True)
class Document:
    """A YAML source: its name, its text and its tree of nodes."""

    name: str
    text: str
    root: Node
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read_text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """(name, text) of a path, of `-` (standard input), or of a YAML string.

    A string with a line break is YAML text itself.  Raises ArchbuilderError AB001, AB002, AB007.
    """
    if isinstance(source, str) and "\n" in source:
        return "<string>", source
    if str(source) == "-":
        return "<stdin>", _decode(_bounded(sys.stdin.buffer, "<stdin>"), "<stdin>")
    path = Path(source)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "not an ordinary file"
            raise ArchbuilderError(MISSING.at(Span(str(source)), f"this is {what}", "name a YAML file"))
        with path.open("rb") as stream:
            return str(source), _decode(_bounded(stream, str(source)), str(source))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "check the path; a YAML text given as a string needs a line break"
        raise ArchbuilderError(MISSING.at(Span(str(source)), f"cannot be read: {reason}", hint)) from None


def _bounded(stream: io.BufferedIOBase | Any, name: str) -> bytes:
    data: bytes = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ArchbuilderError(BOUND.at(Span(name), f"the file is larger than {MAX_BYTES // 2**20} MiB"))
    return data


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        span = Span(name, line, column, line, column + 1)
        raise ArchbuilderError(ENCODING.at(span, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")) from None


def parse(text: str, name: str = "<string>") -> Document:
    """The document of a YAML text.

    Problems that leave the rest readable (a duplicate key) are collected in `diagnostics`;
    one that does not (syntax, a bound) raises ArchbuilderError.
    """
    reader = _Reader(text, name)
    root = reader.document()
    return Document(name, text, root, reader.diagnostics)


class _Reader:
    """Builds nodes from the event stream with an explicit stack: depth never becomes recursion."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.diagnostics: list[Diagnostic] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[int, int] = {}  # nodes under an anchored node, for the bound on aliases
        self.count = 0

    def document(self) -> Node:
        root: Node | None = None
        # one frame per open collection: the node, the key that waits for its value, anchor, count at its start
        stack: list[tuple[Node, list[tuple[str, Span]], str | None, int]] = []
        for event in self._events():
            kind = type(event)
            if kind is yaml.ScalarEvent:
                node = Node(self._scalar(event), self._span(event))
            elif kind is yaml.AliasEvent:
                node = self._alias(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._check_tag(event)
                opened = Node({} if kind is yaml.MappingStartEvent else [], self._span(event))
                stack.append((opened, [], event.anchor, self.count))
                if len(stack) > MAX_DEPTH:
                    raise self._bound(event, f"nested more than {MAX_DEPTH} deep")
                self._grow(1, event)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node, _, anchor, start = stack.pop()
                node.span = node.span._replace(end_line=event.end_mark.line + 1, end_column=event.end_mark.column + 1)
                if anchor:
                    self.anchors[anchor], self.sizes[id(node)] = node, self.count - start
            elif kind is yaml.DocumentStartEvent and root is not None:
                span = self._span(event)
                raise ArchbuilderError(SYNTAX.at(span, "a second document starts here", "one file describes one network"))
            else:
                continue
            if kind is yaml.ScalarEvent:
                self._grow(1, event)
                if event.anchor:
                    self.anchors[event.anchor], self.sizes[id(node)] = node, 1
            if stack:
                self._place(stack[-1][0], stack[-1][1], node)
            else:
                root = node
        if root is None or root.value is None:
            hint = "start from architectures/quickstart.yaml"
            raise ArchbuilderError(EMPTY.at(Span(self.name), "the file is empty", hint))
        return root

    def _place(self, parent: Node, pending: list[tuple[str, Span]], node: Node) -> None:
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif not pending:
            pending.append((self._key(node), node.span))
        else:
            key, span = pending.pop()
            if key == "<<":
                self._merge(parent, node, span)
            elif key in parent.keys:
                first = parent.keys[key]
                message = f"the key {key} occurs twice, first on line {first.line}"
                self.diagnostics.append(DUPLICATE.at(span, message, "keep one of the two"))
            else:
                parent.value[key], parent.keys[key] = node, span

    def _merge(self, parent: Node, node: Node, span: Span) -> None:
        """`<<: *base`: keys of the base that the mapping does not set itself, wherever they stand."""
        for base in node.value if node.is_list else [node]:
            if not base.is_mapping:
                self.diagnostics.append(BAD_KEY.at(span, "<< merges a mapping, or a list of mappings"))
                return
            for key, value in base.value.items():
                parent.value.setdefault(key, value)  # not in keys: an own key may still follow

    def _key(self, node: Node) -> str:
        if isinstance(node.value, str):
            return node.value
        shown = "a collection" if isinstance(node.value, (dict, list)) else str(node.value)
        self.diagnostics.append(BAD_KEY.at(node.span, f"a key must be text, found {shown}"))
        return shown

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise ArchbuilderError(SCALAR.at(self._span(event), f"there is no finished anchor &{event.anchor} before this"))
        self._grow(self.sizes[id(node)], event)
        return Node(node.value, self._span(event), node.keys)

    def _scalar(self, event: Any) -> Any:
        self._check_tag(event)
        text: str = event.value
        if not event.implicit[0] or event.style in ("'", '"', "|", ">"):
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if text[0] not in "+-.0123456789":
            return text
        return self._number(text, event)

    def _number(self, text: str, event: Any) -> Any:
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self._bound(event, f"a number of {len(text)} digits")
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if text in _SPECIAL or text in _NAN:
            return float(_SPECIAL.get(text, "nan"))
        return text

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            raise ArchbuilderError(SCALAR.at(self._span(event), f"the tag {event.tag} is not supported", "remove the tag"))

    def _grow(self, by: int, event: Any) -> None:
        self.count += by
        if self.count > MAX_NODES:
            raise self._bound(event, f"more than {MAX_NODES:,} values, aliases expanded")

    def _bound(self, event: Any, message: str) -> ArchbuilderError:
        return ArchbuilderError(BOUND.at(self._span(event), message))

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.name, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=_Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
            span = Span(self.name, line, column, line, column + 1)
            raise ArchbuilderError(SYNTAX.at(span, f"not YAML: {problem}", self._slip(line, str(error)))) from None

    def _slip(self, line: int, problem: str) -> str:
        """The remedy for the slips that people make most."""
        lines = self.text.splitlines()
        text = lines[line - 1] if line <= len(lines) else ""
        if re.search(r":\s*[<>]=?\s*[0-9]", text):
            return 'quote the limit, as in "> 44": an unquoted > starts a block of text in YAML'
        if "\t" in text:
            return "indent with spaces, YAML does not allow tabs"
        if "mapping values are not allowed" in problem:
            return "check the indentation, and put a blank after each colon"
        return "check brackets, quotes and indentation on this line and the one before"
