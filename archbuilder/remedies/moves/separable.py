"""A depthwise separable conv instead of a dense one, and the other way round; depthwise instead of grouped."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.edits import Patches
from archbuilder.remedies.moves import LAYERS, WEIGHTS, WORK, Context, Move, conv_sites, written
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import change

SEPARABLE = "depthwise_separable"


def moves(context: Context) -> Iterator[Move]:
    """Depends on the block's word; definitions and custom blocks are not changed."""
    for site in conv_sites(context):
        if site.word in ("conv", "dilated", "strided", "grouped") and site.before.c > 1:
            yield from _separable(site)
        if site.word == SEPARABLE:
            yield from _dense(site)
        if site.word == "grouped":
            yield from _depthwise(site)


def _separable(site: Site) -> Iterator[Move]:
    """Keeps stride and dilation, writing them explicitly if they were the default of the old block."""
    implied = {"dilated": {"dilation": "2"}, "strided": {"stride": "2"}}.get(site.word, {})
    fields = {name: text for name, text in implied.items() if site.written.field(name) is None}
    if patches := written(change, site.written, SEPARABLE, fields, drop={"groups"}):
        title = f"depthwise separable instead of {site.word}: {site.label}"
        yield _move(site, title, patches, lowers=WEIGHTS | WORK)


def _dense(site: Site) -> Iterator[Move]:
    if patches := written(change, site.written, "conv", drop={"multiplier", "depthwise_order"}):
        title = f"a full conv instead of depthwise separable: {site.label}"
        yield _move(site, title, patches, raises=WEIGHTS | WORK, lowers=LAYERS)


def _depthwise(site: Site) -> Iterator[Move]:
    """Fewer `groups` than channels are often meant as depthwise."""
    out, channels = site.convs[0][1].out, site.before.c
    if out % channels:
        return
    fields = {"multiplier": str(out // channels)} if out > channels else {}
    if patches := written(change, site.written, "depthwise", fields, drop={"groups", "out"}):
        yield _move(site, f"depthwise instead of grouped: {site.label}", patches, lowers=WEIGHTS | WORK)


def _move(
    site: Site, title: str, patches: Patches, raises: frozenset[str] = frozenset(), lowers: frozenset[str] = frozenset()
) -> Move:
    return Move("separable", title, patches, frozenset({site.place}), raises, lowers, form=True)
