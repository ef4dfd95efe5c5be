"""The CIFAR ResNet of the paper: shortcuts of every second pixel, with zeros for the channels that are missing."""

import torch
import torch.nn.functional as F
from torch import nn


class LambdaLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class PoolAndPad(nn.Module):
    def forward(self, x):
        return torch.cat((F.avg_pool2d(x, 1, 2), torch.zeros_like(x[:, :, ::2, ::2])), dim=1)


class BasicBlock(nn.Module):
    def __init__(self, inputs, planes, stride, pad):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 and pad:
            quarter = planes // 4
            self.shortcut = LambdaLayer(
                lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, quarter, quarter), "constant", 0)
            )
        elif stride != 1:
            self.shortcut = PoolAndPad()

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, n=2, pad=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        blocks, channels = [], 8
        for planes, stride in ((8, 1), (16, 2), (32, 2)):
            for number in range(n):
                blocks.append(BasicBlock(channels, planes, 1 if number else stride, pad))
                channels = planes
        self.layers = nn.Sequential(*blocks)
        self.linear = nn.Linear(32, 10)

    def forward(self, x):
        out = self.layers(F.relu(self.bn1(self.conv1(x))))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))
