"""Stages as Sequentials, a 1x1 conv around the first, a shortcut that is built and never called, log_softmax."""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.convblock1 = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.Conv2d(8, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.skip1 = nn.Sequential(nn.Conv2d(3, 16, 1, bias=False))
        self.skip2 = nn.Sequential(nn.Conv2d(16, 32, 1))
        self.convblock2 = nn.Sequential(
            nn.Conv2d(16, 16, 3, stride=2, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(16, 32, 3, padding=2, dilation=2, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.convblock3 = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False),
            nn.Conv2d(32, 16, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        )
        self.gap = nn.Sequential(nn.AvgPool2d(kernel_size=15))
        self.convblock4 = nn.Sequential(nn.Conv2d(16, 10, 1, bias=False))

    def forward(self, x):
        x = self.convblock1(x) + self.skip1(x)
        x = self.convblock2(x)
        x = self.convblock3(x)
        x = self.gap(x)
        x = self.convblock4(x)
        x = x.view(-1, 10)
        return F.log_softmax(x, dim=-1)
