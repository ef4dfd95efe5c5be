"""A frozen whitening conv at the start, and a module as it is instead of a class."""

import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2, bias=False)
        self.whiten.weight.requires_grad = False
        self.body = nn.Sequential(
            nn.GELU(), nn.Conv2d(24, 16, 3, padding="same", bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(16)
        )
        self.head = nn.Sequential(nn.GELU(), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(16 * 25, 10, bias=False))

    def forward(self, x):
        return self.head(self.body(self.whiten(x)))


net = Net()
