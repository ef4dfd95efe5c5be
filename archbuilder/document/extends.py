"""`extends: base.yaml`: a variant of another file.

The keys of the variant take precedence. Sections (limits, goals, vars, defaults, define, data, train) are merged field
by field; a field, a list and the network are replaced as a whole. If both files choose the same of several kinds
(`optimizer: {muon: ...}`), the fields of that kind are merged, too, so a variant need not repeat what it does not
change. A key without a value changes nothing.
"""

from __future__ import annotations

from os.path import realpath
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document.nodes import Document, Node
from archbuilder.document.parser import parse_file

MAX_BASES = 10

# as JSON Schema
FORM = {"type": "string", "description": "a base file: keys of this file take precedence, lists are replaced"}

EXTENDS = declare(
    "AB009",
    "a base file that cannot be extended",
    why=(
        "A variant is its base file with some keys changed. Without the base (it is missing, it is not valid YAML, or "
        "the files extend each other in a circle) the network is incomplete."
    ),
    bad="""\
$ echo 'extends: bass.yaml' > variant.yaml
$ archbuilder check variant.yaml""",
    good="""\
$ echo 'extends: net.yaml' > variant.yaml
$ archbuilder check variant.yaml""",
)


def extend(document: Document) -> None:
    """Merge the base of a document into it, the base of that base, and so on.

    Raises ArchbuilderError AB009 for a cycle, a chain that is too long, or a base that cannot be read."""
    seen = [document.name]
    while (node := document.root.get("extends")) is not None:
        span = document.root.place("extends")
        del document.root.value["extends"]
        if not isinstance(node.value, str) or "\0" in node.value:
            raise _error(span, "extends takes the path of one file", "write extends: base.yaml")
        path = document.path_of(node.span, node.value)
        if any(_same(path, other) for other in seen) or len(seen) > MAX_BASES:
            chain = " -> ".join([*seen, path])
            raise _error(span, f"the files extend each other in a circle or too often: {chain}", "remove one extends:")
        seen.append(path)
        try:
            base = parse_file(Path(path), document.read)
        except ArchbuilderError as error:
            reasons = "; ".join(f"{d.span}: {d.message}" for d in error.diagnostics)
            raise _error(span, f"the base cannot be used: {reasons}", "paths are relative to this file") from None
        document.sources |= base.sources
        document.diagnostics += base.diagnostics
        _merge(document.root, base.root)


def _error(span: Span, message: str, hint: str) -> ArchbuilderError:
    return ArchbuilderError(EXTENDS.at(span, message, hint))


def _same(first: str, second: str) -> bool:
    return realpath(first) == realpath(second)


def _merge(own: Node, base: Node, in_turn: bool = True) -> None:
    """Add the keys that only the base has; with `in_turn`, sections and kinds that both have are merged, too."""
    if not own.is_mapping or not base.is_mapping:
        return
    for key, child in base.value.items():
        if key not in own.value or own.value[key].value is None:
            own.value[key], own.keys[key] = child, base.place(key)
        elif in_turn:
            _merge(own.value[key], child, in_turn=False)
        elif _same_kind(own.value[key], child):
            _merge(own.value[key], child)


def _same_kind(own: Node, base: Node) -> bool:
    """Whether two fields such as `optimizer: {muon: {...}}` choose the same one of several kinds."""
    return own.is_mapping and base.is_mapping and len(own.value) == 1 and own.value.keys() == base.value.keys()
