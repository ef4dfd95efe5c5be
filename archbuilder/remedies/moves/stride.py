"""A stride added, removed, or moved to an earlier or later conv."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import FIELD, MEMORY, WORK, Context, Move, conv_sites, written
from archbuilder.remedies.moves._conv import set_stride
from archbuilder.remedies.sites import Site


def moves(context: Context) -> Iterator[Move]:
    """Stride 2 for every conv with stride 1, no stride for every strided one, and each such pair exchanged."""
    convs = [site for site in conv_sites(context) if site.conv]
    plain = [site for site in convs if site.conv and site.conv.stride == (1, 1)]
    strided = [site for site in convs if site.conv and site.conv.stride != (1, 1)]
    for site in plain:
        if site.conv and site.conv.dilation == (1, 1):
            yield from _here(site)
    for site in strided:
        yield from _away(site)
        for other in plain:
            if other.conv and other.conv.dilation == (1, 1):
                yield from _moved(site, other)


def _here(site: Site) -> Iterator[Move]:
    if patches := written(set_stride, site, (2, 2)):
        title = f"stride at {site.label}: stride 2"
        yield Move("stride", title, patches, frozenset({site.place}), FIELD, WORK | MEMORY, form=True)


def _away(site: Site) -> Iterator[Move]:
    if patches := written(set_stride, site, (1, 1)):
        title = f"no stride at {site.label}"
        yield Move("stride", title, patches, frozenset({site.place}), WORK | MEMORY, FIELD, form=True)


def _moved(site: Site, other: Site) -> Iterator[Move]:
    """An earlier stride affects more convs after it, and gives them smaller maps."""
    stride = site.conv.stride if site.conv else (2, 2)
    off, on = written(set_stride, site, (1, 1)), written(set_stride, other, stride)
    if not off or not on:
        return
    earlier = other.place < site.place
    title = f"stride {'earlier' if earlier else 'later'}: at {other.label} instead of {site.label}"
    up, down = (FIELD, WORK | MEMORY) if earlier else (WORK | MEMORY, FIELD)
    yield Move("stride moved", title, (*off, *on), frozenset({site.place, other.place}), up, down, form=True)
