"""Two paths of one input, side by side in the channels, and max pooling."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convblock1A = nn.Sequential(
            nn.Conv2d(3, 8, 3, dilation=2, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(8)
        )
        self.convblock2 = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(16))
        self.pool1 = nn.MaxPool2d(2, 2)
        self.convblock3A = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), nn.Conv2d(16, 12, 1, bias=False)
        )
        self.convblock3B = nn.Sequential(
            nn.Conv2d(16, 12, 3, padding=2, dilation=2, bias=False), nn.ReLU(), nn.BatchNorm2d(12)
        )
        self.gap = nn.Sequential(nn.AvgPool2d(kernel_size=15))
        self.out = nn.Conv2d(24, 10, 1, bias=False)

    def forward(self, x):
        x = self.convblock1A(x)
        x = self.convblock2(x)
        x = self.pool1(x)
        x1 = self.convblock3A(x)
        x2 = self.convblock3B(x)
        x = torch.cat((x1, x2), dim=1)
        x = self.gap(self.out(x))
        return F.log_softmax(x.view(-1, 10), dim=-1)
