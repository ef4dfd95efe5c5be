"""One Dropout2d for every layer, F.relu, a 1x1 conv with stride 2 as the transition."""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.dconv2 = nn.Conv2d(8, 8, 3, padding=2, dilation=2, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.trans1 = nn.Conv2d(8, 16, 1, stride=2, bias=False)
        self.depth3 = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False)
        self.point3 = nn.Conv2d(16, 24, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(24)
        self.out = nn.Conv2d(24, 10, 1, padding=1, bias=False)
        self.gap = nn.AvgPool2d(18)
        self.drop = nn.Dropout2d(0.1)

    def forward(self, x):
        x = self.drop(F.relu(self.bn1(self.conv1(x))))
        x = self.drop(F.relu(self.bn2(self.dconv2(x))))
        x = self.trans1(x)
        x = self.drop(F.relu(self.bn3(self.point3(self.depth3(x)))))
        x = self.gap(self.out(x))
        x = x.view(-1, 10)
        return F.log_softmax(x, dim=1)
