"""A strided conv instead of a max pool; a global pool instead of one with a window."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import FIELD, WEIGHTS, WORK, Move, Scene, written
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import change

WINDOW = {"kernel", "stride", "padding", "dilation"}


def moves(scene: Scene) -> Iterator[Move]:
    for site in scene.sites:
        if site.word == "max_pool" and site.layers:
            yield from _strided(site)
        if site.word == "avg_pool" and site.layers and (site.after.h, site.after.w) == (1, 1):
            yield from _global(site)


def _strided(site: Site) -> Iterator[Move]:
    fields = {"out": str(site.before.c)}
    if patches := written(change, site.written, "strided", fields, drop=WINDOW):
        title = f"a strided conv instead of max_pool: {site.label}"
        yield Move("pool", title, patches, frozenset({site.place}), FIELD | WEIGHTS | WORK, form=True)


def _global(site: Site) -> Iterator[Move]:
    if patches := written(change, site.written, "gap", drop=WINDOW):
        yield Move("pool", f"gap instead of avg_pool: {site.label}", patches, frozenset({site.place}), form=True)
