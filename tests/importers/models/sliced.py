"""Residuals by slicing a Sequential, GELU before the norm."""

import torch.nn as nn


class ConvLayer(nn.Module):
    def __init__(self, cin, cout, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=kwargs.get("dilation", 1), **kwargs)
        self.act = nn.GELU()
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.bn(self.act(self.conv(x)))


class CIFAR10Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv1 = nn.Sequential(ConvLayer(3, width), ConvLayer(width, width), ConvLayer(width, width, dilation=2))
        self.conv2 = nn.Sequential(
            ConvLayer(width, 2 * width, stride=2), ConvLayer(2 * width, 2 * width), ConvLayer(2 * width, 2 * width)
        )
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(2 * width, 10))

    def forward(self, x):
        x = self.conv1[0](x)
        x = x + self.conv1[1:](x)
        x = self.conv2[0](x)
        for layer in self.conv2[1:]:
            x = x + layer(x)
        return self.fc(self.gap(x))
