"""`archbuilder check` against the tools people use for the same question, on the same networks, in one run.

    uv pip install torchinfo torchsummary fvcore     # whichever are there are measured
    python benchmarks/check_speed.py [FILE ...] [--runs 5]

Each FILE is exported to plain torch first, for the tools that ask a module.  Whole processes run in turn, so
that a machine whose speed drifts treats them alike; figures are medians.  Then, in one process: files a
second, memory, and how time grows with the number of layers.
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from check_startup import SMALLEST, seconds

ROOT = Path(__file__).parent.parent

# each analyses the same network, exported to plain torch first, as its users would: import, build, ask
RIVALS = {
    "torchinfo": "import torchinfo\ntorchinfo.summary(network(), (1, 3, 32, 32), verbose=1)",
    "torchsummary": "from torchsummary import summary\nsummary(network(), (3, 32, 32), device='cpu')",
    "fvcore": (
        "import torch\nfrom fvcore.nn import FlopCountAnalysis, flop_count_table\n"
        "print(flop_count_table(FlopCountAnalysis(network(), torch.zeros(1, 3, 32, 32))))"
    ),
    "meta device": (
        "import torch\nfrom torch.utils.flop_counter import FlopCounterMode\n"
        "with torch.device('meta'), FlopCounterMode(display=False) as counter:\n"
        "    network()(torch.zeros(1, 3, 32, 32))\nprint(counter.get_total_flops())"  # its table needs tabulate
    ),
}
NEEDS = {"meta device": "torch"}


def rivals(file: str, folder: Path) -> dict[str, list[str]]:
    """The commands of the rivals that are installed, over the network as a plain torch file in `folder`."""
    export = ["export", file, "--to", "python", "--set", "name=Network", "--out", str(folder / "network.py")]
    subprocess.run([sys.executable, "-m", "archbuilder", *export], check=True, stdout=subprocess.DEVNULL)
    path = f"sys.path.insert(0, {str(folder)!r})"
    head = f"import sys, warnings\nwarnings.simplefilter('ignore')\n{path}\nfrom network import Network as network\n"
    names = [name for name in RIVALS if importlib.util.find_spec(NEEDS.get(name, name))]
    return {name: [sys.executable, "-c", head + RIVALS[name]] for name in names}


def whole_processes(file: str, runs: int) -> None:
    commands = {"archbuilder check": [sys.executable, "-m", "archbuilder", "check", file]}
    commands["smallest pydantic program"] = [sys.executable, "-c", SMALLEST]
    with tempfile.TemporaryDirectory() as folder:
        commands |= rivals(file, Path(folder))
        times: dict[str, list[float]] = {name: [] for name in commands}
        for command in commands.values() if runs > 1 else ():
            seconds(command)  # a warm-up fills the disk cache and the bytecode cache
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(seconds(command))
    own = statistics.median(times["archbuilder check"])
    print(f"\n{Path(file).stem + ', whole process':36} {'median s':>9} {'to check':>9}")
    for name, measured in times.items():
        print(f"{name:36} {statistics.median(measured):9.3f} {statistics.median(measured) / own:8.2f}x")


def in_one_process(file: str, limit: float) -> None:
    from archbuilder.pipeline import check

    text = Path(file).read_text()
    check(text)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < limit:
        check(text)
        count += 1
    print(f"\nin one process: {count / (time.perf_counter() - start):.0f} files a second and core")


def deep(layers: int) -> str:
    """A network of so many ops, each block written out."""
    blocks = "".join("  - conv: {out: 8}\n" for _ in range(layers // 3))  # conv, norm, activation
    return f"archbuilder: 1\ninput: [3, 32, 32]\nnetwork:\n{blocks}"


def growth(sizes: Sequence[int]) -> None:
    from archbuilder.pipeline import check

    times = []
    print(f"\n{'layers':>8} {'seconds':>9} {'us a layer':>11}")
    for size in sizes:
        text = deep(size)
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            check(text)
            runs.append(time.perf_counter() - start)
        times.append(min(runs))
        print(f"{size:8,} {times[-1]:9.4f} {1e6 * times[-1] / size:11.1f}")
    slope = statistics.linear_regression(sizes, times).slope
    print(f"slope: {1e6 * slope:.1f} us a layer; correlation {statistics.correlation(sizes, times):.5f}")


def memory(file: str, layers: int) -> None:
    """Peak resident memory of whole processes."""
    folder = tempfile.TemporaryDirectory()
    big = Path(folder.name) / "deep.yaml"
    big.write_text(deep(layers))
    print()
    for name, target in (("an ordinary file", file), (f"{layers:,} layers", str(big))):
        code = f"import resource, sys; from archbuilder.cli import main; main(['check', {target!r}]); "
        code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        start = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        kilobytes = int(run.stderr.split()[-1])
        print(f"{name}: {kilobytes / 1024:.0f} MB resident, {time.perf_counter() - start:.2f} s as a whole process")
    folder.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shipped = [str(ROOT / "architectures" / name) for name in ("c1c2c3c40.yaml", "known/mobilenet_v2.yaml")]
    parser.add_argument("files", metavar="FILE", nargs="*", default=shipped)
    parser.add_argument("--runs", type=int, default=5, help="one alone has no warm-up before it")
    parser.add_argument("--layers", type=int, nargs="+", default=[100, 300, 1_000, 3_000, 10_000])
    args = parser.parse_args()
    for file in args.files:
        whole_processes(file, args.runs)
    in_one_process(args.files[0], limit=min(2, 0.4 * args.runs))
    growth(args.layers)
    memory(args.files[0], args.layers[-1])


if __name__ == "__main__":
    main()
