"""Known networks in plain torch, from their papers: nothing of archbuilder is used here.

Layers are made in the order in which they run, so that a network's weights are known by their position.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn(inputs: int, out: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """A conv that keeps the map's size but for its stride, and a batch norm."""
    return [nn.Conv2d(inputs, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out)]


class Basic(nn.Module):
    """ResNet's block of two convs; the shortcut is projected where the shape changes."""

    def __init__(self, inputs: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_bn(inputs, out, 3, stride), nn.ReLU(), *conv_bn(out, out))
        same = inputs == out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv_bn(inputs, out, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def resnet20() -> nn.Module:
    layers: list[nn.Module] = [*conv_bn(3, 16), nn.ReLU()]
    inputs = 16
    for out, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(3):
            layers.append(Basic(inputs, out, stride if number == 0 else 1))
            inputs = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def bn_conv(inputs: int, out: int, kernel: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, out, kernel, padding=kernel // 2, bias=False)]


class Dense(nn.Module):
    """DenseNet-BC's layer: through 4k channels to k new ones, behind those that were there."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*bn_conv(inputs, 4 * growth, 1), *bn_conv(4 * growth, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], 1)


def densenet_bc_40() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 24, 3, padding=1, bias=False)]
    channels = 24
    for stage in range(3):
        for _ in range((40 - 4) // 6):
            layers.append(Dense(channels, 12))
            channels += 12
        if stage < 2:
            layers += [*bn_conv(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(
        *layers, nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)
    )


class Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


def convmixer(width: int = 256, depth: int = 8, kernel: int = 5, patch: int = 2) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, patch, patch), nn.GELU(), nn.BatchNorm2d(width)]
    for _ in range(depth):
        spatial = nn.Conv2d(width, width, kernel, groups=width, padding=kernel // 2)
        layers.append(Residual(spatial, nn.GELU(), nn.BatchNorm2d(width)))
        layers += [nn.Conv2d(width, width, 1), nn.GELU(), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class PixelNorm(nn.LayerNorm):
    """Layer norm over the channels at each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Scale(nn.Module):
    """A learnt factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor.view(1, -1, 1, 1)


class Gated(nn.Module):
    """Four paths over a quarter of the channels each, norm, two halves that gate each other, a scaled shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        part = width // 4
        self.small = nn.Conv2d(part, part, 3, padding=1, groups=part)
        self.large = nn.Conv2d(part, part, 7, padding=3, groups=part)
        self.wide = nn.Conv2d(part, part, 7, padding=9, dilation=3, groups=part)
        self.norm = PixelNorm(width)
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.narrow = nn.Conv2d(width, width, 1)
        self.scale = Scale(width)

    def forward(self, x: Tensor) -> Tensor:
        kept, small, large, wide = x.chunk(4, 1)
        wide = self.wide(F.avg_pool2d(wide, 3, 1, 1))
        mixed = self.norm(torch.cat([kept, self.small(small), self.large(large), wide], 1))
        a, b = self.widen(mixed).chunk(2, 1)
        return self.narrow(a * torch.tanh(torch.exp(a)) * b) + self.scale(x)


def cifar10_tiniest() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 48, 3, padding=1),
        PixelNorm(48),
        *(Gated(48) for _ in range(3)),
        nn.Conv2d(48, 80, 4, 2, 1, groups=16),
        PixelNorm(80),
        *(Gated(80) for _ in range(3)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(80, 10),
    )
