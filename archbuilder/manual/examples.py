"""The context of the examples in the manual of codes: the rest of a file, and the folder of a session.

An example has one of three forms:
- blocks, beginning with a dash: the blocks under `network:`
- other keys of a file, to which the required keys are added
- a session, beginning with `$ `: each such line is a command, run in a folder with FILES; the lines below it are its
  here-document
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

FILE = "net.yaml"  # the name of the file in an example

LEAST = {
    "archbuilder": "archbuilder: 1",
    "input": "input: [3, 32, 32]",
    "network": "network:\n  - conv: 16\n  - gap",
}

FILES = {
    FILE: """\
archbuilder: 1
input: [1, 8, 8]
classes: 10
network: [{conv: 8}, gap, classifier]
data: {dataset: digits}
train: {epochs: 1}
""",
    "model.py": """\
import torch
from torch import nn


Net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())


Digits = nn.Sequential(nn.Conv2d(1, 10, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def net(width):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())


class AnyBatch(nn.Module):
    def forward(self, x):
        return x.relu().view(x.size(0), 3072)


class FixedBatch(nn.Module):
    def forward(self, x):
        return x.relu().view(32, 3072)


class Fourier(nn.Module):
    def forward(self, x):
        return torch.fft.fft2(x).real


class BehindTorch(nn.Module):
    def forward(self, x):
        x.numpy()[:] *= 3
        return x.relu()


class Crossing(nn.Module):
    def __init__(self):
        super().__init__()
        convs = (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(6))
        self.a, self.b, self.c, self.d, self.p, self.q = convs

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        c = self.c(b) + self.p(a)
        return self.d(c) + self.q(b)
""",
    "images.py": '''\
"""python images.py [TYPE] [LABEL]: 40 random images; the type of their pixels, and the first of ten labels."""

import sys

import numpy as np

kind = sys.argv[1] if len(sys.argv) > 1 else "uint8"
first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
images = np.random.default_rng().integers(0, 256, (40, 8, 8)).astype(kind)
labels = first + np.arange(40) % 10
np.savez("images.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
''',
    "photos.py": '''\
"""python photos.py: five grey images in each of the folders photos/cat and photos/dog."""

from pathlib import Path

from PIL import Image

for name in ("cat", "dog"):
    Path("photos", name).mkdir(parents=True, exist_ok=True)
    for level in range(5):
        Image.new("L", (8, 8), level).save(f"photos/{name}/{level}.png")
''',
    "nested.py": '''\
"""python nested.py LEVELS: a network of definitions, each of which uses the one before it."""

import sys

levels = int(sys.argv[1])
print("archbuilder: 1\\ninput: [3, 32, 32]\\ndefine:\\n  d0: {blocks: [{conv: 16}]}")
for level in range(1, levels + 1):
    print(f"  d{level}: {{blocks: [d{level - 1}]}}")
print(f"network: [d{levels}]")
''',
    "twice.py": '''\
from archbuilder.blocks import register
from archbuilder.blocks.conv import Conv


@register
class Twice(Conv):
    """A convolution of the user's own."""
''',
}


def is_session(example: str) -> bool:
    """Whether an example is a shell session."""
    return example.startswith("$ ")


def file_of(example: str) -> str:
    """The whole file of an example that is not a session."""
    if example.startswith("- "):
        example = "network:\n" + textwrap.indent(example, "  ")
    missing = (text for key, text in LEAST.items() if not re.search(rf"^{key}:", example, re.MULTILINE))
    return "\n".join([*missing, example]) + "\n"


def named(session: str) -> Iterator[tuple[str, str]]:
    """The files that a session names, with their texts; of model.py only the modules that are named."""
    for name, text in FILES.items():
        if name in session and name != "model.py":
            yield name, text
    modules = set(re.findall(r"model\.(?:py:)?(\w+)", session)) - {"py"}
    if found := [part for part in FILES["model.py"].split("\n\n\n") if _defined(part) in modules]:
        yield "model.py", "\n\n\n".join(found)


def _defined(part: str) -> str:
    """The name that a statement defines."""
    found = re.match(r"(?:class |def )?(\w+)", part)
    return found[1] if found else ""
