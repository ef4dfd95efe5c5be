"""Helper classes that are included in an exported file if it uses them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

CHAIN = '''\
class Chain(nn.Sequential):
    """Layers that run one after the other, each under its name."""

    def __init__(self, /, **layers: nn.Module) -> None:
        super().__init__(OrderedDict(layers))
'''

LAYERS = '''\
class Layers(nn.Module):
    """Layers under their names; the forward of what is around them runs them."""

    def __init__(self, /, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
'''


@cache
def own_layers() -> dict[str, str]:
    """The sources of archbuilder's own layers, read as text: importing them would import torch."""
    text = (files("archbuilder") / "modules" / "own_layers.py").read_text(encoding="utf-8")
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    return {node.name: f"{ast.get_source_segment(text, node)}\n" for node in classes}


def qualified(layer: str) -> str:
    """The name of a layer in an exported file."""
    return layer if layer in own_layers() else f"nn.{layer}"


def used(code: str) -> Iterator[str]:
    """The classes that some code needs."""
    for name, source in {"Chain": CHAIN, "Layers": LAYERS, **own_layers()}.items():
        if re.search(rf"\b{name}\(|\({name}\)", code):
            yield source


def imports(code: str) -> str:
    """The imports that some code needs, in their order."""
    lines = ["from collections import OrderedDict\n"] if "OrderedDict" in code else []
    lines += ["import torch"] if re.search(r"(?<!\w)torch\.", code) else []
    return "\n".join([*lines, "from torch import Tensor, nn"])
