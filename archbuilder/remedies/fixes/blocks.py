"""A block in the place of another: gap for a pool that is not global, depthwise for grouped; one left out or added."""

from __future__ import annotations

import re

from archbuilder.diagnostics import Diagnostic
from archbuilder.remedies.fixes import Mending
from archbuilder.remedies.items import insert_after, remove
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patches
from archbuilder.remedies.writing import Written, change

ENDING, NOT_GLOBAL, GROUPED = "AB205", "AB401", "AB404"
IDLE, ACTIVATED, DROPPED = "AB413", "AB414", "AB415"
WINDOW = {"kernel", "stride", "padding", "dilation"}
_GROUPS = re.compile(r"groups=[0-9]+ of ([0-9]+) channels")


def mend(d: Diagnostic, page: Page) -> Mending | None:
    block = page.block(d.span)
    if block is None:
        return None
    if d.code.id == NOT_GLOBAL and block.word == "avg_pool":
        return Mending("write gap, which pools the whole map", change(block, "gap", drop=WINDOW))
    if d.code.id == NOT_GLOBAL and block.word == "max_pool":
        title = "write adaptive_max_pool, which pools the whole map"
        return Mending(title, change(block, "adaptive_max_pool", drop=WINDOW))
    if d.code.id == GROUPED:
        return _depthwise(d, block)
    idle = d.code.id == IDLE and d.hint == "leave it out"
    if idle or (d.code.id in (ACTIVATED, DROPPED) and block.word in ("activation", "dropout")):
        return Mending(f"leave {block.word} out", remove(block))
    if d.code.id == ENDING and "map" in d.message:
        return Mending("end with gap and classifier", _end(block))
    return None


def _depthwise(d: Diagnostic, block: Written) -> Mending | None:
    found, out = _GROUPS.search(d.message), block.text_of("out")
    if found is None or block.word not in ("grouped", "conv") or not out.isdigit() or int(out) % int(found[1]):
        return None
    multiplier = int(out) // int(found[1])
    fields = {"multiplier": str(multiplier)} if multiplier > 1 else {}
    return Mending("write depthwise", change(block, "depthwise", fields, drop={"groups", "out"}))


def _end(block: Written) -> Patches:
    (one,) = insert_after(block, "gap")
    (two,) = insert_after(block, "classifier")
    return (one._replace(text=one.text + two.text),)
