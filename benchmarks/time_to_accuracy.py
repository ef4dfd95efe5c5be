"""How long a shipped network takes from the command to its evaluated result, and how good it is.

    python benchmarks/time_to_accuracy.py [FILE] [--seeds 3] [--no-ratio] [--curve CSV] [--out DIR] [--data-dir DIR]

Trains FILE (default: architectures/fast85.yaml) on CIFAR-10 once for each seed, as a user does, by `archbuilder train
FILE --no-report`; the wall time is that of the whole command, imports and the test after every epoch included, the
accuracy that of the last epoch on the 10,000 test images, without test-time averaging.  Then, in the same run,
one epoch of architectures/seeds/seed001.yaml by the hand-written loop (plain_loop.py, training alone): its 41 epochs
to 85 % against the mean wall time is the ratio.  CIFAR-10 must be prepared (`archbuilder data download cifar10`).

`--curve benchmarks/curve.csv` adds a row for each run to that table of all points, in the place of an earlier one of
the same network and seed, and draws accuracy against minutes beside it, as benchmarks/curve.svg.
"""

import argparse
import csv
import json
import statistics
import sys
import tempfile
from pathlib import Path

from check_startup import seconds
from throughput import ROOT, dataset, plain, some_images

IMAGES = 50_000
EPOCHS_OF_SEED001 = 41  # to 85 % by its author's log
MINUTES = (1, 2, 5, 15, 60, 240)  # the points that are aimed at
COLUMNS = ("network", "seed", "epochs", "accuracy", "seconds")  # of the curve


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


def points(file: Path) -> list[dict[str, str]]:
    """The rows of a curve; none where there is no such file yet."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def add(file: Path, network: str, seed: int, run: dict[str, float]) -> None:
    """Put a run into a curve, and draw it anew."""
    values = (network, seed, run["epoch"], f"{run['test_accuracy']:.2f}", f"{run['wall']:.0f}")
    new = dict(zip(COLUMNS, map(str, values), strict=True))
    kept = [row for row in points(file) if (row["network"], row["seed"]) != (network, str(seed))]
    rows = sorted([*kept, new], key=lambda row: (row["network"], int(row["seed"])))
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, file.with_suffix(".svg"))


def draw(rows: list[dict[str, str]], file: Path) -> None:
    """Accuracy against minutes: each run a dot, each network named at the mean of its runs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.set(
        xscale="log", xlabel="minutes on two CPU cores, from the command to the result", ylabel="test accuracy (%)"
    )
    axes.set_xticks(MINUTES, list(map(str, MINUTES)), minor=False)
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    for network in sorted({row["network"] for row in rows}):
        own = [row for row in rows if row["network"] == network]
        minutes = [float(row["seconds"]) / 60 for row in own]
        accuracies = [float(row["accuracy"]) for row in own]
        axes.scatter(minutes, accuracies, s=14)
        place = (statistics.mean(minutes), statistics.mean(accuracies))
        axes.annotate(network, place, xytext=(6, -10), textcoords="offset points")
    axes.margins(0.12)
    figure.savefig(file, metadata={"Date": None})


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
    parser.add_argument("--curve", type=Path, metavar="CSV", help="add the runs to this table, and draw it beside it")
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
            if args.curve:
                add(args.curve, args.file.stem, seed, run)
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
