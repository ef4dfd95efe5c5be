"""Trees whose root takes what stands before, inside and behind its branches."""

import torch
import torch.nn.functional as F
from torch import nn


class Basic(nn.Module):
    def __init__(self, inputs, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class Root(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)

    def forward(self, xs):
        return F.relu(self.bn(self.conv(torch.cat(xs, 1))))


class Tree(nn.Module):
    def __init__(self, inputs, outputs, level=1, stride=1):
        super().__init__()
        self.level = level
        self.root = Root((level + 2 if level > 1 else 2) * outputs, outputs)
        if level > 1:
            self.inner = nn.ModuleList([Tree(inputs, outputs, n, stride if n == level - 1 else 1)
                                        if n == level - 1 else Tree(outputs, outputs, n) for n in range(level - 1, 0, -1)])  # fmt: skip
            self.before = Basic(inputs, outputs, stride)
            self.left = Basic(outputs, outputs)
        else:
            self.left = Basic(inputs, outputs, stride)
        self.right = Basic(outputs, outputs)

    def forward(self, x):
        xs = []
        if self.level > 1:
            xs.append(self.before(x))
            for tree in self.inner:
                x = tree(x)
                xs.append(x)
        x = self.left(x)
        xs.append(x)
        xs.append(self.right(x))
        return self.root(xs)


class Net(nn.Module):
    def __init__(self, levels=(1, 2)):
        super().__init__()
        self.base = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        widths = (8, 8, 12, 16)
        self.trees = nn.Sequential(*(Tree(widths[n], widths[n + 1], level, 2) for n, level in enumerate(levels)))
        self.linear = nn.Linear(widths[len(levels)], 10)

    def forward(self, x):
        out = F.adaptive_avg_pool2d(self.trees(self.base(x)), 1)
        return self.linear(out.view(out.size(0), -1))
