"""`archbuilder train` against a training loop written by hand, on the same networks and images, in one run.

    python benchmarks/throughput.py [FILE ...] [--images 2560] [--rounds 3] [--engines tensor] [--data-dir DIR]

The hand-written one is benchmarks/plain_loop.py.  Both train in turn, each in a process of its own; what counts
is the second epoch of each, so that nobody's imports or worker start-up of the first epoch are in it.  Printed are
medians of images per second, and the medians of the ratios of the rounds.  Then: how long it takes from the
command to the first batch, against importing torch, and the peak of resident memory.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from check_startup import seconds

from archbuilder.data.datasets import load
from archbuilder.data.prepared import data_folder
from archbuilder.spec.data import Data

ROOT = Path(__file__).parent.parent
SHIPPED = [ROOT / "architectures" / f"{name}.yaml" for name in ("seeds/seed001", "c1c2c3c40", "known/cifar10_tiniest")]
ENGINES = ("albumentations", "tensor")
FIRST_BATCH = """
import sys
from archbuilder.training.learning.step import TrainStep
def stop(*batch):
    raise KeyboardInterrupt  # the images of the first batch are on the device, and nothing is trained yet
TrainStep.__call__ = stop
from archbuilder.cli import main
main(sys.argv[1:])
"""
PEAK = """
import resource, sys
from archbuilder.cli import main
main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
RECIPE = """
data:
  dataset: {images}
  batch_size: 128
  engine: {engine}
  augment:
    - horizontal_flip: {{p: 0.5}}
    - shift_scale_rotate: {{shift: 0.0625, scale: 0.1, rotate: 15, p: 0.5}}
    - coarse_dropout: {{holes: 1, height: 16, width: 16, fill: mean, p: 0.5}}
train:
  epochs: 2
  optimizer: {{sgd: {{lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}}}
  loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
"""


def dataset(data_dir: Path | None) -> str:
    """CIFAR-10 where it is prepared, else the digits that come with the package: then figures are of those."""
    if (data_folder(data_dir) / "cifar10").is_dir():
        return "cifar10"
    print("CIFAR-10 is not prepared here (archbuilder data download cifar10): the images are digits", file=sys.stderr)
    return "digits"


def some_images(count: int, folder: Path, data_dir: Path | None) -> Path:
    """An .npz of the first images of CIFAR-10, or of the digits where that is absent."""
    splits = load(Data(dataset=dataset(data_dir)), (3, 32, 32), 10, data_dir=data_dir, seed=0)
    path = folder / "images.npz"
    arrays = {"x_train": splits.train.images[:count], "y_train": splits.train.labels[:count]}
    arrays |= {"x_test": splits.test.images[:100], "y_test": splits.test.labels[:100]}
    np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})
    return path


def plain(file: Path, images: Path, folder: Path, epochs: int = 2) -> float:
    """Images per second of the hand-written loop in its last epoch."""
    network = folder / f"{file.stem}.py"
    export = ["export", str(file), "--to", "python", "--set", "name=Network", "--out", str(network)]
    subprocess.run([sys.executable, "-m", "archbuilder", *export], check=True, stdout=subprocess.DEVNULL)
    command = [sys.executable, str(Path(__file__).with_name("plain_loop.py")), str(network), str(images)]
    command += ["--epochs", str(epochs)]
    environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}  # its import would ask the network
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(json.loads(run.stdout)[-1])


def training(file: Path, images: Path | str, engine: str, folder: Path) -> list[str]:
    """The arguments of `archbuilder` that train a network with the recipe of the hand-written loop."""
    text = re.split(r"^(?:data|train):", file.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
    (folder / "net.yaml").write_text(text + RECIPE.format(images=images, engine=engine))
    return ["train", str(folder / "net.yaml"), "--no-check", "--no-report", "--out", str(folder / "runs")]


def ours(file: Path, images: Path, engine: str, folder: Path) -> float:
    """Images per second of the second epoch, as the run's metrics say."""
    command = [sys.executable, "-m", "archbuilder", *training(file, images, engine, folder)]
    run = subprocess.run([*command, "--data-dir", str(folder / "data")], capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stdout + run.stderr)
    (metrics,) = (folder / "runs").glob("*/*/metrics.jsonl")
    last = json.loads(metrics.read_text().splitlines()[-1])
    metrics.rename(metrics.with_suffix(".seen"))
    return float(last["images_per_second"])


def compare(file: Path, images: Path, rounds: int, engines: Sequence[str], folder: Path) -> None:
    measured: dict[str, list[float]] = {name: [] for name in ("plain loop", *engines)}
    for _ in range(rounds):
        measured["plain loop"].append(plain(file, images, folder))
        for engine in engines:
            measured[engine].append(ours(file, images, engine, folder))
    print(f"\n{file.stem:24} {'images/s':>9} {'ratio':>7}")
    for name, speeds in measured.items():
        ratio = statistics.median(a / b for a, b in zip(speeds, measured["plain loop"], strict=True))
        print(f"{name:24} {statistics.median(speeds):9.0f} {ratio:6.2f}x", flush=True)


def start(file: Path, images: Path, rounds: int, engines: Sequence[str], folder: Path) -> None:
    """From the command to the first batch, and what importing torch takes of it."""
    commands = {"importing torch": [sys.executable, "-c", "import torch"]}
    for engine in engines:
        (folder / engine).mkdir()
        arguments = training(file, images, engine, folder / engine)
        commands[f"first batch, {engine}"] = [sys.executable, "-c", FIRST_BATCH, *arguments]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(seconds(command, check=False))
    print(f"\n{'start-up':28} {'median s':>9}")
    for name, taken in times.items():
        print(f"{name:28} {statistics.median(taken):9.2f}")


def memory(file: Path, folder: Path, data_dir: Path | None) -> None:
    """Peak of resident memory of a run on all images, with an epoch of training and its report."""
    images = dataset(data_dir)
    arguments = [word for word in training(file, images, "tensor", folder) if word != "--no-report"]
    arguments += ["--set", "train.epochs=1", *(["--data-dir", str(data_dir)] if data_dir else [])]
    run = subprocess.run([sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True)
    print(f"\npeak memory of a run on {images}: {int(run.stdout.split()[-1]) / 1024**2:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, default=SHIPPED)
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--data-dir", type=Path, help="where the prepared CIFAR-10 is")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = some_images(args.images, Path(folder), args.data_dir)
        for file in args.files:
            compare(file, images, args.rounds, args.engines, Path(folder))
        start(args.files[0], images, args.rounds, args.engines, Path(folder))
        memory(args.files[0], Path(folder), args.data_dir)


if __name__ == "__main__":
    main()
