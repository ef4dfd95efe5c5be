"""Changes to the fields of one mapping as it is written: in brackets, or a line each.

Each function gives the patches of the change and touches nothing else: comments and layout stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from archbuilder.document import Node
from archbuilder.remedies.source import Patch, Patches, Source

Ranges = Mapping[str, tuple[int, int]]  # where each key stands


class Unwritable(Exception):
    """A change that this form of writing has no place for: an alias, a base file, an only item."""


def own_keys(source: Source, mapping: Node) -> dict[str, tuple[int, int]]:
    """The keys that are written in a mapping itself, in order, and their ranges; merged and overridden ones are not."""
    start, end = source.range(mapping.span)
    found = {}
    for key, span in mapping.keys.items():
        if span.file == source.file and key in mapping.value:
            first, last = source.range(span)
            if start <= first and last <= end:
                found[key] = (first, last)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def change_mapping(source: Source, body: Node, fields: Mapping[str, str], drop: Collection[str]) -> Patches:
    """Fields set to these texts, others left out.  Raises Unwritable for an alias."""
    start, end = source.range(body.span)
    if source.text[start : start + 1] == "*":
        raise Unwritable("an alias stands for the fields")
    own = own_keys(source, body)
    patches = [Patch(*source.range(body.value[key].span), text) for key, text in fields.items() if key in own]
    if any(patch.start < start or patch.end > end for patch in patches):
        raise Unwritable("a value from elsewhere")
    in_flow = source.text[start : start + 1] == "{"
    added = {key: text for key, text in fields.items() if key not in own}
    left = [key for key in own if key in drop and key not in fields]
    if added and left:  # what is new stands where the first one was
        slot = left.pop(0)
        patches.append(
            Patch(own[slot][0], _value_end(source, body, own, slot), _entries(source, own[slot][0], added, in_flow))
        )
    elif added:
        patches.append(_add_flow(source, body, own, added) if in_flow else _add_lines(source, body, own, added))
    leave = _leave_flow if in_flow else _leave_lines
    return (*patches, *leave(source, body, own, left))


def _entries(source: Source, start: int, fields: Mapping[str, str], in_flow: bool) -> str:
    """Fields as they stand in a mapping, on a line each or with commas."""
    gap = ", " if in_flow else source.newline + " " * (start - source.line_start(start))
    return gap.join(f"{key}: {value}" for key, value in fields.items())


def _value_end(source: Source, body: Node, own: Ranges, key: str) -> int:
    """Where the entry of a key ends; an alias or an empty value ends with it, too."""
    return max(own[key][1], source.range(body.value[key].span)[1])


def _add_flow(source: Source, body: Node, own: Ranges, fields: Mapping[str, str]) -> Patch:
    text = _entries(source, 0, fields, in_flow=True)
    if not own:
        start, _ = source.range(body.span)
        rest = source.text[start + 1 :].lstrip()
        return Patch(start + 1, start + 1, text if rest.startswith("}") else f"{text}, ")
    end = _value_end(source, body, own, list(own)[-1])
    return Patch(end, end, f", {text}")


def _add_lines(source: Source, body: Node, own: Ranges, fields: Mapping[str, str]) -> Patch:
    """New lines after the first field, where they are seen, with its indentation."""
    if not own:
        raise Unwritable("no field to stand beside")
    first = next(iter(own))
    key = next((key for key in own if not isinstance(body.value[key].value, (dict, list))), first)
    start, end = own[first][0], source.line_end(_value_end(source, body, own, key))
    indent = source.newline + " " * (start - source.line_start(start))
    return Patch(end, end, indent + _entries(source, start, fields, in_flow=False))


def _leave_flow(source: Source, body: Node, own: Ranges, drop: Collection[str]) -> Patches:
    keys = list(own)
    kept = [number for number, key in enumerate(keys) if key not in drop]
    last = kept[-1] if kept else -1
    patches = [Patch(own[key][0], own[keys[n + 1]][0], "") for n, key in enumerate(keys[:last]) if key in drop]
    if last + 1 < len(keys):
        start = _value_end(source, body, own, keys[last]) if kept else own[keys[0]][0]
        patches.append(Patch(start, _value_end(source, body, own, keys[-1]), ""))
    return tuple(patches)


def _leave_lines(source: Source, body: Node, own: Ranges, drop: Collection[str]) -> Patches:
    patches = []
    for key in drop:
        start = source.line_start(own[key][0])
        if len(drop) == len(own) or source.text[start : own[key][0]].strip():
            raise Unwritable("an only field, or one that is not alone on its line")
        patches.append(Patch(start, source.next_line(_value_end(source, body, own, key)), ""))
    return tuple(patches)
