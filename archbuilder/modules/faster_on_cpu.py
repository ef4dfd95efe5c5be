"""Faster implementations of layers on a CPU, with equal parameters, state_dict and output."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder.modules.own_layers import ChannelSlice


class PhasedConv2d(nn.Conv2d):
    """A dilated depthwise convolution, run as an undilated one over the d x d phases of the map.

    With dilation d, only pixels at distances that are multiples of d are combined, so the map splits into d x d maps of
    every d-th pixel, on each of which the dilation is 1. oneDNN has a fast backward pass for these, but not for dilated
    depthwise convolutions (benchmarks/throughput.py).

    Shapes:  as torch.nn.Conv2d, x (b, c, h, w) -> (b, c, h', w').
    Needs:   the conditions of `fits`.
    Source:  Chen et al., DeepLab, 2018, section 3.1 (subsample, convolve, interlace); tf.nn.atrous_conv2d does so.
    """

    @staticmethod
    def fits(conv: nn.Conv2d) -> bool:
        """Whether a convolution can be run by phases: depthwise, dilated, stride 1, zero padding in multiples of the
        dilation."""
        return (
            type(conv) is nn.Conv2d
            and conv.groups == conv.in_channels
            and max(conv.dilation) > 1 < max(conv.kernel_size)
            and conv.stride == (1, 1)
            and conv.padding_mode == "zeros"
            and not isinstance(conv.padding, str)
            and all(padding % step == 0 for padding, step in zip(conv.padding, conv.dilation, strict=True))
        )

    @classmethod
    def of(cls, conv: nn.Conv2d) -> PhasedConv2d:
        """The same convolution, sharing its parameters."""
        layer = cls.__new__(cls)
        layer.__dict__ = conv.__dict__
        return layer

    def forward(self, x: Tensor) -> Tensor:
        (down, right), channels = self.dilation, self.out_channels
        b, c, height, width = x.shape
        x = F.pad(x, (0, -width % right, 0, -height % down)).permute(0, 2, 3, 1)  # the pixels last: channels_last
        h, w = x.shape[1] // down, x.shape[2] // right
        phases = x.reshape(b, h, down, w, right, c).permute(0, 2, 4, 1, 3, 5).reshape(-1, h, w, c).permute(0, 3, 1, 2)
        steps = (int(self.padding[0]) // down, int(self.padding[1]) // right)
        y = F.conv2d(phases, self.weight, self.bias, 1, steps, 1, self.groups).permute(0, 2, 3, 1)
        h, w = y.shape[1:3]
        y = y.reshape(b, down, right, h, w, channels).permute(0, 3, 1, 4, 2, 5).reshape(b, h * down, w * right, -1)
        return y[:, : self._length(height, 0), : self._length(width, 1)].permute(0, 3, 1, 2)

    def _length(self, length: int, axis: int) -> int:
        return length + 2 * int(self.padding[axis]) - self.dilation[axis] * (self.kernel_size[axis] - 1)


class _Slice(torch.autograd.Function):
    """x[:, start:stop] as a separate tensor, with the gradient in the memory format of x.

    torch's own gradient of a slice is always contiguous, whatever the format of x, so earlier layers would run in two
    formats with copies in between; and element-wise operations on a view are slow.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, start: int, stop: int) -> Tensor:
        ctx.shape, ctx.channels = x.shape, slice(start, stop)
        last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
        ctx.form = torch.channels_last if last else torch.contiguous_format
        return x[:, start:stop].clone(memory_format=ctx.form)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (g,) = gradients
        whole = torch.empty(ctx.shape, dtype=g.dtype, device=g.device, memory_format=ctx.form)
        whole.zero_()[:, ctx.channels] = g
        return whole, None, None


class QuickSlice(ChannelSlice):
    """A slice of the channels that stays in its memory format, forward and backward."""

    def forward(self, x: Tensor) -> Tensor:
        sizes = self.sizes or (x.shape[1] // self.parts,) * self.parts
        start = sum(sizes[: self.part])
        sliced: Tensor = _Slice.apply(x, start, start + sizes[self.part])
        return sliced


def quicken(module: nn.Module) -> None:
    """Replace layers of a module by faster equivalents, in place; the parameters stay the same objects.

    For training on a CPU only: an export should see the plain layers.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and PhasedConv2d.fits(child):
                parent.add_module(name, PhasedConv2d.of(child))
            elif type(child) is ChannelSlice:
                parent.add_module(name, QuickSlice(child.part, child.parts, child.sizes))
