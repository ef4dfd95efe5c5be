"""Insert and Remove: items of a list of blocks or of augmentations."""

from __future__ import annotations

from archbuilder.diagnostics import Span
from archbuilder.remedies.fixes.fields import alone
from archbuilder.remedies.fixes.mending import Mending
from archbuilder.remedies.page import Page
from archbuilder.remedies.source import Patches
from archbuilder.remedies.writing import Written, change_mapping, insert_after, insert_before, remove
from archbuilder.remedy import Insert, Path, Remove


def leave_out(remedy: Remove, span: Span, page: Page) -> Mending | None:
    block = page.block(span)
    return Mending(f"leave {block.word} out", remove(block)) if block else None


def insert(remedy: Insert, span: Span, page: Page) -> Mending | None:
    if remedy.at:
        return Mending(f"add {remedy.text} to {remedy.at[-1]}", _appended(remedy.items, remedy.at, page))
    block = page.block(span)
    if block is None:
        return None
    where = "before" if remedy.before else "after"
    put = insert_before if remedy.before else insert_after
    return Mending(f"put {remedy.text} {where} {block.word}", put(block, *remedy.items))


def _appended(items: tuple[str, ...], path: Path, page: Page) -> Patches:
    """After the last item of a list; as the first ones where there is none."""
    holder, found = page.find(path[:-1]), page.find(path)
    if holder is None or not holder.is_mapping or holder.span.file != page.source.file:
        return ()
    if found is not None and found.is_list and found.value:
        return insert_after(Written(page.source, found, len(found.value) - 1), *items)
    text = ", ".join(f"{{{item}}}" if ":" in item else item for item in items)
    return alone(page.source, change_mapping(page.source, holder, {path[-1]: f"[{text}]"}, ()))
