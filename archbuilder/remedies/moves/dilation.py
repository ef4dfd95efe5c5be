"""A conv dilated, or dilated more or less: another receptive field for the same parameters and MACs."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import FIELD, WORK, Context, Move, conv_sites, written
from archbuilder.remedies.moves._conv import Pair, set_dilation, size
from archbuilder.remedies.sites import Site

MOST = 16
LADDER = (2, 3, 4)  # tried for every conv, besides the smallest sufficient one


def moves(context: Context) -> Iterator[Move]:
    """Only for convs with stride 1: a stride and a dilation with a common factor leave pixels unread."""
    for site in conv_sites(context):
        conv = site.conv
        if conv is None or conv.stride != (1, 1):
            continue
        old = max(conv.dilation)
        up = {old - 1 + step for step in LADDER} | {_enough(context, site)}
        for new in sorted(up | set(range(1, old))):
            if new != old and new <= MOST and (move := _move(site, new)):
                yield move


def _enough(context: Context, site: Site) -> int:
    """The dilation that alone makes the field large enough, if the block is on the path that determines it."""
    (layer, op), *_ = site.convs
    stride = min(context.facts.reaches[layer.node.inputs[0]].stride)
    gain = max(int(stride), 1) * (min(k for k in op.kernel if k > 1) - 1) * site.uses
    return max(op.dilation) + -(-context.field_missing // gain)


def _move(site: Site, value: int, keep_size: bool = True) -> Move | None:
    conv = site.conv
    assert conv is not None
    new: Pair = (value if conv.kernel[0] > 1 else 1, value if conv.kernel[1] > 1 else 1)
    patches = written(set_dilation, site, new, keep_size)
    if not patches:
        return None
    old = max(conv.dilation)
    up = value > old
    return Move(
        "dilation",
        f"dilate {site.label}: dilation {size(new)}" if up else f"dilate {site.label} less: dilation {size(new)}",
        patches,
        frozenset({site.place}),
        raises=FIELD if up else frozenset(),
        lowers=frozenset() if up else FIELD | WORK,
        form=up,
        ladder=f"dilation {site.place} {up}",
        step=abs(value - old),
        value=value,
        old=old,
        at=lambda value: _move(site, value, keep_size),
    )
