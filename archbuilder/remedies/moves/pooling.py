"""A strided conv instead of a max pool; a global pool instead of one with a window."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import FIELD, MEMORY, WEIGHTS, WORK, Context, Move, written
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import change, insert_before

POOLS = ("adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "max_pool")
WINDOW = {"kernel", "stride", "padding", "dilation"}


def moves(context: Context) -> Iterator[Move]:
    for site in context.sites:
        if site.word == "max_pool" and site.layers:
            yield from _strided(site)
            yield from _instead(site, "avg_pool", {"dilation"})
        if site.word in POOLS and site.layers:
            yield from _instead(site, "gap", {*WINDOW, "size"})
        if site.word in ("flatten", "classifier") and site.layers and max(site.before.h, site.before.w) > 1:
            yield from _pooled(site)


def _strided(site: Site) -> Iterator[Move]:
    fields = {"out": str(site.before.c)}
    if patches := written(change, site.written, "strided", fields, drop=WINDOW):
        title = f"a strided conv instead of max_pool: {site.label}"
        yield Move("pool", title, patches, frozenset({site.place}), FIELD | WEIGHTS | WORK, form=True)


def _instead(site: Site, word: str, drop: set[str]) -> Iterator[Move]:
    if patches := written(change, site.written, word, drop=drop):
        title = f"{word} instead of {site.word}: {site.label}"
        yield Move("pool", title, patches, frozenset({site.place}), form=True)


def _pooled(site: Site) -> Iterator[Move]:
    if patches := written(insert_before, site.written, "gap"):
        title = f"gap before {site.label}"
        yield Move("pool", title, patches, frozenset({site.place}), lowers=WEIGHTS | WORK | MEMORY, form=True)
