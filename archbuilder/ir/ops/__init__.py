"""The primitive ops, one file per kind: shape, reach, parameters and MACs of each, stated once."""

from archbuilder.ir.ops.activation import Activation
from archbuilder.ir.ops.conv import Conv2d
from archbuilder.ir.ops.dropout import Dropout
from archbuilder.ir.ops.linear import Flatten, Linear
from archbuilder.ir.ops.merge import Add, Concat, Gate, Multiply
from archbuilder.ir.ops.norm import BatchNorm2d, ChannelNorm, GroupNorm, InstanceNorm2d
from archbuilder.ir.ops.pad import ChannelPad, Pad2d
from archbuilder.ir.ops.pool import AdaptivePool, AvgPool2d, MaxPool2d
from archbuilder.ir.ops.resize import Upsample
from archbuilder.ir.ops.scale import ChannelScale, Rescale
from archbuilder.ir.ops.shuffle import ChannelShuffle, ChannelSlice

__all__ = [
    "Activation",
    "AdaptivePool",
    "Add",
    "AvgPool2d",
    "BatchNorm2d",
    "ChannelNorm",
    "ChannelPad",
    "ChannelScale",
    "ChannelShuffle",
    "ChannelSlice",
    "Concat",
    "Conv2d",
    "Dropout",
    "Flatten",
    "Gate",
    "GroupNorm",
    "InstanceNorm2d",
    "Linear",
    "MaxPool2d",
    "Multiply",
    "Pad2d",
    "Rescale",
    "Upsample",
]
