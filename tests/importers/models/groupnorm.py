"""Convs with bias before GroupNorm, dropout between norm and activation, LeakyReLU."""

import torch.nn as nn


class ConvGN(nn.Sequential):
    def __init__(self, cin, cout, groups=4, **kwargs):
        super().__init__(
            nn.Conv2d(cin, cout, 3, padding="same", **kwargs),
            nn.GroupNorm(groups, cout),
            nn.Dropout2d(0.05),
            nn.LeakyReLU(0.1, inplace=True),
        )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            ConvGN(3, 8), ConvGN(8, 16), nn.MaxPool2d(2), ConvGN(16, 16), ConvGN(16, 16, dilation=3)
        )
        self.pre = nn.Sequential(nn.InstanceNorm2d(16, affine=True), nn.Conv2d(16, 20, 3, stride=2, padding=1))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(20, 10, bias=False), nn.LogSoftmax(dim=1)
        )

    def forward(self, x):
        return self.head(self.pre(self.features(x)))
