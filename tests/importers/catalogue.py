"""The hand-written models in tests/importers/models, each in the manner of networks that students really write."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from archbuilder.importers.model_source import load

FOLDER = Path(__file__).parent / "models"


class Model(NamedTuple):
    """A file, what to take from it, the input, and how many parameters nothing ever uses."""

    file: str
    name: str = "Net"
    arguments: dict[str, Any] = {}  # noqa: RUF012  # of a NamedTuple, never changed
    input: tuple[int, int, int] = (3, 32, 32)
    unused: int = 0

    def __str__(self) -> str:
        return "-".join([self.file, *map(str, self.arguments.values())])

    def module(self) -> nn.Module:
        return load(FOLDER / f"{self.file}.py", self.name, self.arguments)


MODELS = [
    Model("activations"),
    Model("activations", arguments={"act": "mish"}),
    Model("bare_depthwise"),
    Model("airbench"),
    Model("bottleneck"),
    Model("concat"),
    Model("convmixer", "ConvMixer", {"depth": 2, "kernel_size": 3}),
    Model("convnext", "ConvNeXt"),
    Model("crossing"),
    Model("densenet", "DenseNet"),
    Model("dilated"),
    Model("dla"),
    Model("dla", arguments={"levels": [3]}),
    Model("efficientnet"),
    Model("efficientnet", arguments={"kind": "hard"}),
    Model("efficientnet", arguments={"kind": "plain"}),
    Model("excite"),
    Model("frozen", "net"),
    Model("functional"),
    Model("groupnorm"),
    Model("hourglass", "UNet", input=(3, 24, 16)),
    Model("inception_resnet"),
    Model("inplace_blocks", "Model"),
    Model("inplace_blocks", "Model", {"norm": "gn", "dropout": 0}),
    Model("inplace_blocks", "Model", {"norm": "ln"}),
    Model("inplace_blocks", "Model", {"norm": None}),
    Model("long_sums"),
    Model("loops", unused=16 * 16 * 9 + 16 + 5),
    Model("loops", arguments={"dropout": 0.3, "widths": [4, 4]}, unused=16 * 16 * 9 + 16 + 5),
    Model("mobilenet", "MobileNetV2"),
    Model("norms_by_hand"),
    Model("norms_by_hand", arguments={"head": "batch"}),
    Model("option_a", "ResNet"),
    Model("option_a", "ResNet", {"n": 1, "pad": False}),
    Model("padding"),
    Model("pools", input=(1, 28, 28)),
    Model("resnet", "ResNet"),
    Model("resnet", "ResNet", {"num_classes": 100, "width": 4}),
    Model("reused_dropout"),
    Model("separable"),
    Model("shared_transition"),
    Model("shufflenet", "ShuffleNet"),
    Model("sliced", "CIFAR10Net"),
    Model("squeezenet", "SqueezeNet"),
    Model("stages", unused=16 * 32 + 32),
    Model("stem_pair"),
    Model("unequal_parts"),
    Model("wrapper_call"),
]
