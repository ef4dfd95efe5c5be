"""Norms over the channels written out, GELU by its formula, norms on the vector after the pool."""

import math

import torch
from torch import nn


class LayerNorm2d(nn.Module):
    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ChannelsOnly(LayerNorm2d):
    def forward(self, x):
        variance, mean = x.var(dim=1, unbiased=False, keepdim=True), x.mean(dim=1, keepdim=True)
        return (x - mean) * (variance + self.eps).rsqrt() * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class GELU(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3))))


class Block(nn.Module):
    def __init__(self, channels, norm):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = norm(channels)
        self.up, self.act, self.down = (
            nn.Conv2d(channels, 3 * channels, 1),
            GELU(),
            nn.Conv2d(3 * channels, channels, 1),
        )
        self.gamma = nn.Parameter(1e-6 * torch.ones(channels))

    def forward(self, x):
        y = self.down(self.act(self.up(self.norm(self.depthwise(x)))))
        return x + self.gamma[:, None, None] * y


class Net(nn.Module):
    def __init__(self, head="layer"):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 2, stride=2), LayerNorm2d(16))
        self.blocks = nn.Sequential(Block(16, LayerNorm2d), Block(16, ChannelsOnly))
        self.down = nn.Sequential(ChannelsOnly(16), nn.Conv2d(16, 24, 2, stride=2))
        self.last = Block(24, LayerNorm2d)
        self.norm = nn.LayerNorm(24, eps=1e-6) if head == "layer" else nn.BatchNorm1d(24)
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        x = self.last(self.down(self.blocks(self.stem(x))))
        return self.head(self.norm(x.mean([-2, -1])))
