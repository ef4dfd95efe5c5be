"""What could be written at the cursor."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from archbuilder.live.editing.places import Path
from archbuilder.live.editing.scanner import Context, context
from archbuilder.live.editing.vocabulary import Vocabulary, language

_OF_WORDS = f"{string.ascii_letters}{string.digits}_.-"
_COLON_FOLLOWS = re.compile(r"[A-Za-z0-9_]*\s*:")
_NAME = re.compile(r"\bname:\s*([A-Za-z][A-Za-z0-9_]*)")
_REFERENCES = {"use", "block", "join", "from"}  # keys whose value is the name of a block

Kind = Literal["key", "block", "value", "variable", "reference"]


@dataclass(frozen=True)
class Proposal:
    """A completion: `text` to insert, `label` to display, `manual` in Markdown."""

    label: str
    text: str
    kind: Kind
    manual: str = ""


@dataclass(frozen=True)
class Completion:
    """Completions that replace the text between two offsets, the likeliest first."""

    start: int
    end: int
    proposals: tuple[Proposal, ...]


def complete(text: str, offset: int) -> Completion:
    """The completion at an offset of a text."""
    found = context(text, offset)
    before = len(found.word) - len(found.word.rstrip(_OF_WORDS))
    proposals = _proposals(found, text)
    if _COLON_FOLLOWS.match(text, offset):
        proposals = (replace(each, text=each.text.removesuffix(": ")) for each in proposals)
    return Completion(offset - before, offset, tuple(proposals))


def _proposals(found: Context, text: str) -> Iterator[Proposal]:
    known = language()
    if found.kind == "key":
        if known.properties(found.path) or _own(found, found.path):
            yield from _keys(known, found)
        elif any("items" in schema for schema in known.at(found.path)):  # a list that is not begun yet
            yield from (Proposal(p.label, f"- {p.text}", p.kind, p.manual) for p in _items(known, found, text))
    elif found.kind == "item":
        yield from _items(known, found, text)
    elif found.kind == "value":
        yield from _values(known, found, found.path, text)


def _keys(known: Vocabulary, found: Context) -> Iterator[Proposal]:
    """Keys that the mapping does not have yet."""
    taken = found.siblings - {found.own}
    if known.single(found.path) and taken:
        return
    needed = known.required(found.path)
    for key in sorted(known.properties(found.path), key=lambda key: key not in needed):
        if key not in taken:
            yield Proposal(key, f"{key}: ", "key", known.manual((*found.path, key)))
    own = _own(found, found.path) if not known.own_blocks(found.path) else _own_blocks(found)
    yield from (Proposal(key, f"{key}: ", "variable") for key in own if key not in taken)


def _items(known: Vocabulary, found: Context, text: str) -> Iterator[Proposal]:
    """Items of a list: blocks by their names, or plain values."""
    path = found.path if found.kind == "item" else (*found.path, None)
    bare = known.values(path)
    for name in known.properties(path):
        yield Proposal(name, name if name in bare else f"{name}: ", "block", known.manual((*path, name)))
    if known.own_blocks(path):
        yield from (Proposal(name, f"{name}: ", "block") for name in _own_blocks(found))
    named = known.properties(path)
    yield from (p for p in _values(known, found, path, text) if p.label not in named)


def _values(known: Vocabulary, found: Context, path: Path, text: str) -> Iterator[Proposal]:
    """Completions for a value: words of the language, variables, names of blocks."""
    yield from (Proposal(word, word, "value") for word in known.values(path))
    if known.takes_arithmetic(path):
        yield from (Proposal(name, name, "variable") for name in _variables(found, path))
    last = next((step for step in reversed(path) if step is not None), None)
    if last in _REFERENCES:
        yield from (Proposal(name, name, "reference") for name in _unique(_NAME.findall(text)))


def _variables(found: Context, path: Path) -> list[str]:
    """The names that arithmetic may use: `vars`, and the parameters inside a definition."""
    own = found.names.get(("define", path[1], "params"), []) if path[:1] == ("define",) and len(path) > 2 else []
    return _unique([*own, *found.names.get(("vars",), [])])


def _own_blocks(found: Context) -> list[str]:
    return _unique(found.names.get(("define",), []))


def _own(found: Context, path: Path) -> list[str]:
    """The parameters of a custom block, if the path is inside a use of it."""
    return _unique(found.names.get(("define", path[-1], "params"), [])) if path and path[-1] else []


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
