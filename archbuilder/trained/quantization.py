"""A trained network in int8: calibrated on training images, and held against itself in float on all test images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import inf, log10
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.device.arena import plan
from archbuilder.device.program import SAME_SCALE
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.quantized import floats, int8_file, integers
from archbuilder.quantized.scales import Quantized, along
from archbuilder.run.progress import counted
from archbuilder.run.result import typed
from archbuilder.trained.calibration import IMAGES, Integers, calibrated, some
from archbuilder.trained.evaluation import predictions
from archbuilder.trained.open import Run, Trained

LOOKED_AT = 64  # images that the loss of each layer is measured on

UNFINISHED = declare(
    "AB884",
    "a run that is not finished, to be quantised",
    exit_status=2,
    why=(
        "The result of a finished run goes to a microcontroller, and this run has none yet: its training was "
        "interrupted."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ rm runs/net/*/weights.safetensors
$ sed -i.old '$d' runs/net/*/metrics.jsonl
$ archbuilder quantize runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder quantize runs/net/*""",
)


@dataclass(frozen=True)
class Loss:
    """What int8 costs at an operator, as the ratio of signal to noise in dB: 6 dB are one bit.

    own: by its own weights and its own result alone; whole: with the errors of all before it."""

    operator: str
    kernel: str
    own: float
    whole: float


@dataclass(frozen=True)
class Outcome:
    """A network in int8, and what it is worth: accuracies in per cent of all test images.

    calibrated: training images that the ranges were read off."""

    model: Quantized
    images: int
    calibrated: int
    float32: float
    int8: float
    layers: tuple[Loss, ...]
    doubts: tuple[Diagnostic, ...]

    @property
    def lost(self) -> float:
        """Points of accuracy."""
        return self.float32 - self.int8

    def to_dict(self) -> dict[str, Any]:
        arena = plan(self.model.program)
        layers = [{**vars(loss), "own": _finite(loss.own), "whole": _finite(loss.whole)} for loss in self.layers]
        return {
            "images": self.images,
            "calibration_images": self.calibrated,
            "accuracy": {"float32": self.float32, "int8": self.int8},
            "arena": arena.head,
            "arena_total": list(arena.total),
            "layers": layers,
        }


def _finite(value: float) -> float | None:
    return None if value == inf else value


def in_int8(trained: Trained, images: int = IMAGES) -> Outcome:
    """A trained network in int8, calibrated on so many of its training images, all of them where it has fewer.

    Raises ArchbuilderError AB880 (a layer without a kernel), AB882 (values that are no numbers), AB884 (a run that is
    not finished), and what its weights and its images raise.
    """
    if isinstance(trained, Run) and not trained.finished:
        hint = f"finish it: {typed('train', '--resume', trained.path)}"
        raise ArchbuilderError(UNFINISHED.at(Span(str(trained.path)), "its last epoch has not been trained", hint))
    program = int8_file.program_for(trained.plan.graph, "int8")
    module, splits, card, data = trained.network(), trained.splits, trained.card, trained.plan.data
    batches = some(splits.train, data, card.mean, card.std, images)
    found = calibrated(program, module, batches)
    model, shown = found.model, torch.cat(batches)
    with torch.no_grad():
        layers = tuple(losses(model, found.constants, shown[:LOOKED_AT]))

    def accuracy(network: nn.Module, name: str) -> float:
        with counted(name, len(splits.test)) as seen:
            return predictions(network, splits.test, data, card.mean, card.std, "cpu", seen).accuracy

    results = accuracy(module, "float32"), accuracy(Integers(model), "int8")
    return Outcome(model, len(splits.test), len(shown), *results, layers, found.doubts)


def losses(model: Quantized, constants: floats.Constants, images: Tensor) -> Iterator[Loss]:
    """What int8 costs at each operator, on some images."""
    exact: dict[str, Tensor] = {}
    reached: dict[str, Tensor] = {}

    def note(values: dict[str, Tensor]) -> floats.Watch:
        return lambda name, value: values.setdefault(name, value)

    floats.run(model.program, constants, images, note(exact))
    integers.run(model, images, note(reached))
    rounded = dict(constants)
    for operator in model.program.operators:
        for name in islice(operator.inputs, 1, None):
            if name in model.constants and name in model.scales:
                scale = model.scales[name]
                steps = along(scale, constants[name].dim()) if scale.scale.dim() else scale.scale
                rounded[name] = model.constants[name].float() * steps
        out = model.scales[operator.output]
        inputs = [exact[name] if name in exact else rounded[name] for name in operator.inputs]
        alone = out.values(out.integers(floats.compute(operator, inputs)))
        whole = out.values(reached[operator.output].float())
        true = exact[operator.output]
        yield Loss(operator.output, operator.kernel, _decibel(true, alone), _decibel(true, whole))


def _decibel(true: Tensor, found: Tensor) -> float:
    noise, signal = float((true - found).square().sum()), float(true.square().sum())
    return inf if noise == 0 or signal == 0 else 10 * log10(signal / noise)


def text(found: Outcome, name: str) -> Iterator[str]:
    """What was found, in words: accuracies, memory, and the layers where most is lost."""
    arena = plan(found.model.program)
    yield f"{name}: int8, calibrated on {found.calibrated:,} training images"
    yield f"accuracy    float32 {found.float32:.2f} %, int8 {found.int8:.2f} % of {found.images:,} test images"
    yield f"arena       {arena.head:,} bytes, including the runtime's own data {arena.total[0]:,} to {arena.total[1]:,}"
    yield "where it is lost: signal to noise in dB (6 dB are one bit), of the layer alone and with all before it"
    layers = [loss for loss in found.layers if loss.kernel not in SAME_SCALE]  # those move numbers as they are
    width = max((len(loss.operator) for loss in layers), default=0)
    worst = {id(loss) for loss in sorted(layers, key=lambda loss: loss.own)[:3]}
    for loss in layers:
        mark = "  <- among the three that lose most" if id(loss) in worst else ""
        yield f"  {loss.operator:{width}}  {loss.kernel:20}  {loss.own:5.1f}  {loss.whole:5.1f}{mark}".rstrip()
