"""Valid convs and ever larger dilations, ReLU before the norm, residuals written out."""

import torch.nn as nn
import torch.nn.functional as F


def conv(cin, cout, dilation=1, padding=0, groups=1):
    return nn.Sequential(
        nn.Conv2d(cin, cin * 2, 3, padding=padding, dilation=dilation, groups=groups, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(cin * 2),
        nn.Dropout(0.05),
        nn.Conv2d(cin * 2, cout, 1, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(cout),
        nn.Dropout(0.05),
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convblock1 = nn.Sequential(
            nn.Conv2d(3, 12, 3, bias=False), nn.ReLU(), nn.BatchNorm2d(12), nn.Dropout(0.05)
        )
        self.convblock2 = conv(12, 12, groups=6)
        self.convblock3 = conv(12, 12, dilation=2, padding=2, groups=6)
        self.convblock4 = conv(12, 12, dilation=4, padding=4, groups=6)
        self.convblock5 = conv(12, 12, dilation=8, padding=8, groups=6)
        self.gap = nn.Sequential(nn.AvgPool2d(26))
        self.convblock6 = nn.Sequential(nn.Conv2d(12, 10, 1, bias=False))
        self.dropout = nn.Dropout(0.3)

    def forward(self, x):
        x = self.convblock1(x)
        x = self.convblock2(x)
        x = x + self.convblock3(x)
        x = x + self.convblock4(x)
        x = self.convblock5(x) + x
        x = self.convblock6(self.gap(x))
        return F.log_softmax(x.view(-1, 10), dim=-1)
