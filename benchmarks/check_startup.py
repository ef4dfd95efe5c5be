"""The CPU time of `archbuilder check FILE` as a whole process, against the smallest pydantic program or a checkout.

The two run in turn, so that a machine whose speed drifts treats them alike.  What is printed are the least and the
lower quartile of user and system time, which others on the machine raise the least, and their ratios.  It also shows
which heavy packages a check imports: none.

    python benchmarks/check_startup.py [FILE] [--runs 21] [--against FOLDER]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

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


def cpu_seconds(command: list[str], folder: Path) -> float:
    """User and system time of a command that runs in a folder; it must succeed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPATH": str(folder)}  # that folder's archbuilder, with its bytecode
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def imported(command: list[str]) -> set[str]:
    """The top-level packages that a python command imports."""
    run = subprocess.run([command[0], "-X", "importtime", *command[1:]], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines() if "|" in line}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", default="architectures/c1c2c3c40.yaml")
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="a checkout of archbuilder to compare with")
    args = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    check = [sys.executable, "-m", "archbuilder", "check", str(Path(args.file).resolve())]
    other = (check, args.against.resolve()) if args.against else ([sys.executable, "-c", SMALLEST], here)
    for _ in range(2):  # warm-ups fill the disk cache and the bytecode cache
        cpu_seconds(check, here)
        cpu_seconds(*other)
    pairs = [(cpu_seconds(check, here), cpu_seconds(*other)) for _ in range(args.runs)]
    name = f"that of {args.against}" if args.against else "the smallest pydantic program"
    for words, of in (("least", min), ("lower quartile", lambda column: statistics.quantiles(column, n=4)[0])):
        own, base = (of(column) for column in zip(*pairs, strict=True))
        print(f"{words} of {args.runs}: check {own:.3f} s, {name} {base:.3f} s, ratio {own / base:.2f}")
    print("heavy packages imported:", ", ".join(imported(check) & set(HEAVY)) or "none")


if __name__ == "__main__":
    main()
