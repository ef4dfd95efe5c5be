"""How long `archbuilder check FILE` takes as a whole process, against the smallest pydantic program.

The two run in turn, so that a machine whose speed drifts treats them alike; what is printed are
medians and the median of the ratios.  It also shows which heavy packages a check imports: none.

    python benchmarks/check_startup.py [FILE] [--runs 21]
"""

import argparse
import statistics
import subprocess
import sys
import time

SMALLEST = """
from pydantic import BaseModel
class Model(BaseModel):
    x: int
Model(x=1)
"""
HEAVY = ("torch", "numpy", "rich", "albumentations", "torchvision", "matplotlib")


def seconds(command: list[str], check: bool = True) -> float:
    """Wall-clock time of a command; unless `check` is off it must succeed."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL, check=check)
    return time.perf_counter() - start


def imported(command: list[str]) -> set[str]:
    """The top-level packages that a python command imports."""
    run = subprocess.run([command[0], "-X", "importtime", *command[1:]], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines() if "|" in line}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", default="architectures/c1c2c3c40.yaml")
    parser.add_argument("--runs", type=int, default=21)
    args = parser.parse_args()
    check = [sys.executable, "-m", "archbuilder", "check", args.file]
    smallest = [sys.executable, "-c", SMALLEST]
    for command in (check, smallest):  # a warm-up fills the disk cache and the bytecode cache
        seconds(command)
    pairs = [(seconds(check), seconds(smallest)) for _ in range(args.runs)]
    own, base = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"check {own:.3f} s, smallest pydantic program {base:.3f} s, ratio {ratio:.2f} (medians of {args.runs} pairs)"
    )
    print("heavy packages imported:", ", ".join(imported(check) & set(HEAVY)) or "none")


if __name__ == "__main__":
    main()
