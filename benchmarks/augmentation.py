"""How many images per second each engine augments, shuffles and normalises in one process on one thread.

    python benchmarks/augmentation.py [--images 10000] [--rounds 5]

CPU seconds count, not those on the wall, and the best of the rounds: what else the machine does matters less.
The images are noise; no engine is faster or slower for that.
"""

import argparse
from time import process_time

import numpy as np
import torch

from archbuilder.data.arrays import Images
from archbuilder.data.batches import TrainBatches
from archbuilder.document.parser import parse
from archbuilder.schema.env import Env
from archbuilder.schema.model import validate
from archbuilder.spec.data import Data

ASSIGNMENT = [
    "horizontal_flip: {p: 0.5}",
    "shift_scale_rotate: {shift: 0.0625, scale: 0.1, rotate: 15, p: 0.5}",
    "coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean, p: 0.5}",
]
PIPELINES = {
    "nothing": [],
    "flip, shift-scale-rotate, one hole": ASSIGNMENT,
    "flip, crop with padding 4": ["horizontal_flip", "random_crop: {padding: 4}"],
    "colour, p: 1": ["color_jitter: {brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1, p: 1}"],
}


def speed(images: Images, engine: str, lines: list[str], rounds: int) -> float:
    """Images per CPU second."""
    augment = "".join(f"  - {line}\n" for line in lines)
    text = f"dataset: cifar10\nengine: {engine}\n" + (f"augment:\n{augment}" if lines else "")
    spec = validate(Data, parse(text).root, Env())
    assert isinstance(spec, Data)
    batches = TrainBatches(images, spec, mean=[125.0] * 3, std=[63.0] * 3, seed=0)
    times = []
    for number in range(rounds):
        start = process_time()
        seen = sum(len(labels) for _, labels in batches.epoch(number))
        times.append(process_time() - start)
    return seen / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pixels = np.random.default_rng(0).integers(0, 256, (args.images, 32, 32, 3), np.uint8)
    images = Images(pixels, np.zeros(args.images, np.int64))
    print(f"{'images/s, 32x32 in colour':36} {'albumentations':>15} {'tensor':>10} {'ratio':>7}")
    for name, lines in PIPELINES.items():
        one, other = (speed(images, engine, lines, args.rounds) for engine in ("albumentations", "tensor"))
        print(f"{name:36} {one:15,.0f} {other:10,.0f} {other / one:6.1f}x", flush=True)


if __name__ == "__main__":
    main()
