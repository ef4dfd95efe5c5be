"""Augmentations that a rule pack asks for: one added to data: augment:, or the whole section where there is none."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Diagnostic
from archbuilder.document import parse
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.items import insert_after
from archbuilder.remedies.mapping import change_mapping, own_keys
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patch, Patches, Source
from archbuilder.remedies.writing import Written

_ADD = re.compile(r"add (\w+(?:: \{.+\})?) under data: augment:")
_SECTION = re.compile(r"add data: (\{dataset: (\w+), augment: \[.+\]\})")


def mend(d: Diagnostic, page: Page) -> Mending | None:
    if section := _SECTION.fullmatch(d.hint):
        patches, title = _with_section(page, section[1]), f"add data: with {section[2]} and what is to be augmented"
    elif asked := _ADD.fullmatch(d.hint):
        patches, title = _added(page, asked[1]), f"add {asked[1]} to augment"
    else:
        return None
    return Mending(title, patches) if patches else None


def _added(page: Page, text: str) -> Patches:
    """After the last augmentation; as the first one where there is none."""
    data = page.document.root.get("data")
    if data is None or not data.is_mapping or data.span.file != page.source.file:
        return ()
    augment = data.get("augment")
    if augment is not None and augment.is_list and augment.value:
        return insert_after(Written(page.source, augment, len(augment.value) - 1), text)
    item = f"{{{text}}}" if ":" in text else text
    return _alone(page, change_mapping(page.source, data, {"augment": f"[{item}]"}, ()))


def _with_section(page: Page, text: str) -> Patches:
    """At the end of the file: a line for each entry, but in brackets where the whole file is written so."""
    root, source = page.document.root, page.source
    own = own_keys(source, root)
    if "data" in root.value or not own:
        return ()
    if source.at(root.span).startswith("{"):
        return _alone(page, change_mapping(source, root, {"data": text}, ()))
    first, end = min(own.values())[0], source.line_end(source.range(root.span)[1])
    gap = source.newline + " " * (first - source.line_start(first))
    return _alone(page, (Patch(end, end, "".join(gap + line for line in _lines(text))),))


def _lines(text: str) -> list[str]:
    """A section that is written in brackets as lines."""
    section = parse(text)
    dataset, augment = (section.root.value[key] for key in ("dataset", "augment"))
    items = (Source(text, section.name).at(item.span) for item in augment.value)
    shown = (item[1:-1] if item.startswith("{") else item for item in items)
    return ["data:", f"  dataset: {dataset.value}", "  augment:", *(f"    - {item}" for item in shown)]


def _alone(page: Page, patches: Patches) -> Patches:
    """The same edits, but so that no other goes with them: a key that is added twice would occur twice.

    What is added takes the character before it along, and patches that cover the same one exclude each other."""
    before = [patch.start - (patch.start == patch.end) for patch in patches]
    text = page.source.text
    return tuple(
        Patch(start, patch.end, text[start : patch.start] + patch.text)
        for start, patch in zip(before, patches, strict=True)
    )
