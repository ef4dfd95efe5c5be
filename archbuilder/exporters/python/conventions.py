"""How people usually write torch's layers: which arguments have no keyword, and which are omitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Convention:
    """Arguments without keyword, in the order of the signature, and default values that are omitted."""

    positional: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)


_WINDOW = {"padding": 0, "dilation": 1}
_BATCH_NORM = Convention(("num_features",), {"eps": 1e-5, "momentum": 0.1, "affine": True})

# a test compares each with torch's signature; other layers are written with every keyword
CONVENTIONS: dict[str, Convention] = {
    "Conv2d": Convention(
        ("in_channels", "out_channels", "kernel_size"),
        {**_WINDOW, "stride": 1, "groups": 1, "bias": True, "padding_mode": "zeros"},
    ),
    "Linear": Convention(("in_features", "out_features"), {"bias": True}),
    "BatchNorm1d": _BATCH_NORM,
    "BatchNorm2d": _BATCH_NORM,
    "GroupNorm": Convention(("num_groups", "num_channels"), {"eps": 1e-5, "affine": True}),
    "InstanceNorm2d": Convention(("num_features",), {"eps": 1e-5, "affine": False}),
    "ChannelNorm": Convention(("channels",), {"eps": 1e-5, "affine": True}),
    "ChannelScale": Convention(("channels",), {"init": 1.0}),
    "Rescale": Convention((), {"scale": 1.0, "offset": 0.0}),
    "ChannelShuffle": Convention(("groups",)),
    "LeakyReLU": Convention(("negative_slope",)),
    "PReLU": Convention(("num_parameters",)),
    "Dropout": Convention(("p",)),
    "Dropout2d": Convention(("p",)),
    "MaxPool2d": Convention(("kernel_size",), _WINDOW | {"ceil_mode": False}),
    "AvgPool2d": Convention(("kernel_size",), {"padding": 0, "ceil_mode": False, "count_include_pad": True}),
    "AdaptiveAvgPool2d": Convention(("output_size",)),
    "AdaptiveMaxPool2d": Convention(("output_size",)),
    "ZeroPad2d": Convention(("padding",)),
    "ZeroPad3d": Convention(("padding",)),
    "ReflectionPad2d": Convention(("padding",)),
    "ReplicationPad2d": Convention(("padding",)),
    "CircularPad2d": Convention(("padding",)),
    "Upsample": Convention((), {"mode": "nearest"}),
}


def plain(value: Any) -> Any:
    """3 for (3, 3): torch takes one number for both axes."""
    return value[0] if type(value) is tuple and len(value) == 2 and value[0] == value[1] else value
