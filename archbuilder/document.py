"""YAML text -> Document: plain values, each with its place.

Reads libyaml's event stream, never its composer (which overflows the C stack on deep nesting),
and resolves scalars by the YAML 1.2 core schema: `1e-3` is a number, `on` and `yes` are strings.
Everything is bounded while it is read: size, depth, nodes and alias expansion.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import yaml

from archbuilder.diagnostics import MAX_PROBLEMS, ArchbuilderError, Diagnostic, Span, declare, show
from archbuilder.files import TooLarge, lies_within, read_regular, within
from archbuilder.remedy import Hint, Layout

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 100
MAX_NODES = 100_000
MAX_DIGITS = 300
MAX_DIRECTIVES = 20  # libyaml compares each %TAG with every other

MISSING = declare(
    "AB001",
    "a file is missing or unreadable",
    exit_status=2,
    why=(
        "Nothing can be said about a file that cannot be opened: it is not there, may not be read, or is a "
        "folder, a pipe or a device, which could be waited for without end."
    ),
    bad="$ archbuilder check nets.yaml",
    good="$ archbuilder check net.yaml",
)
ENCODING = declare(
    "AB002",
    "a file is not UTF-8 text",
    why=(
        "YAML is text in UTF-8. Read in another encoding, the same bytes would be other names and comments on "
        "another machine."
    ),
    bad="""\
$ printf '# caf\\351\\n' | cat - net.yaml > latin1.yaml
$ archbuilder check latin1.yaml""",
    good="""\
$ printf '# caf\\303\\251\\n' | cat - net.yaml > utf8.yaml
$ archbuilder check utf8.yaml""",
)
SYNTAX = declare(
    "AB003",
    "text that is not YAML",
    why=(
        "A bracket that is not closed, a tab as indentation, a quote that never ends: what comes after it "
        "could mean anything, so nothing of the file is used. Control characters and characters that turn the "
        "direction of writing are refused too, since they show a reader another text than the machine reads."
    ),
    bad="network: [{conv: 16}, gap",
    good="network: [{conv: 16}, gap]",
)
EMPTY = declare(
    "AB004",
    "an empty file",
    why=(
        "A file without any value, or with comments alone, is mostly one that was not saved, or whose writer "
        "was killed."
    ),
    bad="""\
$ echo '# to be written' > empty.yaml
$ archbuilder check empty.yaml""",
    good="$ archbuilder check net.yaml",
)
DUPLICATE = declare(
    "AB005",
    "a key that occurs twice",
    why=(
        "Other readers of YAML silently take the last of the two, and the first, which somebody also wrote "
        "and meant, has no effect."
    ),
    bad="""\
name: first
name: second""",
    good="name: first",
)
BAD_KEY = declare(
    "AB006",
    "a key that is not text",
    why=(
        "Every key of the language is a name. A number, an empty key or a collection in its place is mostly a "
        "blank or a quote too few."
    ),
    bad="define: {pair: {params: {3: 16}, blocks: [{conv: 16}]}}",
    good="define: {pair: {params: {out: 16}, blocks: [{conv: out}]}}",
)
BOUND = declare(
    "AB007",
    "a file that is too large, too deep or expands too far",
    why=(
        "A text of some kilobytes can stand for millions of values, by aliases of aliases for one. What is "
        "read is bounded (4 MiB, 100 levels, 100,000 values, numbers of 300 digits), so that a hostile or "
        "mistaken file costs milliseconds."
    ),
    bad="""\
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]""",
    good="- repeat: {times: 10, blocks: [{conv: 16}]}",
)
SCALAR = declare(
    "AB008",
    "a value with a tag, an alias or digits that cannot be read",
    why=(
        "Tags are how YAML asks a reader to build objects and, in careless readers, to run code; here only "
        "plain values are read. An alias needs an anchor before it."
    ),
    bad="- conv: !!python/object/apply:os.system [reboot]",
    good="- conv: 16",
)
TOO_MANY = declare(
    "AB010",
    "more problems than are reported",
    why=(
        "Nobody reads the hundredth finding, and after so many the rest is mostly their consequence. Reading "
        "stops there, so that a file that is something else altogether costs no time."
    ),
    bad="""\
