"""What convs and pools have in common: the output size of a sliding window."""

from __future__ import annotations

from archbuilder.diagnostics import declare
from archbuilder.ir.op import OpError
from archbuilder.ir.shape import Shape

WINDOW = declare(
    "AB302",
    "a window larger than the padded map",
    why=(
        "A window slides over the map and its padding. If the window is larger than the padded map, it fits nowhere, "
        "and the output would have no pixels."
    ),
    bad="- conv: {out: 16, kernel: 33, padding: valid}",
    good="- conv: {out: 16, kernel: 5, padding: valid}",
)
TOO_SMALL = declare(
    "AB310",
    "a padding that needs more pixels than the map has",
    why="Reflected and circular padding copy pixels of the map, and this map does not have enough of them.",
    bad="- conv: {out: 16, kernel: 65, padding: 32, padding_mode: reflect}",
    good="- conv: {out: 16, padding_mode: reflect}",
)


def mirror(x: Shape, mode: str, sides: tuple[int, int, int, int]) -> None:
    """Check that a map has enough pixels for a padding (top, bottom, left, right). Raises OpError AB310."""
    if mode not in ("reflect", "circular"):
        return
    spare = int(mode == "reflect")  # the edge pixel itself is not repeated
    for n, p in zip((x.h, x.h, x.w, x.w), sides, strict=True):
        if p > n - spare:
            message = f"padding_mode {mode} needs {p + spare} pixels to pad by {p}, but the map is {x.h}x{x.w}"
            raise OpError(TOO_SMALL, message, "pad less, or use padding_mode: zeros", "padding")


def slide(
    x: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int],
    ceil: bool = False,
) -> tuple[int, int]:
    """(height, width) of the output: (n + 2p - d(k-1) - 1) // s + 1.  Raises OpError AB302.

    `ceil` rounds up instead: the last window may extend past the end if it begins before the padding at the end."""
    out = []
    for n, k, s, d, p in zip((x.h, x.w), kernel, stride, dilation, padding, strict=True):
        span = d * (k - 1) + 1
        if span > n + 2 * p + (s - 1) * ceil:
            dilated = f" with dilation {d}" if d > 1 else ""
            padded = f"{n + 2 * p} ({x.h}x{x.w} before padding)"
            raise OpError(
                WINDOW,
                f"a kernel of {k}{dilated} spans {span} pixels, but the padded map has {padded}",
                "use a smaller kernel or dilation, more padding, or remove a strided block before it",
                field="kernel",
            )
        steps = -((span - n - 2 * p) // s) if ceil else (n + 2 * p - span) // s
        out.append(steps + 1 - (ceil and steps * s >= n + p))
    return out[0], out[1]
