"""Depthwise separable convs with norm and activation after both halves, a multiplier, a grouped conv."""

import torch.nn as nn


class DepthwiseSeparable(nn.Module):
    def __init__(self, cin, cout, stride=1, multiplier=1):
        super().__init__()
        mid = cin * multiplier
        self.depthwise = nn.Conv2d(cin, mid, 3, stride=stride, padding=1, groups=cin, bias=False)
        self.bn1 = nn.BatchNorm2d(mid)
        self.pointwise = nn.Conv2d(mid, cout, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.bn1(self.depthwise(x)))
        return self.relu(self.bn2(self.pointwise(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(
            DepthwiseSeparable(8, 16),
            DepthwiseSeparable(16, 24, stride=2),
            *[DepthwiseSeparable(24, 24) for _ in range(3)],
            DepthwiseSeparable(24, 32, stride=2, multiplier=2),
        )
        self.mix = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, groups=4, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = self.mix(self.body(self.stem(x)))
        return self.fc(x.mean(3).mean(2))
