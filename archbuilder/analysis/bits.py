"""Sets of pixels along an axis as the bits of an integer: exact, and cheap to move and to unite."""

from __future__ import annotations

MAX_BITS = 20_000  # pixels; what is wider is not looked at


def repeated(bits: int, times: int, step: int) -> int:
    """The set together with its copies moved by step, 2 step ... (times - 1) step; each round doubles their number."""
    done = 1
    while done < times:
        more = min(done, times - done)
        bits |= bits << more * step
        done += more
    return bits


def spread(bits: int, stride: int) -> int:
    """Pixel i moved to i * stride."""
    if stride == 1:
        return bits
    if bits & bits + 1 == 0:  # all from 0 on, as nearly always: no need to write them out
        return repeated(bits & 1, bits.bit_length(), stride)
    return int(("0" * (stride - 1)).join(f"{bits:b}"), 2)


def repeated_down(bits: int, times: int) -> int:
    """The set together with its copies moved down by 1, 2 ... times - 1: where a window of so many pixels begins that
    holds one of the set."""
    done = 1
    while done < times:
        more = min(done, times - done)
        bits |= bits >> more
        done += more
    return bits


def sampled(bits: int, stride: int) -> int:
    """Every stride-th pixel: i * stride moved to i."""
    return int(f"{bits:b}"[::-1][::stride][::-1], 2)
