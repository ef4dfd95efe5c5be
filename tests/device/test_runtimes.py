"""Exported files in the real runtimes: the memory they take and what they compute, to the byte and to the bit."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archbuilder.device.arena import plan
from archbuilder.device.kernels import program_of
from archbuilder.exporters.tflite import write
from archbuilder.quantized import floats, integers
from archbuilder.quantized.scales import Quantized
from archbuilder.trained.calibration import calibrated, some
from archbuilder.trained.open import open_run
from tests.device.networks import BLOCKS, drawn, graph_of, images, in_int8, network

pytestmark = pytest.mark.needs("mcu")

ARCHITECTURES = sorted(map(str, Path("architectures").rglob("*.yaml")))
ROOM = 1 << 22  # bytes of an arena that is large enough for all


def fits(file: str) -> bool:
    return not program_of(graph_of(file)).lacking


def on_micro(data: bytes, x: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], dict[str, int]]:
    """What TensorFlow Lite Micro makes of images (n, h, w, c), and the bytes of its arena's head and tail."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ROOM)
    found = []
    for each in x:
        interpreter.set_input(each[None], 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0).copy())
    return np.concatenate(found), allocations(interpreter)


def allocations(interpreter: Any) -> dict[str, int]:
    """The interpreter prints them, past Python, on standard error."""
    error = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            interpreter.print_allocations()
        finally:
            os.dup2(error, 2)
            os.close(error)
        file.seek(0)
        printed = file.read().decode()
    return {found[1]: int(found[2]) for found in re.finditer(r"Arena allocation (\w+) (\d+) bytes", printed)}


def on_litert(data: bytes, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    from archbuilder.exporters.tflite import litert

    return litert(data)(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()


def proven(model: Quantized, x: torch.Tensor) -> None:
    """A network in int8: head and outputs in TensorFlow Lite Micro with our plan and its own, outputs in LiteRT."""
    arena = plan(model.program)
    pixels = model.scales["input"].integers(x.permute(0, 2, 3, 1)).to(torch.int8).numpy()
    expected = integers.run(model, x).numpy()
    data = write(model.program, model.constants, model.scales)
    output, bytes = on_micro(data, pixels)
    assert bytes["head"] == arena.head
    assert np.array_equal(output, expected)
    assert arena.tail[0] <= bytes["tail"] <= arena.tail[1]
    output, bytes = on_micro(write(model.program, model.constants, model.scales, planned=False), pixels[:1])
    assert bytes["head"] == arena.greedy
    assert np.array_equal(output, expected[:1])
    assert np.abs(on_litert(data, pixels).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", BLOCKS)
def test_every_kernel(name: str):
    graph = network(BLOCKS[name])
    x = images(graph, 2)
    proven(in_int8(graph, x), x)


@pytest.mark.parametrize("file", [file for file in ARCHITECTURES if fits(file)])
def test_every_architecture_that_fits(file: str):
    graph = graph_of(file)
    x = images(graph, 1)
    proven(in_int8(graph, x), x)


def test_a_trained_network_on_real_images():
    """300 test images of digits, by a run of 0.1.0."""
    run = open_run("tests/fixtures/0.1.0/trained/plain/run")
    data, card = run.plan.data, run.card
    program = program_of(run.plan.graph)
    model = calibrated(program, run.network(), some(run.splits.train, data, card.mean, card.std)).model
    proven(model, torch.cat(some(run.splits.test, data, card.mean, card.std, 300)))


@pytest.mark.parametrize("file", ["architectures/quickstart.yaml", "architectures/fast85.yaml"])
@torch.no_grad()
def test_float32(file: str):
    graph = graph_of(file)
    program, module, x = program_of(graph, "float32"), drawn(graph), images(graph, 2)
    data = write(program, floats.constants(program, module))
    output, bytes = on_micro(data, x.permute(0, 2, 3, 1).contiguous().numpy())
    assert bytes["head"] == plan(program).head
    assert np.allclose(output, module(x).numpy(), atol=1e-4)
