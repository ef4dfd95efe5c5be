"""Layers one by one, everything else functional."""

import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(16)
        self.conv4 = nn.Conv2d(16, 32, 3)
        self.fc1 = nn.Linear(32 * 3 * 3, 24)
        self.fc2 = nn.Linear(24, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 2)
        x = F.dropout(F.relu(self.bn2(self.conv2(x))), p=0.15, training=self.training)
        x = F.dropout(F.relu(self.bn3(self.conv3(x))), p=0.15, training=self.training)
        x = F.max_pool2d(x, kernel_size=2, stride=2)
        x = F.relu(self.conv4(x), inplace=True)
        x = F.avg_pool2d(x, 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.25, self.training)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)
