"""Blocks that add in place, built from lists of numbers, with the norm chosen by a word."""

import torch.nn as nn


class ConvLayer(nn.Module):
    def __init__(self, cin, cout, norm, dilation=1, dropout=0.05, depthwise=False):
        super().__init__()
        self.skip = cin == cout
        convs = [nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation, bias=norm is None)]
        if depthwise:
            convs = [
                nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False),
                nn.Conv2d(cin, cout, 1, bias=norm is None),
            ]
        self.convlayer = nn.Sequential(*convs)
        self.normlayer = None
        if norm == "bn":
            self.normlayer = nn.BatchNorm2d(cout)
        elif norm == "gn":
            self.normlayer = nn.GroupNorm(4, cout)
        elif norm == "ln":
            self.normlayer = nn.GroupNorm(1, cout)
        self.actlayer = nn.ReLU(inplace=True)
        self.droplayer = nn.Dropout(dropout) if dropout > 0 else None

    def forward(self, x):
        x_ = x
        x = self.convlayer(x)
        if self.normlayer is not None:
            x = self.normlayer(x)
        if self.skip:
            x += x_
        x = self.actlayer(x)
        if self.droplayer is not None:
            x = self.droplayer(x)
        return x


class Model(nn.Module):
    def __init__(self, norm="bn", dropout=0.05):
        super().__init__()
        self.cblock1 = self.cblock([3, 12, 12], [1, 1], norm, dropout)
        self.tblock1 = ConvLayer(12, 16, norm, dilation=2, dropout=dropout)
        self.cblock2 = self.cblock([16, 16, 16], [1, 2], norm, dropout, depthwise=True)
        self.oblock = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 10, 1, bias=True), nn.Flatten())

    @staticmethod
    def cblock(widths, dilations, norm, dropout, depthwise=False):
        pairs = zip(widths[:-1], widths[1:], dilations)
        return nn.Sequential(*[ConvLayer(a, b, norm, d, dropout, depthwise) for a, b, d in pairs])

    def forward(self, x):
        x = self.cblock1(x)
        x = self.tblock1(x)
        x = self.cblock2(x)
        return self.oblock(x)
