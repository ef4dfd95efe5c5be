"""What a finding's hint may mean as an edit: guesses, the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.document import Node
from archbuilder.pipeline import Report
from archbuilder.remedies.source import Patch, Patches, Source

Guess = tuple[str, Patches]  # what it does in a few words, and the edits

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LIMIT = re.compile(
    r"(?<=:)\s*([<>]=?\s*[0-9][0-9_.]*(?:\s*[kKMG]?i?B?)?(?:\s+b?[a-z]+[0-9]+)?)(?<!\s)(?=\s*(?:$|[,}#]))"
)


class Place:
    """A finding in its text: the stretch that it is about, and the value of the key that stands there."""

    def __init__(self, source: Source, report: Report, finding: Diagnostic) -> None:
        self.source = source
        self.start, self.end = source.range(finding.span)
        self.text = source.text[self.start : self.end]
        self.root = report.document.root if report.document else Node(None, finding.span)
        self.parent, self.value = _holder(self.root, finding.span) or (self.root, None)

    def instead(self, text: str) -> Patches:
        """What stands at the finding, replaced."""
        return (Patch(self.start, self.end, text),)

    def of(self, node: Node) -> tuple[int, int]:
        return self.source.range(node.span)


def mechanical(source: Source, report: Report, finding: Diagnostic) -> Iterator[Guess]:
    """Edits that a hint asks for in so many words."""
    place = Place(source, report, finding)
    for pattern, guess in _GUESSES:
        found = re.search(pattern, finding.hint)
        if found:
            yield from guess(place, found)


def _holder(root: Node, span: Span) -> tuple[Node, Node | None] | None:
    """The mapping whose key stands at a place, with that key's value; or the value itself."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_mapping:
            for key, child in node.value.items():
                if span in (node.keys.get(key), child.span):
                    return node, child
            stack += node.value.values()
        elif node.is_list:
            for child in node.value:
                if child.span == span:
                    return node, child
            stack += node.value
    return None


def _rename(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    """did you mean conv?  One of the words at the place, or of the value there, is meant."""
    meant = hint[1]
    stretches = [(place.start, place.end)]
    if place.value is not None and not place.value.is_mapping:
        stretches.append(place.of(place.value))
    words = [
        (_likeness(word[0], meant), start + word.start(), word[0])
        for start, end in dict.fromkeys(stretches)
        for word in _WORD.finditer(place.source.text[start:end])
    ]
    for likeness, start, word in sorted(words, reverse=True):
        if 0.5 <= likeness < 1:
            yield f"Change {word} to {meant}", (Patch(start, start + len(word), meant),)


def _likeness(word: str, meant: str) -> float:
    """From 0 to 1; a word that has the other in it, as BatchNorm2d has norm, is like it."""
    if word != meant and meant in word.lower():
        return 0.9
    return SequenceMatcher(None, word.lower(), meant).ratio() if word != meant else 1.0


def _blank(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    yield "Put a blank after the colon", place.instead(place.text.replace(":", ": ", 1))


def _colon(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    yield "Put a colon before the bracket", place.instead(re.sub(r"\s*\{", ": {", place.text, count=1))


def _quote(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    """Every limit on the line that has no quotes, and each by itself."""
    line = place.source.line_start(place.start)
    end = place.source.line_end(place.start)
    found = [
        Patch(line + limit.start(1), line + limit.end(1), f'"{limit[1]}"')
        for limit in _LIMIT.finditer(place.source.text[line:end])
    ]
    if found:
        yield "Quote the limit", tuple(found)


def _relation(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    if place.value is not None:
        yield f"Write {hint[1]}", (Patch(*place.of(place.value), hint[1]),)


def _tabs(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    tabs = re.finditer(r"(?m)^[ ]*(\t[ \t]*)", place.source.text)
    found = tuple(Patch(*tab.span(1), tab[1].replace("\t", "  ")) for tab in tabs)
    if found:
        yield "Indent with spaces", found


def _truth(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    if place.value is not None:
        word = "true" if hint[1] in ("yes", "on") else "false"
        yield f"Change {hint[1]} to {word}", (Patch(*place.of(place.value), word),)


def _value(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    """write 32, write [1, 3]: in place of the value."""
    if place.value is not None:
        yield f"Write {hint[1]}", (Patch(*place.of(place.value), hint[1]),)


def _division(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    if place.value is not None and isinstance(place.value.value, str):
        start, end = place.of(place.value)
        text = re.sub(r"(?<!/)/(?!/)", "//", place.source.text[start:end])
        yield "Write // to divide whole numbers", (Patch(start, end, text),)


def _second_key(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    """A second key where one is expected: an item of its own, or a field of the first."""
    if place.source.text[place.start - 2 : place.start] == "  ":
        yield f"Start a new item before {hint[1]}", (Patch(place.start - 2, place.start, "- "),)
    lines = range(place.source.span(place.start, place.end).line, place.parent.span.end_line + 1)
    starts = (place.source.starts[line - 1] for line in lines)
    yield f"Indent {hint[1]}", tuple(Patch(start, start, "  ") for start in starts)


def _dashes(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    """A mapping where a list is expected: a dash before each key, and what is under it indented with it."""
    if place.value is None or not place.value.is_mapping:
        return
    keys = {span.line: span.column for span in place.value.keys.values()}
    column = min(keys.values(), default=1)
    lines = range(place.value.span.line, place.value.span.end_line + 1)
    starts = {line: place.source.offset(line, column) for line in lines}
    yield (
        "Start each one with a dash",
        tuple(Patch(start, start, "- " if keys.get(line) == column else "  ") for line, start in starts.items()),
    )


def _key(place: Place, hint: re.Match[str]) -> Iterator[Guess]:
    """set classes: 10, add input: [3, 32, 32]: to the mapping around, or to the whole file."""
    key, text = hint[1], hint[2]
    for mapping in (place.parent, place.root):
        child = mapping.get(key)
        if child is not None and child.span.file == place.source.file:
            yield f"Set {key}: {text}", (Patch(*place.of(child), text),)
    if place.root.is_mapping and key not in place.root.value:
        before = [span for name, span in place.root.keys.items() if name == "network" or key == "archbuilder"]
        spans = [span for span in before if span.file == place.source.file]
        start = place.source.line_start(min(place.source.range(span)[0] for span in spans)) if spans else 0
        yield f"Add {key}: {text}", (Patch(start, start, f"{key}: {text}{place.source.newline}"),)


_GUESSES: list[tuple[str, Callable[[Place, re.Match[str]], Iterator[Guess]]]] = [
    (r"did you mean (\S+(?:: \S+)?)\?", _rename),
    ("put a blank after the colon", _blank),
    ("put a colon before the bracket", _colon),
    ("quote (?:it|the limit), as in", _quote),
    (r'write the relation too: ("[^"]*")', _relation),
    ("indent with spaces", _tabs),
    ("YAML knows true and false; (yes|no|on|off) is text", _truth),
    (r"^write (-?[0-9]+|\[[^\]]*\])$", _value),
    ("write // to divide", _division),
    (r"start a new item with a dash before (\S+),", _second_key),
    ("start each one with a dash", _dashes),
    (r"^(?:write|set|add) (\w+): (\[[^\]{]*\]|[\w.-]+)", _key),
]
