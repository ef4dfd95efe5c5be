"""Parallel paths whose sum is scaled before it is added, and pools that round up or leave their padding out."""

import torch
from torch import nn


def unit(inputs, outputs, kernel, **more):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, bias=False, **more), nn.BatchNorm2d(outputs), nn.ReLU())


class Scaled(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.scale = scale
        self.a = unit(channels, 8, 1)
        self.b = nn.Sequential(
            unit(channels, 8, 1), unit(8, 8, (1, 3), padding=(0, 1)), unit(8, 8, (3, 1), padding=(1, 0))
        )
        self.up = nn.Conv2d(16, channels, 1)

    def forward(self, x):
        out = self.up(torch.cat((self.a(x), self.b(x)), 1))
        return torch.relu(out * self.scale + x)


class Mixed(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.branch0 = unit(inputs, 16, 1)
        self.branch1 = nn.Sequential(unit(inputs, 8, 1), unit(8, 16, 5, padding=2))
        self.branch2 = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), unit(inputs, 16, 1))

    def forward(self, x):
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(unit(3, 16, 3), nn.MaxPool2d(3, 2, ceil_mode=True), Mixed(16))
        self.blocks = nn.Sequential(*(Scaled(48, 0.17) for _ in range(3)))
        self.pool = nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        x = self.pool(self.blocks(self.stem(x)))
        return self.head(x.mean(dim=(-2, -1)))
