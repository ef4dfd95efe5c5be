"""YAML text -> Document.

Reads libyaml's event stream, never its composer (which overflows the C stack on deep nesting).
Everything is bounded while it is read: size, depth, nodes and alias expansion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from archbuilder.diagnostics import MAX_PROBLEMS, ArchbuilderError, Diagnostic, Span, declare, show, too_many
from archbuilder.document.nodes import Document, Node
from archbuilder.document.scalars import scalar_of
from archbuilder.document.syntax import SYNTAX, UNSEEN, check_characters, check_escapes, syntax_error
from archbuilder.document.text import BOUND, LINE_BREAK, MAX_BYTES, MISSING, Reading, read_text
from archbuilder.files import lies_within

MAX_DEPTH = 100
MAX_NODES = 100_000
MAX_DIRECTIVES = 20  # libyaml compares each %TAG with every other

EMPTY = declare(
    "AB004",
    "an empty file",
    why=(
        "A file without any value, or with comments only, was usually not saved, or the program that wrote it was "
        "killed."
    ),
    bad="""\
$ echo '# to be written' > empty.yaml
$ archbuilder check empty.yaml""",
    good="$ archbuilder check net.yaml",
)
DUPLICATE = declare(
    "AB005",
    "a key that occurs twice",
    why="Other YAML parsers silently keep the last of the two values, and the first one has no effect.",
    bad="""\
name: first
name: second""",
    good="name: first",
)
BAD_KEY = declare(
    "AB006",
    "a key that is not text",
    why=(
        "Every key of the language is a name. If a key is a number, an empty value or a collection, a space or a quote "
        "is usually missing."
    ),
    bad="define: {pair: {params: {3: 16}, blocks: [{conv: 16}]}}",
    good="define: {pair: {params: {out: 16}, blocks: [{conv: out}]}}",
)
SCALAR = declare(
    "AB008",
    "a value with a tag, an alias or digits that cannot be read",
    why=(
        "Tags ask a YAML parser to build objects, and some parsers run code for them; archbuilder reads plain values "
        "only. An alias needs an anchor before it."
    ),
    bad="- conv: !!python/object/apply:os.system [reboot]",
    good="- conv: 16",
)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def parse_file(path: Path, read: Reading) -> Document:
    """Parse a file that belongs to others that have been read.

    Raises ArchbuilderError as `read_text` and `parse` do, and AB001 for a file that lies outside."""
    if read.within and not lies_within(path, read.within):
        raise ArchbuilderError(MISSING.at(Span(str(path)), "is outside the folder that is open, and is not read"))
    name, text = (read.text_of or read_text)(path)
    return parse(text, name, read)


def parse(text: str, name: str = "<string>", read: Reading | None = None) -> Document:
    """Parse a YAML text.

    read: what has been read of related files; this text is added to it. Problems that leave the rest readable (a
    duplicate key) are collected in `diagnostics`; others (syntax, a bound) raise ArchbuilderError.
    """
    read = Reading() if read is None else read
    reader = _Reader(text, name, read)
    root = reader.document()
    return Document(name, text, root, reader.diagnostics, {name: text}, read=read)


def scalars(text: str) -> Iterator[Any]:
    """libyaml's event of each scalar, with its style and its marks, up to the first syntax error."""
    return (event for event in events(text) if type(event) is yaml.ScalarEvent)


def events(text: str) -> Iterator[Any]:
    """libyaml's events with their marks, up to the first syntax error."""
    with suppress(yaml.YAMLError):
        yield from yaml.parse(text, Loader=_Loader)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    node: Node
    anchor: str | None
    is_block: bool
    start: int  # how many nodes were read before it
    height: int = 1  # levels of collections, this one included
    key: tuple[str | None, Span] | None = None  # a key whose value is not read yet
    merged: set[str] = field(default_factory=set)  # keys from <<, which a later key may replace


class _Anchor(NamedTuple):
    """A node that an alias may repeat, and the cost of a repetition."""

    node: Node
    size: int
    height: int


