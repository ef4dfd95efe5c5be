"""Images of a data set as pictures for a page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.pixels import Pixels


def uri(content: bytes | str, kind: str) -> str:
    """A file's content as an address that needs no other file; `kind` is a media type such as image/png."""
    data = content.encode() if isinstance(content, str) else content
    return f"data:{kind};base64,{b64encode(data).decode()}"


def overlay(image: Pixels, heat: NDArray[np.float64]) -> Pixels:
    """Heat (h, w) in 0..1 laid over an image (h, w, 3) whose colours are taken away: where it is 0, grey stays."""
    from matplotlib import colormaps

    grey = image.mean(axis=2, keepdims=True)
    colour = 255 * colormaps["plasma"](heat)[..., :3]
    share = 0.7 * heat[..., None]
    return np.asarray(((1 - share) * grey + share * colour).round().clip(0, 255), np.uint8)


def enlarged(image: Pixels, side: int) -> Pixels:
    """Each pixel as a square, so that the longer side has at least `side` pixels."""
    times = max(1, -(-side // max(image.shape[:2])))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def sheet(rows: Sequence[Sequence[Pixels]], gap: int = 8) -> Pixels:
    """Pictures of one size in rows on white; a shorter row ends in white."""
    height, width, _ = rows[0][0].shape
    columns = max(map(len, rows))
    size = (len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3)
    page = np.full(size, 255, np.uint8)
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            y, x = number * (height + gap), column * (width + gap)
            page[y : y + height, x : x + width] = picture
    return page
