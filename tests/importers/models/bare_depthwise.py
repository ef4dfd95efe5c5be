"""Separable convs whose depthwise half is bare: one norm for both; and one whose halves have one of norm and activation."""

import torch.nn as nn


def separable(cin, cout, stride=1, bias=False):
    return nn.Sequential(
        nn.Conv2d(cin, cin, 3, stride=stride, padding=1, groups=cin, bias=bias),
        nn.Conv2d(cin, cout, kernel_size=1, bias=bias),
        nn.BatchNorm2d(cout),
        nn.ReLU(),
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.early = nn.Sequential(separable(16, 32), separable(32, 32), separable(32, 64, stride=2))
        self.biased = separable(64, 64, bias=True)
        self.mixed = nn.Sequential(
            nn.Conv2d(64, 64, 7, padding=3, groups=64, bias=False),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 96, 1),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(96, 10)

    def forward(self, x):
        x = self.mixed(self.biased(self.early(self.stem(x))))
        return self.fc(self.pool(x).flatten(1))
