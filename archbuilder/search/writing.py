"""A candidate as a file: the text that the search started from, with the chosen values and its comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.document.nodes import Document, Node
from archbuilder.document.overrides import Steps, apply, find
from archbuilder.document.parser import parse
from archbuilder.remedies.edits import Overlap, Patch, Source, splice
from archbuilder.remedies.writing import Unwritable, Written, change_mapping, dash_of, remove
from archbuilder.remedy import written
from archbuilder.sources import trained_text, written_out
from archbuilder.spec.space import Choice, Pick, Space


def text_of(document: Document, space: Space, picks: Sequence[Pick], tree: Node) -> str:
    """The text of a candidate; if the original cannot be patched, its values without comments."""
    wanted = tree.plain()
    try:
        patched = splice(document.text, _patches(Source(document.text, document.name), document.root, space, picks))
        if parse(patched).root.plain() == wanted:
            return patched
    except (ArchbuilderError, Overlap, Unwritable):
        pass
    return written_out(replace(document, root=tree))


def without_space(document: Document) -> str:
    """The text that a search starts from, without its space."""
    root = document.root
    try:
        return splice(document.text, _section(Source(document.text, document.name), root))
    except Unwritable:
        fields = {key: value for key, value in root.value.items() if key != "space"}
        return written_out(replace(document, root=Node(fields, root.span, root.keys)))


def start_of(document: Document, overrides: Sequence[str]) -> str:
    """The text that a search starts from: the file with its bases and overrides applied, the space included.

    Comments are kept, unless a value comes from another file."""
    if overrides and len(document.sources) == 1:
        wanted, own = (parse(document.text, document.name) for _ in range(2))
        apply(wanted, overrides)
        try:
            text = _overridden(own, overrides)
            if parse(text).root.plain() == wanted.root.plain():
                return text
        except (ArchbuilderError, Overlap, Unwritable):
            pass
    return trained_text(document, overrides)


def _overridden(document: Document, overrides: Sequence[str]) -> str:
    choices: dict[Steps, Choice] = {}
    for text in overrides:
        path, _, value = text.partition("=")
        place = Span(text)
        node = parse(f"value: {value}").root.value["value"]
        steps = find(document.root, path.strip(), place)
        choices[steps] = Choice(path, place, (node,), steps=steps)
    source, space = Source(document.text, document.name), choices.pop(("space",), None)
    patches = [*_chosen(source, document.root, [*choices.values()], [0] * len(choices))]
    if space is None:
        return splice(document.text, patches)
    lines = [f"  {path}: {written(options)}\n" for path, options in space.options[0].plain().items()]
    text = splice(document.text, [*_section(source, document.root), *patches])
    return f"{text.rstrip()}\n\nspace:\n{''.join(lines)}"


def _patches(source: Source, root: Node, space: Space, picks: Sequence[Pick]) -> Iterator[Patch]:
    yield from _section(source, root)
    yield from _chosen(source, root, space.choices, picks)


def _chosen(source: Source, root: Node, choices: Sequence[Choice], picks: Sequence[Pick]) -> Iterator[Patch]:
    added: dict[int, tuple[Node, dict[str, Any]]] = {}  # fields to add to a mapping
    for choice, pick in zip(choices, picks, strict=True):
        node, depth = root, 0
        holder = root
        for step in choice.steps:
            if node.value is None or (isinstance(step, str) and step not in node.value):
                break
            holder, node, depth = node, node.value[step], depth + 1
        value = choice.node(pick).plain()
        if depth == len(choice.steps) and _is_bare(holder):
            node, depth = holder, depth - 1
        if left := choice.steps[depth:]:
            _, fields = added.setdefault(id(node), (node, {}))
            for key in left[:-1]:
                fields = fields.setdefault(str(key), {})
            fields[str(left[-1])] = value
        elif value != node.plain():
            yield from _replaced(source, holder, node, choice, value)
    for mapping, fields in added.values():
        if _is_bare(mapping):
            yield Patch(*source.range(mapping.span), written(mapping.plain() | fields))
            continue
        yield from change_mapping(source, mapping, {key: written(value) for key, value in fields.items()}, ())


def _is_bare(node: Node) -> bool:
    """Whether fields are written as the value of one of them, as in `conv: 16`, which has the place of both."""
    return node.is_mapping and [*node.keys.values()] == [node.span]


def _replaced(source: Source, holder: Node, node: Node, choice: Choice, value: Any) -> Iterator[Patch]:
    start, end = source.range(node.span)
    if node.span.file != source.file or source.text[start : start + 1] == "*":
        raise Unwritable("a value from elsewhere")
    last = choice.steps[-1]
    if not (isinstance(last, int) and isinstance(value, list) and not node.is_list):
        yield Patch(start, end, written(value))
        return
    block = Written(source, holder, last)
    if not value:
        yield from remove(block)
        return
    gap = ", "
    if not block.in_flow:
        dash = dash_of(block)
        gap = source.newline + " " * (dash - source.line_start(dash)) + "- "
    yield Patch(start, end, gap.join(map(written, value)))


def _section(source: Source, root: Node) -> Iterator[Patch]:
    """The file without its space."""
    if (node := root.get("space")) is None or node.span.file != source.file:
        return
    start, end = source.range(root.place("space"))[0], source.range(node.span)[1]
    if source.line_start(start) == start and not source.text[end : source.line_end(end)].partition("#")[0].strip():
        yield Patch(start, source.next_line(end), "")
    else:
        raise Unwritable("a space that is not alone on its lines")
