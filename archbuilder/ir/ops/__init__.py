"""The primitive ops, one file per kind: shape, reach, parameters and MACs of each, said once."""

from archbuilder.ir.ops.activation import Activation
from archbuilder.ir.ops.conv import Conv2d
from archbuilder.ir.ops.dropout import Dropout
from archbuilder.ir.ops.linear import Flatten, Linear
from archbuilder.ir.ops.merge import Add, Concat, Multiply
from archbuilder.ir.ops.norm import BatchNorm2d, GroupNorm, InstanceNorm2d
from archbuilder.ir.ops.pad import Pad2d
from archbuilder.ir.ops.pool import AvgPool2d, GlobalAvgPool, MaxPool2d

__all__ = [
    "Activation",
    "Add",
    "AvgPool2d",
    "BatchNorm2d",
    "Concat",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "GroupNorm",
    "InstanceNorm2d",
    "Linear",
    "MaxPool2d",
    "Multiply",
    "Pad2d",
]
