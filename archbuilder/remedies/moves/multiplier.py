"""A smaller or a larger multiplier of a depthwise conv."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import MEMORY, WEIGHTS, WORK, Context, Move, written
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import change

ALL = WEIGHTS | WORK | MEMORY
MOST = 4


def moves(context: Context) -> Iterator[Move]:
    """One more or one fewer."""
    for site in context.sites:
        old = getattr(site.block, "multiplier", 0)
        for new in (old - 1, old + 1) if old and site.conv else ():
            if 1 <= new <= MOST:
                yield from _move(site, old, new)


def _move(site: Site, old: int, new: int) -> Iterator[Move]:
    """The value 1 is the default and is not written."""
    fields = {} if new == 1 else {"multiplier": str(new)}
    if patches := written(change, site.written, "", fields, drop={"multiplier"} - set(fields)):
        title = f"multiplier {new}, not {old}, at {site.label}"
        up, down = (frozenset[str](), ALL) if new < old else (ALL, frozenset[str]())
        yield Move("multiplier", title, patches, frozenset({site.place}), up, down)
