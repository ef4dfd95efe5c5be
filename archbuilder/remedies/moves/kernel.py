"""A larger or a smaller kernel."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import FIELD, WEIGHTS, WORK, Context, Move, conv_sites, written
from archbuilder.remedies.moves._conv import Pair, set_kernel, size
from archbuilder.remedies.sites import Site

MOST = 7


def moves(context: Context) -> Iterator[Move]:
    """Two pixels more, or two fewer, on each axis that has a window; never down to a 1x1 kernel."""
    for site in conv_sites(context):
        conv = site.conv
        if conv is None:
            continue
        for by in (2, -2):
            h, w = (k + by if k > 1 else k for k in conv.kernel)
            if max(h, w) <= MOST and min(k for k, n in zip((h, w), conv.kernel, strict=True) if n > 1) > 1:
                yield from _move(site, (h, w), by)


def _move(site: Site, kernel: Pair, by: int) -> Iterator[Move]:
    if patches := written(set_kernel, site, kernel):
        up, down = (FIELD | WEIGHTS | WORK, frozenset[str]())
        raises, lowers = (up, down) if by > 0 else (down, up)
        title = f"{'larger' if by > 0 else 'smaller'} kernel at {site.label}: kernel {size(kernel)}"
        yield Move("kernel", title, patches, frozenset({site.place}), raises, lowers)