class _Reader:
    """Builds nodes from the event stream with an explicit stack: depth never becomes recursion."""

    def __init__(self, text: str, name: str, read: Reading) -> None:
        self.text = text
        self.name = name
        self.read = read
        self.diagnostics: list[Diagnostic] = []
        self.anchors: dict[str, _Anchor] = {}
        self.stack: list[_Frame] = []
        self.root: Node | None = None
        self.count = 0
        self.end = (1, 1)  # where the last scalar, alias or bracket ended

    def document(self) -> Node:
        for event in self._events():
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind in _STARTS:
                self._start(event)
            elif kind in _ENDS:
                self._finish(event)
            elif kind is yaml.DocumentStartEvent and self.root is not None:
                message = "a second document starts here"
                raise ArchbuilderError(SYNTAX.at(self._span(event), message, "write one network per file"))
        if self.root is None or self.root.value is None:
            hint = "start from architectures/quickstart.yaml"
            raise ArchbuilderError(EMPTY.at(Span(self.name, 1, 1, 1, 1), "the file is empty", hint))
        return self.root

    def _scalar(self, event: Any) -> None:
        self._check_tag(event)
        self._grow(1, event)
        node = Node(self._value(event), self._span(event))
        self.end = node.span[3:]
        if event.anchor:
            self.anchors[event.anchor] = _Anchor(node, 1, 0)
        self._put(node, 0)

    def _alias(self, event: Any) -> None:
        anchor = self.anchors.get(event.anchor)
        span = self._span(event)
        self.end = span[3:]
        if anchor is None:
            raise ArchbuilderError(SCALAR.at(span, f"there is no finished anchor &{event.anchor} before this"))
        self._grow(anchor.size, event)
        self._check_depth(len(self.stack) + anchor.height, event)
        self._put(Node(anchor.node.value, span, anchor.node.keys), anchor.height)

    def _start(self, event: Any) -> None:
        self._check_tag(event)
        self._grow(1, event)
        value: Any = {} if type(event) is yaml.MappingStartEvent else []
        self.stack.append(_Frame(Node(value, self._span(event)), event.anchor, not event.flow_style, self.count - 1))
        self._check_depth(len(self.stack), event)

    def _finish(self, event: Any) -> None:
        frame = self.stack.pop()
        if not frame.is_block:
            self.end = (event.end_mark.line + 1, event.end_mark.column + 1)
        # an indented collection ends with its last value; its end mark is at the next key
        frame.node.span = Span(*frame.node.span[:3], *self.end)
        if frame.anchor:
            self.anchors[frame.anchor] = _Anchor(frame.node, self.count - frame.start, frame.height)
        self._put(frame.node, frame.height)

    def _put(self, node: Node, height: int) -> None:
        """Put a finished node where it belongs: into the root, a list, or a mapping as key or value."""
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.key is None:
            frame.key = self._key(node), node.span
        else:
            (key, span), frame.key = frame.key, None
            if key is not None:
                self._set(frame, key, span, node)

    def _set(self, frame: _Frame, key: str, span: Span, node: Node) -> None:
        mapping = frame.node
        if key == "<<":
            self._merge(frame, node, span)
        elif key in mapping.keys and key not in frame.merged:
            message = f"the key {key} occurs twice, first on line {mapping.keys[key].line}"
            self._report(DUPLICATE.at(span, message, "keep one of the two"))
        else:
            mapping.value[key], mapping.keys[key] = node, span
            frame.merged.discard(key)

    def _merge(self, frame: _Frame, node: Node, span: Span) -> None:
        """`<<: *base`: add the keys of the base that the mapping does not set itself, before or after."""
        for base in node.value if node.is_list else [node]:
            if not base.is_mapping:
                self._report(BAD_KEY.at(span, "<< needs a mapping or a list of mappings", "write <<: *name"))
                return
            for key, value in base.value.items():
                if key not in frame.node.value:
                    frame.node.value[key], frame.node.keys[key] = value, base.keys[key]
                    frame.merged.add(key)

    def _key(self, node: Node) -> str | None:
        """The name of a key; None (reported) if it is not a valid key."""
        if isinstance(node.value, str):
            return node.value
        shown = "a collection" if isinstance(node.value, (dict, list)) else show(node.value)
        line = LINE_BREAK.split(self.text)[node.span.line - 1][: node.span.end_column - 1]
        decimal = re.search(r"\d+,\d+$", line)  # in brackets, a comma begins the next key
        hint = (
            f"write decimals with a point: {decimal[0].replace(',', '.')}"
            if decimal
            else "put it in quotes if it is a name"
        )
        self._report(BAD_KEY.at(node.span, f"a key must be text, found {shown}", hint))
        return None

    def _value(self, event: Any) -> Any:
        """A scalar by the YAML 1.2 core schema."""
        text: str = event.value
        if event.tag or event.style:  # !!str, quotes, | and >
            if event.style == '"' and re.search(UNSEEN, text):
                check_escapes(self.text, self._span(event))
            return text
        try:
            return scalar_of(text)
        except ValueError as error:
            raise self._bound(event, str(error)) from None

    def _check_tag(self, event: Any) -> None:
        if event.tag is None or (event.tag in ("!", "tag:yaml.org,2002:str") and type(event) is yaml.ScalarEvent):
            return
        raise ArchbuilderError(SCALAR.at(self._span(event), f"the tag {event.tag} is not supported", "remove the tag"))

    def _check_depth(self, depth: int, event: Any) -> None:
        if depth > MAX_DEPTH:
            raise self._bound(event, f"nested more than {MAX_DEPTH} deep")

    def _grow(self, by: int, event: Any) -> None:
        self.count += by
        self.read.values += by
        if self.read.values > MAX_NODES:
            together = "" if self.read.values == self.count else ", in all files together"
            raise self._bound(event, f"more than {MAX_NODES:,} values, aliases expanded{together}")

    def _bound(self, event: Any, message: str) -> ArchbuilderError:
        return ArchbuilderError(BOUND.at(self._span(event), message))

    def _report(self, diagnostic: Diagnostic) -> None:
        if len(self.diagnostics) >= MAX_PROBLEMS:
            raise ArchbuilderError(*self.diagnostics, too_many(diagnostic.span))
        self.diagnostics.append(diagnostic)

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.name, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _events(self) -> Iterator[Any]:
        self._check_text()
        try:
            yield from yaml.parse(self.text, Loader=_Loader)
        except yaml.YAMLError as error:
            raise ArchbuilderError(syntax_error(error, self.text, self.name)) from None

    def _check_text(self) -> None:
        self.read.characters += len(self.text)
        if self.read.characters > MAX_BYTES:
            together = "" if self.read.characters == len(self.text) else " of all files together"
            message = f"the text{together} has more than {MAX_BYTES:,} characters"
            raise ArchbuilderError(BOUND.at(Span(self.name), message, "an architecture has some kilobytes"))
        check_characters(self.text, self.name)
        if self.text.count("\n%") > MAX_DIRECTIVES:
            message = f"more than {MAX_DIRECTIVES} directives (lines that begin with %)"
            raise ArchbuilderError(BOUND.at(Span(self.name), message))
