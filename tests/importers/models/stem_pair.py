"""Two stems over the image that meet, weights of one block used for both halves of the depth."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(3, 8, 5, padding=2)
        self.narrow = nn.Conv2d(3, 8, 3, padding=1)
        self.res = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.down = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.relu(self.wide(x) + self.narrow(x))
        for _ in range(3):
            x = x + self.res(x)
        x = self.down(x)
        x = x + self.res(x)
        return self.fc(x.amax(dim=(2, 3)))
