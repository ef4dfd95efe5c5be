"""One transition, conv included, between all blocks: its weights are shared three times."""

import torch.nn as nn


def block(cin, cout, dilation=1):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(),
        nn.Dropout(0.01),
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_bl1 = nn.Sequential(block(3, 16), block(16, 32))
        self.conv_bl2 = nn.Sequential(block(8, 16), block(16, 32, dilation=2))
        self.conv_bl3 = nn.Sequential(block(8, 16), block(16, 32))
        self.conv_bl4 = nn.Sequential(block(8, 16), block(16, 24))
        self.transition = nn.Sequential(nn.Conv2d(32, 8, 1, bias=False), nn.MaxPool2d(2, 2))
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.out = nn.Conv2d(24, 10, 1, bias=False)

    def forward(self, x):
        x = self.transition(self.conv_bl1(x))
        x = self.transition(self.conv_bl2(x))
        x = self.transition(self.conv_bl3(x))
        x = self.out(self.gap(self.conv_bl4(x)))
        return nn.functional.log_softmax(x.reshape(-1, 10), dim=-1)
