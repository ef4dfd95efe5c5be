"""How stride, dilation and kernel are written in any block of the conv family."""

from __future__ import annotations

from collections.abc import Mapping

from archbuilder.blocks.conv import Convolution
from archbuilder.remedies.edits import Patches
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import change

Pair = tuple[int, int]


def size(value: Pair) -> str:
    """A size as text: one number if the two are equal."""
    return str(value[0]) if value[0] == value[1] else f"[{value[0]}, {value[1]}]"


def padding(conv: Convolution, kernel: Pair, dilation: Pair) -> dict[str, str]:
    """The padding that keeps the size of the map with another window; nothing if `same` does it."""
    if conv.padding == "same":
        return {}
    old = conv.padding if isinstance(conv.padding, tuple) else (0, 0, 0, 0)
    grown = [d * (k - 1) - e * (n - 1) for d, k, e, n in zip(dilation, kernel, conv.dilation, conv.kernel, strict=True)]
    halves = (grown[0] // 2, grown[0] - grown[0] // 2, grown[1] // 2, grown[1] - grown[1] // 2)
    new = [side + more for side, more in zip(old, halves, strict=True)]
    if new == list(old) or min(new) < 0:
        return {}
    if len(set(new)) == 1:
        return {"padding": str(new[0])}
    if new[0] == new[1] and new[2] == new[3]:
        return {"padding": f"[{new[0]}, {new[2]}]"}
    return {"padding": f"[{', '.join(map(str, new))}]"}


def set_dilation(site: Site, dilation: Pair, keep_size: bool = True) -> Patches:
    """The block with another dilation: `conv` becomes `dilated`, and `dilated` without one `conv`."""
    conv = site.conv
    assert conv is not None
    fields = padding(conv, conv.kernel, dilation) if keep_size else {}
    if dilation == (1, 1):
        word = "conv" if site.word == "dilated" else site.word
        return change(site.written, word, fields, drop={"dilation"})
    word = "dilated" if site.word == "conv" else site.word
    bare = site.written.body is None or not site.written.body.is_mapping
    default = word == "dilated" and dilation == (2, 2) and bare and not fields
    return change(site.written, word, fields if default else {"dilation": size(dilation), **fields})


def set_stride(site: Site, stride: Pair) -> Patches:
    """The block with another stride: `conv` becomes `strided`, and `strided` without one `conv`."""
    if stride == (1, 1):
        word = "conv" if site.word == "strided" else site.word
        return change(site.written, word, drop={"stride"})
    word = "strided" if site.word == "conv" else site.word
    if word == "strided" and stride == (2, 2):
        return change(site.written, word, drop={"stride"})
    return change(site.written, word, {"stride": size(stride)})


def set_kernel(site: Site, kernel: Pair) -> Patches:
    """The block with another kernel, and the padding that keeps the map's size."""
    conv = site.conv
    assert conv is not None
    return change(site.written, "", {"kernel": size(kernel), **padding(conv, kernel, conv.dilation)})


def set_fields(site: Site, fields: Mapping[str, str]) -> Patches:
    return change(site.written, "", fields)
