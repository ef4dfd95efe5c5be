"""Small data sets, and a teacher for each, made when a case asks for them."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from archbuilder.training import train

Shape = tuple[int, int, int]

TRAIN, TEST = 11, 5  # images


class Images:
    """Data sets in a folder, by shape, number of classes and kind."""

    KINDS = ("noise", "noise", "noise", "constant")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._teachers: dict[str, str] = {}

    def file(self, shape: Shape, classes: int, kind: str) -> str:
        """An .npz of images of a shape (channels, height, width): random levels, or the same level everywhere."""
        path = self.folder / f"{kind}-{'x'.join(map(str, shape))}-{classes}.npz"
        if not path.exists():
            channels, height, width = shape
            random = np.random.default_rng(0)
            parts = {}
            for part, count in (("train", TRAIN), ("test", TEST)):
                pixels = random.integers(0, 256, (count, height, width, channels), dtype=np.uint8)
                parts[f"x_{part}"] = pixels if kind == "noise" else np.full_like(pixels, 7)
                parts[f"y_{part}"] = np.arange(count) % classes
            np.savez(path, allow_pickle=False, **parts)
        return str(path)

    def teacher(self, data: dict[str, Any], shape: Shape, classes: int) -> str:
        """A run on the images of a data: section, normalised alike."""
        section = f"{{dataset: {data['dataset']}, batch_size: 4, normalize: {json.dumps(data.get('normalize', True))}}}"
        if section not in self._teachers:
            network = ("gap, classifier", "classifier: linear")[len(self._teachers) % 2]
            text = f"archbuilder: 1\ninput: {list(shape)}\nclasses: {classes}\nnetwork: [{network}]\n"
            text += f"data: {section}\ntrain: {{epochs: 1}}\n"
            with redirect_stdout(StringIO()):
                run = train(text, out=self.folder / "teachers", device="cpu", threads=1, report=False)
            self._teachers[section] = str(run.path)
        return self._teachers[section]
