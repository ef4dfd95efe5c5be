"""What convs and pools share: the length of a map after a window has slid over it."""

from __future__ import annotations

from archbuilder.diagnostics import declare
from archbuilder.ir.op import OpError
from archbuilder.ir.shape import Shape

WINDOW = declare("AB302", "a window larger than the padded map")
TOO_SMALL = declare("AB310", "a padding made of more pixels than the map has")


def mirror(x: Shape, mode: str, sides: tuple[int, int, int, int]) -> None:
    """Checks that a map has the pixels for a padding (top, bottom, left, right).  Raises OpError AB310."""
    if mode not in ("reflect", "circular"):
        return
    spare = int(mode == "reflect")  # the pixel at the edge is not reflected
    for n, p in zip((x.h, x.h, x.w, x.w), sides, strict=True):
        if p > n - spare:
            message = f"padding_mode {mode} needs {p + spare} pixels to pad {p}, the map is {x.h}x{x.w}"
            raise OpError(TOO_SMALL, message, "pad less, or use padding_mode: zeros", "padding")


def slide(
    x: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int],
) -> tuple[int, int]:
    """(height, width) of the output: (n + 2p - d(k-1) - 1) // s + 1.  Raises OpError AB302."""
    out = []
    for n, k, s, d, p in zip((x.h, x.w), kernel, stride, dilation, padding, strict=True):
        span = d * (k - 1) + 1
        if span > n + 2 * p:
            dilated = f" with dilation {d}" if d > 1 else ""
            padded = f"{n + 2 * p} ({x.h}x{x.w} before padding)"
            raise OpError(
                WINDOW,
                f"a kernel of {k}{dilated} spans {span} pixels, the padded map has {padded}",
                "use a smaller kernel or dilation, more padding, or one strided block less before it",
                field="kernel",
            )
        out.append((n + 2 * p - span) // s + 1)
    return out[0], out[1]
