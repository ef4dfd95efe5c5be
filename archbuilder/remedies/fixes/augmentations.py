"""An augmentation that a rule pack asks for, added to data: augment:."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Diagnostic
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.items import insert_after
from archbuilder.remedies.mapping import change_mapping
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patches
from archbuilder.remedies.writing import Written

_ADD = re.compile(r"add (\w+(?:: \{.+\})?) under data: augment:")


def mend(d: Diagnostic, page: Page) -> Mending | None:
    asked = _ADD.fullmatch(d.hint)
    patches = _added(page, asked[1]) if asked else ()
    return Mending(f"add {asked[1]} to augment", patches) if asked and patches else None


def _added(page: Page, text: str) -> Patches:
    """After the last augmentation; as the first one where there is none."""
    data = page.document.root.get("data")
    if data is None or not data.is_mapping or data.span.file != page.source.file:
        return ()
    augment = data.get("augment")
    if augment is not None and augment.is_list and augment.value:
        return insert_after(Written(page.source, augment, len(augment.value) - 1), text)
    item = f"{{{text}}}" if ":" in text else text
    return change_mapping(page.source, data, {"augment": f"[{item}]"}, ())
