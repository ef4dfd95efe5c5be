"""The training loop as everybody writes it by hand: what `archbuilder train` is measured against.

    python benchmarks/plain_loop.py network.py images.npz [--epochs 2]

network.py has the class Network (`archbuilder export NET --to python --set name=Network`); images.npz the arrays
x_train uint8 (n, h, w, 3) and y_train.  Augmentation is per sample, by albumentations in the workers of
a DataLoader.  Prints a JSON list: images per second of each epoch, training alone.
"""

import argparse
import json
import runpy
import time

import albumentations as A
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Augmented(Dataset):
    def __init__(self, path: str) -> None:
        arrays = np.load(path)
        self.images, self.labels = arrays["x_train"], arrays["y_train"].astype(np.int64)
        mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
        fill = tuple(round(255 * m) for m in mean)
        self.transform = A.Compose(
            [
                A.HorizontalFlip(p=0.5),
                A.ShiftScaleRotate(shift_limit=0.0625, scale_limit=0.1, rotate_limit=15, p=0.5),
                A.CoarseDropout(
                    num_holes_range=(1, 1), hole_height_range=(16, 16), hole_width_range=(16, 16), fill=fill, p=0.5
                ),
                A.Normalize(mean, std),
                ToTensorV2(),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(image=self.images[index])["image"], self.labels[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("images")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    model = runpy.run_path(args.network)["Network"]()
    loader = DataLoader(Augmented(args.images), args.batch_size, shuffle=True, num_workers=args.workers)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=args.epochs * len(loader))
    speeds = []
    for _ in range(args.epochs):
        model.train()
        start = time.perf_counter()
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
        speeds.append(len(loader.dataset) / (time.perf_counter() - start))
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
