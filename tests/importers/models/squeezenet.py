"""Fire modules, the last of them with a residual, class maps before a global pool, a softmax at the end."""

import torch
import torch.nn as nn


class Fire(nn.Module):
    def __init__(self, cin, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(cin, squeeze, kernel_size=1)
        self.activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)

    def forward(self, x):
        x = self.activation(self.squeeze(x))
        return torch.cat([self.activation(self.expand1x1(x)), self.activation(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.fire1, self.fire2 = Fire(16, 4, 8), Fire(16, 4, 8)
        self.final_conv = nn.Conv2d(16, num_classes, kernel_size=1)
        self.drop = nn.Dropout(p=0.5)

    def forward(self, x):
        x = self.fire1(self.stem(x))
        x = x + self.fire2(x)
        x = self.final_conv(self.drop(x))
        x = nn.functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1)
        return torch.softmax(x, dim=1)
