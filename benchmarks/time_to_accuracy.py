"""How long a shipped network takes from the command to its evaluated result, and how good it is.

    python benchmarks/time_to_accuracy.py [FILE] [--seeds 3] [--no-ratio] [--out DIR] [--data-dir DIR]

Trains FILE (default: architectures/fast85.yaml) on CIFAR-10 once for each seed, as a user does, by `archbuilder train
FILE --no-report`; the wall time is that of the whole command, imports and the test after every epoch included, the
accuracy that of the last epoch on the 10,000 test images, without test-time averaging.  Then, in the same run,
one epoch of architectures/seeds/seed001.yaml by the hand-written loop (plain_loop.py, training alone): its 41 epochs
to 85 % against the mean wall time is the ratio.  CIFAR-10 must be prepared (`archbuilder data prepare cifar10`).
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from check_startup import seconds
from throughput import ROOT, dataset, plain, some_images

IMAGES = 50_000
EPOCHS_OF_SEED001 = 41  # to 85 % by its author's log


def train(file: Path, seed: int, folder: Path, data_dir: Path | None, overrides: list[str]) -> dict[str, float]:
    """The last line of a run's metrics, and the wall time of its command."""
    out = folder / str(seed)
    command = [sys.executable, "-m", "archbuilder", "train", str(file), "--set", f"train.seed={seed}", "--no-report"]
    command += ["--out", str(out), *(["--data-dir", str(data_dir)] if data_dir else [])]
    for override in overrides:
        command += ["--set", override]
    wall = seconds(command)
    (metrics,) = out.glob("*/*/metrics.jsonl")
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    speed = statistics.median(line["images_per_second"] for line in lines)
    return lines[-1] | {"wall": wall, "images_per_second": speed}


def spread(values: list[float]) -> str:
    return f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=Path,
        default=ROOT / "architectures" / "fast85.yaml",
        help="a network with its recipe",
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on (default: 3)")
    parser.add_argument("--no-ratio", action="store_true", help="leave the epoch of the hand-written loop out")
    parser.add_argument("--out", type=Path, help="keep the runs, each in a folder named by its seed")
    parser.add_argument("--data-dir", type=Path, help="where the prepared CIFAR-10 is")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own, to try it out")
    args = parser.parse_args()
    if not args.file.is_file():
        parser.error(f"{args.file}: there is no such file")
    if args.out and args.out.exists():
        parser.error(f"--out {args.out}: there is something already, and one folder holds the runs of one measurement")
    with tempfile.TemporaryDirectory() as name:
        folder, runs = args.out or Path(name), []
        overrides = [f"train.epochs={args.epochs}"] if args.epochs else []
        if dataset(args.data_dir) == "digits":
            overrides.append("data.dataset=digits")
        for seed in range(args.seeds):
            run = train(args.file, seed, folder, args.data_dir, overrides)
            print(
                f"seed {seed}: test accuracy {run['test_accuracy']:.2f} % after {run['epoch']} epochs, "
                f"{run['wall']:.0f} s from the command to the result, {run['images_per_second']:.0f} images/s",
                flush=True,
            )
            runs.append(run)
        accuracies = [run["test_accuracy"] for run in runs]
        wall = statistics.mean(run["wall"] for run in runs)
        mean = f"{statistics.mean(accuracies):.2f}{spread(accuracies)}"
        print(f"{args.file.stem}: mean of {args.seeds} seeds {mean} %, {wall:.0f} s")
        if not args.no_ratio:
            seed001 = ROOT / "architectures" / "seeds" / "seed001.yaml"
            epoch = IMAGES / plain(seed001, some_images(IMAGES, Path(name), args.data_dir), Path(name), epochs=1)
            print(f"seed001 by hand: {epoch:.0f} s an epoch, {EPOCHS_OF_SEED001 * epoch:.0f} s to 85 %")
            print(f"ratio to {args.file.stem}: {EPOCHS_OF_SEED001 * epoch / wall:.1f}")


if __name__ == "__main__":
    main()