$ { cat net.yaml; seq 101 | sed 's/.*/field&: 1/'; } > many.yaml
$ archbuilder check many.yaml""",
    good="$ archbuilder check net.yaml",
)
MORE = declare(
    "AB013",
    "more warnings than are shown",
    severity="warning",
    note=True,
    why=(
        "Of one file a hundred warnings are shown. Whoever has mended those, or left them out with --ignore, shall not "
        "take it for clean: this line says how many more there are at least. It is no warning of its own, so that it "
        "is not counted as one, and can be neither selected nor ignored."
    ),
    bad="""\
$ seq 101 | sed 's/.*/- pointwise: {out: 8, padding: 1}/' > rows
$ { grep -v ^network net.yaml; echo network:; cat rows; echo '- gap'; echo '- classifier'; } > many.yaml
$ archbuilder check many.yaml""",
    good="$ archbuilder check net.yaml",
)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NUMBER = rf"(?:{_INT.pattern}|{_FLOAT.pattern})$"
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset((".nan", ".NaN", ".NAN"))
LINE_BREAK = re.compile(r"\r\n|\r|\n")
# what YAML refuses, and what would show a reader another text than the machine reads: line breaks
# of YAML 1.1 that no editor shows, and characters that change the direction of writing
_UNSEEN = "[\x00-\x1f\x7f\x85\xa0\u2028\u2029]"  # what an escape can make that no path has
_WINDOWS = r'"(?:[A-Za-z]:|\.{1,2})\\'  # "C:\... or "..\...
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


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


TextOf = Callable[[Path], tuple[str, str]]


@dataclass(slots=True)
class Reading:
    """How several files that belong together are read: a file, its bases, its rule packs.

    The bounds hold for all of them together, so that many files cost no more than one.  With `within`, a folder, none
    is read that lies outside of it, whatever a file names and wherever a link leads.  `text_of` reads a path, to
    (name, text), where files lie elsewhere than on the disk."""

    characters: int = 0
    values: int = 0  # aliases expanded
    within: str = ""
    text_of: TextOf | None = None


@dataclass(slots=True, repr=False)
class Document:
    """A YAML source: its name, its text and its tree of nodes."""

    name: str
    text: str
    root: Node
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)  # the text of every file that the values come from
    packs: dict[str, str] = field(default_factory=dict)  # the text of every rule pack that is a file
    links: dict[tuple[str, str], str] = field(default_factory=dict)  # (a file or an option, a name in it) -> its path
    read: Reading = field(default_factory=Reading)  # of all files that one check reads

    def path_of(self, place: Span, name: str) -> str:
        """The path of a file that is named at a place: it counts from the place's file, or where an option names it
        from the current folder.

        Each is noted in `links`; those of a run are there before, for its files were read in other folders."""
        folder = Path(place.file).parent if place.file in self.sources else Path()
        return self.links.setdefault((place.file, name), str(folder / name))

    def __repr__(self) -> str:
        return f"<Document {self.name!r}: {self.text.count(chr(10)) + 1:,} lines>"


def stem_of(file: str) -> str:
    """What is called after a file: its name without the ending, as far as a network and a file may have it."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePath(file).stem).strip("-._")
    return stem[:100] or "network"


