"""Names of classes."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Sequence

from archbuilder.exporters.python.helpers import own_layers

MOST_LAYERS = 5  # in the name of a class


class Names:
    """Assigns unique class names."""

    def __init__(self) -> None:
        self.taken = {"Tensor", "OrderedDict", "Chain", "Layers", *own_layers(), *dir(builtins)}

    def take(self, wanted: str, otherwise: str) -> str:
        """The wanted name, or the other one if that is not an identifier; with a number from 2 if it is taken."""
        base = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else otherwise
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base}{number}"
        self.taken.add(name)
        return name


def camel(words: Iterable[str]) -> str:
    """DepthwiseSeparable, for depthwise_separable."""
    parts = re.findall(r"[A-Za-z0-9]+", " ".join(words).replace("_", " "))
    joined = "".join(part[0].upper() + part[1:] for part in parts)
    return f"Net{joined}" if joined[:1].isdigit() else joined


def of_layers(classes: Sequence[str]) -> str:
    """ConvBatchNormReLU, for nn.Conv2d, nn.BatchNorm2d, nn.ReLU."""
    return "".join(name.removeprefix("nn.").removesuffix("2d") for name in classes[:MOST_LAYERS])


def of_scope(path: str) -> str:
    """Skip for C2.skip3: the name of a class for all similar units."""
    base = camel([re.sub(r"\d+$", "", path.rpartition(".")[2])])
    return base if len(base) > 2 else f"{base}Block"


def of_path(path: str) -> str:
    """C2Skip for C2.skip: the name of a class that is used only there."""
    return camel(path.split(".")[-2:])
