"""Paths into a file, and values that are set there before it is validated: `--set train.epochs=3`, `--vary`, `space:`.

A path consists of keys and positions, separated by points: `vars.width`, `train.optimizer.sgd.lr`,
`data.augment.0.shift`. A block in a list is reached by its position, from 0, or by its `name:`, at any depth below the
list; its word may be omitted: `network.C1.blocks.0.out` may be `network.0.stage.blocks.0.conv.out`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, did_you_mean, shorten, show
from archbuilder.document.nodes import Document, Node
from archbuilder.document.parser import MAX_DEPTH, parse

Steps = tuple[str | int, ...]  # keys of mappings and positions in lists, from the root down

OVERRIDE = declare(
    "AB901",
    "an override that cannot be applied",
    exit_status=2,
    why=(
        "`--set` puts a value at a path of keys before the file is validated. It has no effect if the path or the "
        "value is missing, if the path goes through a number, or if a variable is set that nothing uses."
    ),
    bad="$ archbuilder check net.yaml --set train.epochs",
    good="$ archbuilder check net.yaml --set train.epochs=3",
)


def apply(document: Document, overrides: Sequence[str]) -> None:
    """Set each `key.path=value`, with the value in YAML. Raises ArchbuilderError AB901 with every invalid one."""
    problems: list[Diagnostic] = []
    own = document.root.get("vars")
    known = list(own.value) if own and own.is_mapping else []
    for text in overrides:
        try:
            _apply(document.root, text)
        except ArchbuilderError as error:
            problems += error.diagnostics
    problems = problems or list(_idle(document.root, overrides, known))
    if problems:
        raise ArchbuilderError(*problems)


def _apply(root: Node, text: str) -> None:
    place = Span(f"--set {text}")
    _, equals, value = text.partition("=")
    if not equals or not all(_path(text).split(".")):
        raise _error(place, "an override has the form key.path=value", "write --set train.epochs=3")
    put(root, find(root, _path(text), place), _value(value, place))


def _idle(root: Node, overrides: Sequence[str], known: Sequence[str]) -> Iterator[Diagnostic]:
    """Overrides of variables that nothing uses, which would have no effect."""
    chosen = {path[len("vars.") :]: text for text in overrides if (path := _path(text)).startswith("vars.")}
    if not chosen:
        return
    used = words_of(root)
    for name in (name for name in chosen if name not in used):
        message = f"nothing uses the variable {name}: the override has no effect"
        hint = did_you_mean(name, used.intersection(known))
        yield OVERRIDE.at(Span(f"--set {chosen[name]}"), message, hint)


def words_of(root: Node) -> set[str]:
    """Every word in the texts of a tree; a variable that is not among them is not used."""
    return {word for text in _texts(root) for word in re.findall(r"[A-Za-z_]\w*", text)}


def _path(override: str) -> str:
    return override.partition("=")[0].strip()


def _texts(node: Node) -> Iterator[str]:
    """Every text value in a tree, without keys."""
    if isinstance(node.value, str):
        yield node.value
    for child in node.value.values() if node.is_mapping else node.value if node.is_list else ():
        yield from _texts(child)


def _value(text: str, place: Span) -> Node:
    """The node of a value in YAML; its place is the override, not a line of the parsed text."""
    if text.lstrip().startswith(">") and "\n" not in text:  # no block of text, which has lines, but a bound: > 44
        text = "'{}'".format(text.strip().replace("'", "''"))
    try:
        # parsed as the value of a key, so that an empty text and a bare scalar are handled alike
        document = parse(f"value: {text}", place.file)
    except ArchbuilderError as error:
        raise _error(place, f"the value is not YAML: {error.diagnostics[0].message}", "write it as in a file") from None
    if document.diagnostics:
        raise ArchbuilderError(*(replace(d, code=OVERRIDE, span=place) for d in document.diagnostics))
    if list(document.root.value) != ["value"]:
        raise _error(place, "the value ends before the text does", "write a mapping as {a: 1, b: 2}")
    node: Node = document.root.value["value"]
    _relabel(node, place)
    return node


def find(root: Node, path: str, place: Span) -> Steps:
    """The steps of a path; steps that do not exist yet are keys. Raises ArchbuilderError if it leads nowhere."""
    keys = path.split(".")
    if not all(keys):
        raise _error(place, "a path consists of keys, separated by points", "write for example train.epochs")
    if len(keys) > MAX_DEPTH:
        raise _error(place, f"a path of {len(keys)} keys", f"a file is at most {MAX_DEPTH} levels deep")
    steps: list[str | int] = []
    node: Node | None = root
    for number, key in enumerate(keys):
        is_item, is_last = bool(steps) and isinstance(steps[-1], int), number + 1 == len(keys)
        for step in _steps(root, node, key, keys[:number], is_item, is_last, place):
            node = _below(node, step)
            steps.append(step)
    return tuple(steps)


def _below(node: Node | None, step: str | int) -> Node | None:
    if node is None or node.value is None:
        return None
    child: Node | None = node.value.get(step) if isinstance(step, str) else node.value[step]
    return child


def _steps(
    root: Node, node: Node | None, key: str, way: Sequence[str], is_item: bool, is_last: bool, place: Span
) -> Steps:
    """The steps from a node to the one that a key of a path names."""
    where = ".".join(way) or "the file"
    if node is None or node.value is None:
        return (key,)
    if node.is_list:
        return _in_list(node, key, where, place)
    if not node.is_mapping:
        raise _error(place, f"{where} is {show(node.value)}, which has no fields", f"set {where} itself")
    if is_item and len(node.value) == 1:
        ((word, body),) = node.value.items()
        way_in = (word,) if key == word else (word, key)
        if (key == word and (is_last or body.is_list)) or body.value is None or body.is_mapping:
            return way_in
        if alone := _alone(root, way[0], word):  # conv: 16 means conv: {out: 16}, which has fields
            node.value[word] = Node({alone: body}, body.span, {alone: body.span})
            return way_in
        hint = f"write it with its fields, {word}: {{...}}, or name {where}.{word} itself"
        raise _error(place, f"{where} is {word}: {show(body.plain())}, which has no field {shorten(key, 60)}", hint)
    return (key,)


def _alone(root: Node, section: str, word: str) -> str:
    """The field that a bare value of an item means, empty if there is none."""
    definition = (root.get("define") or Node(None, root.span)).get(word)
    if section in ("network", "define") and definition is not None:
        parameters = definition.get("params")
        return next(iter(parameters.value), "") if parameters and parameters.is_mapping else ""
    if section == "data":
        from archbuilder.spec.augmentations import AUGMENTATIONS

        model = AUGMENTATIONS.find(word)
    else:
        from archbuilder.blocks import BLOCKS

        model = BLOCKS.find(word)
    return model.POSITIONAL if model else ""


def _in_list(node: Node, key: str, where: str, place: Span) -> Steps:
    if re.fullmatch("[0-9]{1,9}", key) and int(key) < len(node.value):
        return (int(key),)
    named = list(_named(node))
    found = [steps for name, steps in named if name == key]
    if len(found) == 1:
        return found[0]
    if found:
        hint = f"use its position: {', '.join('.'.join(map(str, steps)) for steps in found[:5])}"
        raise _error(place, f"{len(found)} blocks of {where} are called {key}", hint)
    message = f"{where} is a list of {len(node.value)}, {shorten(key, 60)} is not one of its positions"
    names = list(dict.fromkeys(name for name, _ in named))
    raise _error(
        place, message, f"positions count from 0; {did_you_mean(key, names)}" if names else "positions count from 0"
    )


def _named(blocks: Node, way: Steps = ()) -> Iterator[tuple[str, Steps]]:
    """The named blocks in a list and below it, each with the steps to it."""
    for number, item in enumerate(blocks.value):
        body = next(iter(item.value.values())) if item.is_mapping and len(item.value) == 1 else item
        here = (*way, number)
        if (name := body.get("name")) is not None and isinstance(name.value, str):
            yield name.value, here
        if item.is_list:
            yield from _named(item, here)
        elif body.is_mapping:
            (word,) = item.value if body is not item else ("",)
            inner = (*here, word) if body is not item else here
            for key, child in body.value.items():
                if child.is_list:
                    yield from _named(child, (*inner, key))


def put(root: Node, steps: Steps, node: Node) -> None:
    """Put a node at the end of some steps. Nodes on the way are copied, because an alias may share them.

    A list in the place of one item is replaced by its items: `network.3=[]` removes a block."""
    *way, last = steps
    parent = root
    for step in way:
        parent = _enter(parent, step, node.span)
    if isinstance(last, int) and node.is_list and not parent.value[last].is_list:
        parent.value[last : last + 1] = node.value
        return
    parent.value[last] = node
    if isinstance(last, str):
        parent.keys[last] = node.span


def _enter(parent: Node, step: str | int, place: Span) -> Node:
    """The child at a step: a copy of the existing one, or a new mapping."""
    old = parent.value[step] if isinstance(step, int) or step in parent.value else None
    if old is None:
        parent.keys[str(step)] = place
        child = Node({}, place)
    elif old.value is None:
        child = replace(old, value={}, keys={})
    else:
        child = replace(old, value=copy(old.value), keys=copy(old.keys))
    parent.value[step] = child
    return child


def _relabel(node: Node, place: Span) -> None:
    node.span = place
    node.keys = dict.fromkeys(node.keys, place)
    children = node.value.values() if node.is_mapping else node.value if node.is_list else ()
    for child in children:
        _relabel(child, place)


def _error(place: Span, message: str, hint: str) -> ArchbuilderError:
    return ArchbuilderError(OVERRIDE.at(place, message, hint))