def read_text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """(name, text) of a path, of `-` (standard input), or of a YAML string.

    A string with a line break is YAML text itself.  Raises ArchbuilderError AB001, AB002, AB007.
    """
    if isinstance(source, str) and "\n" in source:
        return "<string>", source
    name = "<stdin>" if source == "-" else str(source)
    try:
        data = _standard_input() if source == "-" else read_regular(source, MAX_BYTES)
    except TooLarge as error:
        raise too_large(name, str(error.strerror)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "a YAML text needs a line break to be told from a path" if ": " in name else "check the path"
        raise ArchbuilderError(MISSING.at(Span(name), f"cannot be read: {reason}", hint)) from None
    return name, decode(data, name)


def _standard_input() -> bytes:
    if sys.stdin is None:  # closed, as by <&-
        raise OSError("standard input is closed")
    return within(sys.stdin.buffer, MAX_BYTES)


def too_large(name: str, message: str) -> ArchbuilderError:
    """AB007 for a file that is not read."""
    return ArchbuilderError(BOUND.at(Span(name), message, "an architecture has some kilobytes"))


def decode(data: bytes, name: str) -> str:
    """The text of a file.  Raises ArchbuilderError AB002."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before, byte = error.object[: error.start].decode(), error.object[error.start]  # without the byte order mark
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "the file is UTF-16: save it as UTF-8" if utf16 else "save the file as UTF-8"
        place = _place(name, before, len(before))
        raise ArchbuilderError(ENCODING.at(place, f"byte 0x{byte:02x} is not UTF-8", hint)) from None


def _place(name: str, text: str, offset: int) -> Span:
    """The place of one character of a text."""
    lines = LINE_BREAK.split(text[:offset])
    line, column = len(lines), len(lines[-1]) + 1
    return Span(name, line, column, line, column + 1)


def too_many(place: Span) -> Diagnostic:
    """The last finding of a file that has more than anyone reads."""
    return TOO_MANY.at(place, f"more than {MAX_PROBLEMS} problems: the rest is not read", "mend these first")


def more(place: Span, number: int) -> Diagnostic:
    """The last finding of a file with so many warnings that are not shown, of which the first is at a place."""
    message = f"at least {number:,} more warning{'s' * (number > 1)} from here on: {MAX_PROBLEMS} are shown"
    return MORE.at(place, message, "mend those first, or leave some out with --ignore")


def parse_file(path: Path, read: Reading) -> Document:
    """The document of a file that is read after others that it belongs to.

    Raises ArchbuilderError as `read_text` and `parse` do, and AB001 for a file that lies outside."""
    if read.within and not lies_within(path, read.within):
        raise ArchbuilderError(MISSING.at(Span(str(path)), "lies outside the folder that is open, and is not read"))
    name, text = (read.text_of or read_text)(path)
    return parse(text, name, read)


def parse(text: str, name: str = "<string>", read: Reading | None = None) -> Document:
    """The document of a YAML text.

    read: what was read before of files that it belongs to, to which this one is added.
    Problems that leave the rest readable (a duplicate key) are collected in `diagnostics`;
    one that does not (syntax, a bound) raises ArchbuilderError.
    """
    read = Reading() if read is None else read
    reader = _Reader(text, name, read)
    root = reader.document()
    return Document(name, text, root, reader.diagnostics, {name: text}, read=read)


def scalars(text: str) -> Iterator[Any]:
    """libyaml's event of each scalar, with its style and its marks, as far as the text is YAML."""
    return (event for event in events(text) if type(event) is yaml.ScalarEvent)


def events(text: str) -> Iterator[Any]:
    """libyaml's events with their marks, as far as the text is YAML."""
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
    key: tuple[str | None, Span] | None = None  # a key that waits for its value
    merged: set[str] = field(default_factory=set)  # keys that came by <<, which an own key may replace


class _Anchor(NamedTuple):
    """A node that an alias may repeat, and what a repetition costs."""

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
                raise ArchbuilderError(SYNTAX.at(self._span(event), message, "one file describes one network"))
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
        # the end of an indented collection is that of its last value: its end mark stands at the next key
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
        """`<<: *base`: keys of the base that the mapping does not set itself, wherever they stand."""
        for base in node.value if node.is_list else [node]:
            if not base.is_mapping:
                self._report(BAD_KEY.at(span, "<< merges a mapping, or a list of mappings", "write <<: *name"))
                return
            for key, value in base.value.items():
                if key not in frame.node.value:
                    frame.node.value[key], frame.node.keys[key] = value, base.keys[key]
                    frame.merged.add(key)

    def _key(self, node: Node) -> str | None:
        """The name of a key; None for what is none and has been reported."""
        if isinstance(node.value, str):
            return node.value
        shown = "a collection" if isinstance(node.value, (dict, list)) else show(node.value)
        line = LINE_BREAK.split(self.text)[node.span.line - 1][: node.span.end_column - 1]
        decimal = re.search(r"\d+,\d+$", line)  # in brackets, a comma begins the next key
        hint = (
            f"a decimal has a point: {decimal[0].replace(',', '.')}" if decimal else "put it in quotes if it is a name"
        )
        self._report(BAD_KEY.at(node.span, f"a key must be text, found {shown}", hint))
        return None

    def _value(self, event: Any) -> Any:
        """A scalar by the YAML 1.2 core schema."""
        text: str = event.value
        if event.tag or event.style:  # !!str, quotes, | and >
            if event.style == '"' and re.search(_UNSEEN, text):
                self._check_escapes(event)
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        return self._number(text, event) if text[0] in "+-.0123456789" else text

    def _number(self, text: str, event: Any) -> Any:
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self._bound(event, f"a number of {len(text)} digits")
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _INFINITE.fullmatch(text):
            return -math.inf if text[0] == "-" else math.inf
        return math.nan if text in _NAN else text

    def _check_escapes(self, event: Any) -> None:
        """A path of Windows whose backslashes are valid escapes, as the first one of "D:\\new" is a line break."""
        span = self._span(event)
        written = LINE_BREAK.split(self.text)[span.line - 1][span.column - 1 : span.end_column - 1]
        if re.match(_WINDOWS, written):
            message = f"the escapes in {written} make other characters than a path has"
            raise ArchbuilderError(SYNTAX.at(span, message, _unescaped(written)))

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
            raise ArchbuilderError(self._syntax(error)) from None

    def _check_text(self) -> None:
        self.read.characters += len(self.text)
        if self.read.characters > MAX_BYTES:
            together = "" if self.read.characters == len(self.text) else " of all files together"
            message = f"the text{together} has more than {MAX_BYTES:,} characters"
            raise ArchbuilderError(BOUND.at(Span(self.name), message, "an architecture has some kilobytes"))
        forbidden = _FORBIDDEN.search(self.text)
        if forbidden:
            message = f"the character U+{ord(forbidden[0]):04X} is not allowed in YAML"
            raise ArchbuilderError(SYNTAX.at(_place(self.name, self.text, forbidden.start()), message, "remove it"))
        if self.text.count("\n%") > MAX_DIRECTIVES:
            message = f"more than {MAX_DIRECTIVES} directives (lines that begin with %)"
            raise ArchbuilderError(BOUND.at(Span(self.name), message))

    def _syntax(self, error: Any) -> Diagnostic:
        """A syntax error; what is still open at the end of the file is shown where it began."""
        lines = LINE_BREAK.split(self.text)
        mark, opened = error.problem_mark, error.context_mark
        problem = f"not YAML: {error.problem}"
        if opened and opened.line != mark.line:
            problem += f" {error.context} that starts on line {opened.line + 1}"
        last = max(1, len(lines) - (not lines[-1]))  # an editor shows no line after the last line break
        places = [(found.line + 1, found.column + 1) for found in (mark, opened) if found and found.line < last]
        line, column = places[0] if places else (last, len(lines[last - 1]) + 1)
        span = Span(self.name, line, column, line, column + 1)
        return SYNTAX.at(span, problem, _slip(lines[mark.line] if mark.line < len(lines) else "", problem))


def _unescaped(line: str) -> str:
    """The remedy where a line has a backslash in double quotes that was not meant as an escape."""
    found = re.search(r'"([^"]*\\[^"]*)"', line)
    written = f": '{found[1]}' or {found[1].replace(chr(92), '/')}" if found else ""
    return f"a backslash in double quotes begins an escape: write a path in single quotes, or with slashes{written}"


def _slip(line: str, problem: str) -> Hint:
    """The remedy for the slips that people make most."""
    if "escape" in problem or "hexdecimal" in problem:  # libyaml's own spelling
        return _unescaped(line)
    if re.search(r":\s*[<>]=?\s*[0-9]", line):
        say = 'quote the limit, as in "> 44": an unquoted > starts a block of text in YAML'
        return Layout("limit without quotes", say=say)
    if "\t" in line:
        return Layout("tabs", say="indent with spaces, YAML does not allow tabs")
    if "mapping values are not allowed" in problem:
        return "check the indentation, and put a blank after each colon"
    return "check brackets, quotes and indentation on this line and the one before"
