"""Images as arrays of pixels: resized with numpy alone, and made into pictures that can be looked at."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray


def resize(images: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """(n, h, w) -> (n, height, width), bicubic, smoothed first where the result is smaller.

    Separable, so two matrix products.  Values may overshoot the input's range.
    Source: Keys 1981 with a = -0.5, as Pillow's BICUBIC.
    """
    rows, columns = _weights(images.shape[1], height), _weights(images.shape[2], width)
    resized: NDArray[np.float64] = rows @ images @ columns.T
    return resized


def _weights(source: int, target: int) -> NDArray[np.float64]:
    """How much each of `source` pixels counts in each of `target` pixels; rows add up to 1."""
    ratio = source / target
    centres = (np.arange(target)[:, None] + 0.5) * ratio
    distance = np.abs(np.arange(source)[None, :] + 0.5 - centres) / max(ratio, 1.0)
    near = (1.5 * distance - 2.5) * distance**2 + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    weights = np.where(distance < 1.0, near, np.where(distance < 2.0, far, 0.0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


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
