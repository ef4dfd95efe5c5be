"""Modules for layers without a class in torch.nn, so that hooks, summaries and graphs see them."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """The sum of its inputs."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return reduce(torch.add, inputs)


class Multiply(nn.Module):
    """The product of its inputs."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return reduce(torch.mul, inputs)


class Concat(nn.Module):
    """The channels of its inputs in order."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class ChannelSlice(nn.Module):
    """Consecutive channels: one of `parts` equal parts, or of parts of these `sizes`: (b, c, h, w) -> (b, c / parts, h,
    w)."""

    def __init__(self, part: int, parts: int, sizes: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.part = part
        self.parts = parts
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        return (x.split(self.sizes, dim=1) if self.sizes else x.chunk(self.parts, dim=1))[self.part]


class ChannelScale(nn.Module):
    """Multiplies each channel by a learnt factor: (b, c, h, w) -> (b, c, h, w)."""

    def __init__(self, channels: int, init: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None]


class Rescale(nn.Module):
    """Multiplies each value by a constant and adds a constant; for any shape with the channels on axis 1.

    A tuple has one number per channel."""

    scale: float | Tensor
    offset: float | Tensor

    def __init__(
        self,
        scale: float | tuple[float, ...] = 1.0,
        offset: float | tuple[float, ...] = 0.0,
    ) -> None:
        super().__init__()
        for name, constant in (("scale", scale), ("offset", offset)):
            if isinstance(constant, tuple):
                self.register_buffer(name, torch.tensor(constant))
            else:
                setattr(self, name, constant)

    def forward(self, x: Tensor) -> Tensor:
        constants = []
        for constant in (self.scale, self.offset):
            if isinstance(constant, Tensor):
                constant = constant.view(-1, *(1,) * (x.dim() - 2))
            constants.append(constant)
        return x * constants[0] + constants[1]


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels at each pixel: (b, c, h, w) -> (b, c, h, w)."""

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(channels, eps, affine)

    def forward(self, x: Tensor) -> Tensor:
        y, weight, bias = x.movedim(1, -1), self.weight, self.bias
        y = nn.functional.layer_norm(y, x.shape[1:2], weight, bias, self.eps)
        return y.movedim(-1, 1)


class TanhExp(nn.Module):
    """x * tanh(exp(x)) (Liu and Di, 2020)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.tanh(torch.exp(x))
