"""What networks need and keep on a microcontroller, measured with its runtime.

    uv pip install -e '.[mcu]'                      # Linux on x86-64
    python benchmarks/microcontroller.py [RUN ...]

For the references of MLPerf Tiny and some of `architectures/`, in int8: the least that any plan of the arena needs, the
head by the runtime's own planner and by ours, as stated and as measured in TensorFlow Lite Micro, and the file's size.
Weights are drawn; outputs of both plans must be the same, and those of the integer arithmetic of `quantized/`.  A RUN,
or a network that comes with archbuilder (`tiny`, `fast85`), is quantised and adds its accuracies, of all test images.
"""

import argparse
import sys
from itertools import chain
from pathlib import Path

import torch

import archbuilder
from archbuilder.device.arena import plan
from archbuilder.device.kernels import program_of
from archbuilder.exporters.tflite import write
from archbuilder.ir.graph import Graph
from archbuilder.quantized import integers
from archbuilder.quantized.scales import Quantized

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.device.networks import images, in_int8  # noqa: E402
from tests.device.test_runtimes import on_micro  # noqa: E402

NETWORKS = (
    *(f"known/mlperf_tiny_{name}" for name in ("resnet8", "vww", "kws")),
    *("known/resnet20", "known/densenet_bc_40", "known/mobilenet_v2", "known/squeezenet", "known/shufflenet_v2"),
    *("quickstart", "c1c2c3c40", "fast90"),
)
HEADER = (
    "network", "bound", "head, its planner", "measured", "head, our plan", "measured", "file", "float32", "int8",
)  # fmt: skip


def measured(name: str, graph: Graph, model: Quantized, accuracies: tuple[str, str]) -> tuple[str, ...]:
    """A row; raises where what is measured is not what is stated, or the outputs differ."""
    arena, x = plan(model.program), images(graph, 2)
    pixels = model.scales["input"].integers(x.permute(0, 2, 3, 1)).to(torch.int8).numpy()
    heads, outputs = [], []
    for planned in (False, True):
        data = write(model.program, model.constants, model.scales, planned)
        output, bytes = on_micro(data, pixels)
        heads.append(bytes["head"])
        outputs.append(output)
    expected = integers.run(model, x).numpy()
    assert (outputs[0] == outputs[1]).all() and (outputs[0] == expected).all(), name
    assert heads == [arena.greedy, arena.head], name
    sizes = (arena.bound, arena.greedy, heads[0], arena.head, heads[1], len(data))
    return (name, *(f"{size:,}" for size in sizes), *accuracies)


def drawn(name: str) -> tuple[str, ...]:
    graph = archbuilder.check(ROOT / "architectures" / f"{name}.yaml").graph
    assert graph is not None and not program_of(graph).lacking
    return measured(name, graph, in_int8(graph, images(graph, 8)), ("no data", "no data"))


def trained(name: str) -> tuple[str, ...]:
    from archbuilder.trained.quantization import in_int8 as quantised
    from archbuilder.trained.shipped import open_trained

    opened = open_trained(name)
    found = quantised(opened)
    accuracies = (f"{found.float32:.2f} %", f"{found.int8:.2f} %")
    return measured(opened.name, opened.plan.graph, found.model, accuracies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", metavar="RUN", nargs="*", help="runs, or networks that come along by name")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="of architectures/, with drawn weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER))
    for row in chain(map(drawn, args.networks), map(trained, args.trained)):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
