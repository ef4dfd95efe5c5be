"""What networks need and keep on a microcontroller, measured with its runtime.

    uv pip install -e '.[mcu]'                      # Linux on x86-64
    python benchmarks/microcontroller.py [RUN ...]
    python benchmarks/microcontroller.py --ranges RUN ...

For the references of MLPerf Tiny and some of `architectures/`, in int8: the least that any plan of the arena needs, the
head by the runtime's own planner and by ours, as stated and as measured in TensorFlow Lite Micro, and the file's size.
Weights are drawn; outputs of both plans must be the same, and those of the integer arithmetic of `quantized/`.  A RUN,
or a network that comes with archbuilder (`tiny`, `fast85`), is quantised and adds its accuracies, of all test images;
its outputs are compared on 300 of them, with LiteRT's as well.

--ranges: how the ranges of maps are chosen, tried on 5,000 training images that the calibration has not seen: all of
what the maps take, or cut as `quantize` does.  No test image is looked at.
"""

import argparse
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import archbuilder
from archbuilder.data.arrays import Images
from archbuilder.device.arena import plan
from archbuilder.device.kernels import program_of
from archbuilder.exporters.tflite import write
from archbuilder.quantized import integers
from archbuilder.quantized.scales import Quantized, observe, quantize
from archbuilder.trained.calibration import IMAGES, Integers, calibrated, some, spread
from archbuilder.trained.evaluation import Predictions, predictions
from archbuilder.trained.quantization import in_int8 as quantised
from archbuilder.trained.shipped import open_trained

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.device.networks import images, in_int8  # noqa: E402
from tests.device.test_runtimes import on_litert, on_micro  # noqa: E402

NETWORKS = (
    *(f"known/mlperf_tiny_{name}" for name in ("resnet8", "vww", "kws")),
    *("known/resnet20", "known/densenet_bc_40", "known/mobilenet_v2", "known/squeezenet", "known/shufflenet_v2"),
    *("quickstart", "c1c2c3c40", "fast90"),
)
HEADER = (
    "network", "bound", "head, its planner", "measured", "head, our plan", "measured", "file", "images", "LiteRT",
    "float32", "int8",
)  # fmt: skip
RANGES = ("network", "float32", "all of the range", "other answers", "cut", "other answers")
COMPARED = 300  # test images of a trained network, in both runtimes
HELD_OUT = 5000  # training images that the calibration does not see


def measured(name: str, model: Quantized, x: Tensor, accuracies: tuple[str, str]) -> tuple[str, ...]:
    """A row; raises where what is measured is not what is stated, or TensorFlow Lite Micro's outputs differ."""
    arena = plan(model.program)
    pixels = model.scales["input"].integers(x.permute(0, 2, 3, 1)).to(torch.int8).numpy()
    expected = integers.run(model, x).numpy()
    heads = []
    for planned in (False, True):
        data = write(model.program, model.constants, model.scales, planned)
        output, bytes = on_micro(data, pixels)
        heads.append(bytes["head"])
        assert (output == expected).all(), name
    assert heads == [arena.greedy, arena.head], name
    sizes = (arena.bound, arena.greedy, heads[0], arena.head, heads[1], len(data), len(x))
    return (name, *(f"{size:,}" for size in sizes), _apart(on_litert(data, pixels), expected), *accuracies)


def _apart(found: Any, expected: Any) -> str:
    """How LiteRT's outputs differ."""
    steps = abs(found.astype(int) - expected)
    return f"{100 * (steps > 0).mean():.2f} % off by {steps.max()}" if steps.any() else "equal"


def ranges(name: str) -> tuple[str, ...]:
    """What each choice of ranges costs, as accuracies and as answers other than in float, in per cent."""
    opened = open_trained(name)
    data, card, images = opened.plan.data, opened.card, opened.splits.train
    found = calibrated(program_of(opened.plan.graph), opened.network(), some(images, data, card.mean, card.std))
    everything = observe(found.program, found.constants, some(images, data, card.mean, card.std))
    order = np.random.default_rng(0).permutation(len(images))
    places = order[~np.isin(order, spread(len(images), IMAGES))][:HELD_OUT]
    held_out = Images(images.images[places], images.labels[places])

    def answers(module: nn.Module) -> Predictions:
        return predictions(module, held_out, data, card.mean, card.std, "cpu")

    true, row = answers(opened.network()), []
    for choice in (everything, found.ranges):
        given = answers(Integers(quantize(found.program, found.constants, choice)))
        row += [f"{given.accuracy:.2f} %", f"{100 * (given.predicted != true.predicted).mean():.2f} %"]
    return (opened.name, f"{true.accuracy:.2f} %", *row)


def drawn(name: str) -> tuple[str, ...]:
    graph = archbuilder.check(ROOT / "architectures" / f"{name}.yaml").graph
    assert graph is not None and not program_of(graph).lacking
    return measured(name, in_int8(graph, images(graph, 8)), images(graph, 2), ("no data", "no data"))


def trained(name: str) -> tuple[str, ...]:
    opened = open_trained(name)
    found, card = quantised(opened), opened.card
    accuracies = (f"{found.float32:.2f} %", f"{found.int8:.2f} %")
    x = torch.cat(some(opened.splits.test, opened.plan.data, card.mean, card.std, COMPARED))
    return measured(opened.name, found.model, x, accuracies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", metavar="RUN", nargs="*", help="runs, or networks that come along by name")
    parser.add_argument("--networks", nargs="*", default=NETWORKS, help="of architectures/, with drawn weights")
    parser.add_argument("--ranges", action="store_true", help="try the choices of ranges instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    header = RANGES if args.ranges else HEADER
    rows = map(ranges, args.trained) if args.ranges else chain(map(drawn, args.networks), map(trained, args.trained))
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
