"""Main paths and shortcuts as attributes of their own, side by side in forward; size() in view; a bare Linear."""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.input = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.bottleneck0_main = self.bottleneck(16, 24)
        self.bottleneck0_shortcut = nn.Sequential(nn.Conv2d(16, 24, 1, stride=2, bias=False), nn.BatchNorm2d(24))
        self.bottleneck1_main = self.bottleneck(24, 32)
        self.bottleneck1_shortcut = nn.Sequential(nn.Conv2d(24, 32, 1, stride=2, bias=False), nn.BatchNorm2d(32))
        self.gap = nn.Sequential(nn.AvgPool2d(8))
        self.fc = nn.Linear(32, 10, bias=False)

    @staticmethod
    def bottleneck(cin, cout):
        return nn.Sequential(
            nn.Conv2d(cin, cin // 2, 1, bias=False), nn.BatchNorm2d(cin // 2), nn.ReLU(),
            nn.Conv2d(cin // 2, cin // 2, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(cin // 2), nn.ReLU(),
            nn.Conv2d(cin // 2, cout, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(cout),
        )  # fmt: skip

    def forward(self, x):
        x = self.input(x)
        y = x.clone()
        x = F.relu(self.bottleneck0_main(x) + self.bottleneck0_shortcut(y))
        y = x.clone()
        x = F.relu(self.bottleneck1_main(x) + self.bottleneck1_shortcut(y))
        x = self.gap(x)
        x = x.view(x.size(0), x.size(1))
        return F.log_softmax(self.fc(x), dim=1)
