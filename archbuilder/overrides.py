"""`--set train.epochs=3`: values put into a document before it is validated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, did_you_mean, shorten, show
from archbuilder.document import MAX_DEPTH, Document, Node, parse

OVERRIDE = declare(
    "AB901",
    "an override that cannot be applied",
    exit_status=2,
    why=(
        "`--set` puts a value at a path of keys, before the file is validated. Without a path or a value, or "
        "on a way that leads through a number, there is nothing to set; and a variable that nothing uses "
        "would change nothing."
    ),
    bad="$ archbuilder check net.yaml --set train.epochs",
    good="$ archbuilder check net.yaml --set train.epochs=3",
)


def apply(document: Document, overrides: Sequence[str]) -> None:
    """Set each `key.path=value`, value in YAML.  Raises ArchbuilderError AB901 with every bad one."""
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
    keys = _path(text).split(".")
    if not equals or not all(keys):
        raise _error(place, "an override is key.path=value", "write --set train.epochs=3")
    if len(keys) > MAX_DEPTH:
        raise _error(place, f"a path of {len(keys)} keys", f"a file is at most {MAX_DEPTH} levels deep")
    _set(root, keys, _value(value, place))


def _idle(root: Node, overrides: Sequence[str], known: Sequence[str]) -> Iterator[Diagnostic]:
    """Overrides of variables that nothing uses: whoever sets one expects an effect."""
    chosen = {path[len("vars.") :]: text for text in overrides if (path := _path(text)).startswith("vars.")}
    if not chosen:
        return
    used = {word for text in _texts(root) for word in re.findall(r"[A-Za-z_]\w*", text)}
    for name in (name for name in chosen if name not in used):
        message = f"nothing uses the variable {name}: the override changes nothing"
        hint = did_you_mean(name, used.intersection(known))
        yield OVERRIDE.at(Span(f"--set {chosen[name]}"), message, hint)


def _path(override: str) -> str:
    return override.partition("=")[0].strip()


def _texts(node: Node) -> Iterator[str]:
    """Every text in a tree; keys are none."""
    if isinstance(node.value, str):
        yield node.value
    for child in node.value.values() if node.is_mapping else node.value if node.is_list else ():
        yield from _texts(child)


def _value(text: str, place: Span) -> Node:
    """The node of a value in YAML; its places are the override, not lines of the little text it is read from."""
    try:
        # as the value of a key, so that an empty text and a bare scalar are read alike
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


def _set(root: Node, keys: Sequence[str], node: Node) -> None:
    """Put a node under a path of keys."""
    *way, last = keys
    parent = root
    for number, key in enumerate(way):
        parent = _enter(parent, _step(parent, key, way[:number], node.span), node.span)
    step = _step(parent, last, way, node.span)
    parent.value[step] = node
    if isinstance(step, str):
        parent.keys[step] = node.span


def _step(parent: Node, key: str, way: Sequence[str], place: Span) -> str | int:
    """The key of a mapping, or the number of a place in a list.  Raises ArchbuilderError where there is neither."""
    where = ".".join(way) or "the file"
    if parent.is_list:
        if not re.fullmatch("[0-9]{1,9}", key) or int(key) >= len(parent.value):
            message = f"{where} is a list of {len(parent.value)}, {shorten(key, 60)} is not one of its places"
            raise _error(place, message, "places count from 0")
        return int(key)
    if parent.value is None:
        parent.value = {}
    if not parent.is_mapping:
        raise _error(place, f"{where} is {show(parent.value)}, which has no fields", f"set {where} itself")
    return key


def _enter(parent: Node, step: str | int, place: Span) -> Node:
    """The child to go on in: a new mapping, or a copy of what is there, for an alias may share it."""
    if isinstance(step, str) and step not in parent.value:
        parent.keys[step] = place
        child = Node({}, place)
    else:
        old = parent.value[step]
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
