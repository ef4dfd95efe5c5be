"""Channels cut into unequal parts, by split and by slices; PReLU with a slope per channel."""

import torch
from torch import nn


def unit(inputs, outputs, groups=1):
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.PReLU(outputs))


class Partial(nn.Module):
    def __init__(self, channels, part):
        super().__init__()
        self.sizes = (part, channels - part)
        self.conv = nn.Conv2d(part, part, 3, padding=1, bias=False)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 1), nn.PReLU(2 * channels), nn.Conv2d(2 * channels, channels, 1)
        )

    def forward(self, x):
        a, b = torch.split(x, self.sizes, dim=1)
        return x + self.mlp(torch.cat((self.conv(a), b), 1))


class Stage(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = channels // 4
        self.a, self.b = unit(self.first, 8), unit(channels - self.first, 12)

    def forward(self, x):
        return torch.cat([self.a(x[:, : self.first]), self.b(x[:, self.first :, ...])], dim=1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.BatchNorm2d(16))
        self.blocks = nn.Sequential(Partial(16, 4), Partial(16, 4), Stage(16), Partial(20, 5))
        self.features, self.norm, self.act = nn.Linear(20, 32, bias=False), nn.BatchNorm1d(32), nn.PReLU(32)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = self.blocks(self.stem(x)).mean((2, 3))
        return self.head(self.act(self.norm(self.features(x))))
