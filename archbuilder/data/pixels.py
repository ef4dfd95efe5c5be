"""Images of a data set as pictures that can be looked at."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (h, w, c)


def to_rgb(image: Pixels) -> Pixels:
    """(h, w, c) -> (h, w, 3): colours stay, one channel is grey, of other numbers the mean is shown."""
    if image.shape[2] == 3:
        return image
    grey = image.mean(axis=2, keepdims=True).round().astype(np.uint8)
    return np.repeat(grey, 3, axis=2)


def png(image: Pixels) -> bytes:
    """(h, w, 3) -> the content of a PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
