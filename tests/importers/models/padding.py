"""Padding in every form: replicate, same with an even kernel, uneven layers, too much of it, a pool that is not global."""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, padding_mode="replicate", bias=False)
        self.conv2 = nn.Conv2d(8, 8, 2, padding="same")
        self.pad = nn.ZeroPad2d((1, 0, 1, 0))
        self.conv3 = nn.Conv2d(8, 8, 2, stride=2)
        self.conv4 = nn.Conv2d(8, 12, (3, 1), padding=(1, 0))
        self.conv5 = nn.Conv2d(12, 12, (1, 3), padding=(0, 2), dilation=(1, 2))
        self.conv6 = nn.Conv2d(12, 16, 1, padding=1, stride=2)
        self.reflect = nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect")
        self.pool = nn.AvgPool2d(7)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(self.pad(x)))
        x = F.relu(self.conv5(self.conv4(x)))
        x = F.relu(self.conv6(x))
        x = self.pool(self.reflect(x))
        return self.fc(x.flatten(1))
