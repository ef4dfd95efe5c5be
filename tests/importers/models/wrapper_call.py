"""A block that overrides __call__ instead of forward, a 2x2 kernel with dilation and stride, one dropout for all."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, cin, cout, dropout, last=False):
        super().__init__()
        self.dropout = dropout
        self.conv1 = nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(cout))
        self.conv2 = nn.Sequential(
            nn.Conv2d(cout, cout, 3, padding=1, groups=cout), nn.Conv2d(cout, cout, 1), nn.ReLU()
        )
        self.down = nn.Identity() if last else nn.Sequential(nn.Conv2d(cout, cout, 2, stride=2, dilation=2), nn.ReLU())

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.conv1(x))
        x = self.dropout(self.conv2(x))
        return self.down(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        dropout = nn.Dropout(0.05)
        self.block1 = Block(3, 8, dropout)
        self.block2 = Block(8, 16, dropout)
        self.block3 = Block(16, 24, dropout, last=True)
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Conv2d(24, 10, 1)

    def forward(self, x):
        x = self.block1(x)
        x = self.block2(x)
        x = self.block3(x)
        x = self.head(self.gap(x))
        return F.log_softmax(x.view(-1, 10), -1)
