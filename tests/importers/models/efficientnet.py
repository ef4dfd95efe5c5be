"""Inverted residuals with squeeze-excite: SiLU inside the gate, h-swish and h-sigmoid written by hand, or no biases."""

import torch
import torch.nn.functional as F
from torch import nn


class HardSigmoid(nn.Module):
    def forward(self, x):
        return F.relu6(x + 3.0, inplace=True) / 6.0


class HardSwish(nn.Module):
    def __init__(self):
        super().__init__()
        self.sigmoid = HardSigmoid()

    def forward(self, x):
        return x * self.sigmoid(x)


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduced, act, gate, bias):
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=bias)
        self.act, self.gate = act, gate
        self.expand = nn.Conv2d(reduced, channels, 1, bias=bias)

    def forward(self, x):
        s = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.expand(self.act(self.reduce(s))))


class MBConv(nn.Module):
    def __init__(self, inputs, outputs, expand, stride, kind):
        super().__init__()
        hidden = inputs * expand
        act = {"swish": Swish, "hard": HardSwish, "plain": nn.PReLU}[kind]
        gate = HardSigmoid() if kind == "hard" else nn.Sigmoid()
        inner = Swish() if kind == "swish" else nn.ReLU(inplace=True)
        self.use_res = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), act(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), act(),
            SqueezeExcite(hidden, max(1, inputs // 4), inner, gate, kind != "plain"),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip

    def forward(self, x):
        return x + self.body(x) if self.use_res else self.body(x)


class Net(nn.Module):
    def __init__(self, kind="swish"):
        super().__init__()
        act = HardSwish() if kind == "hard" else Swish()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), act)
        settings = ((8, 8, 2, 1), (8, 16, 3, 2), (16, 16, 3, 1), (16, 24, 3, 2))
        self.blocks = nn.Sequential(*(MBConv(*setting, kind) for setting in settings))
        self.fc = nn.Linear(24, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean([2, 3]))
