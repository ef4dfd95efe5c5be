"""`--set train.epochs=3`: values put into a document before it is validated."""

from __future__ import annotations

from collections.abc import Sequence

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.document import Document, Node, parse

OVERRIDE = declare("AB901", "an override that cannot be applied", exit_status=2)


def apply(document: Document, overrides: Sequence[str]) -> None:
    """Set each `key.path=value`, value in YAML.  Raises ArchbuilderError AB901 with every bad one."""
    problems = [problem for text in overrides if (problem := _apply(document.root, text))]
    if problems:
        raise ArchbuilderError(*problems)


def _apply(root: Node, text: str) -> Diagnostic | None:
    span = Span(f"--set {text}")
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        return OVERRIDE.at(span, "an override is key.path=value", "write --set train.epochs=3")
    try:
        # as the value of a key, so that an empty text and a bare scalar are read alike
        node = parse(f"value: {value}\n", span.file).root.value["value"]
    except ArchbuilderError as error:
        return OVERRIDE.at(span, f"the value is not YAML: {error.diagnostics[0].message}", "quote it as YAML would need it")
    _relabel(node, span)
    return _set(root, keys, node, span)


def _set(parent: Node, keys: list[str], node: Node, span: Span) -> Diagnostic | None:
    for number, key in enumerate(keys):
        at_end = number == len(keys) - 1
        if parent.is_list:
            if not key.isdigit() or int(key) >= len(parent.value):
                message = f"{'.'.join(keys[:number])} is a list of {len(parent.value)}, {key} is not one of its places"
                return OVERRIDE.at(span, message, "places count from 0")
            if at_end:
                parent.value[int(key)] = node
            else:
                parent = parent.value[int(key)]
            continue
        if parent.value is None:
            parent.value = {}
        if not parent.is_mapping:
            return OVERRIDE.at(span, f"{'.'.join(keys[:number])} is {parent.value!r}, which has no fields", "")
        parent.keys[key] = span
        if at_end:
            parent.value[key] = node
        else:
            parent = parent.value.setdefault(key, Node({}, span))
    return None


def _relabel(node: Node, span: Span) -> None:
    """Problems with the value point at the override, not at a line of the little text it was read from."""
    node.span = span
    node.keys = dict.fromkeys(node.keys, span)
    children = node.value.values() if node.is_mapping else node.value if node.is_list else ()
    for child in children:
        _relabel(child, span)
