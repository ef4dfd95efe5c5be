"""Limits on memory: dtypes, values, and what a miss says; the report shows the same numbers."""

from __future__ import annotations

import json

import pytest

import archbuilder
from archbuilder.analysis.memory import BYTES
from archbuilder.pipeline import Report
from archbuilder.reporting.json import render as render_json
from archbuilder.reporting.memory import size_of
from archbuilder.reporting.text import render

# conv: 8x16x16 alive with the image of 1x16x16 while it runs; then 8x16x16 and 4x16x16; 80 + 4 * 9 * 8 weights and bias
NET = """\
archbuilder: 1
input: [1, 16, 16]
limits: {{{limits}}}
network: [{{conv: {{out: 8, norm: none, bias: false}}}}, {{conv: {{out: 4, norm: none, bias: false}}}}, gap]
"""
PEAK, WEIGHTS = (8 + 4) * 256, 8 * 9 + 4 * 8 * 9
TRAINING = (1 + 8 + 4) * 256  # the image and both relus' results, which are the inputs of conv and gap as well

VALUES = {"peak_activations": PEAK, "training_activations": TRAINING, "flash": WEIGHTS}


def check(limits: str) -> Report:
    return archbuilder.check(NET.format(limits=limits))


@pytest.mark.parametrize("dtype", ["", *BYTES])
@pytest.mark.parametrize("name", VALUES)
def test_values(name: str, dtype: str):
    report = check(f'{name}: "< 100 KiB{" " * bool(dtype)}{dtype}"')
    if (name, dtype) == ("training_activations", "int8"):
        (problem,) = report.diagnostics
        assert problem.code.id == "AB501" and "float32, float16, bfloat16" in problem.hint
        return
    (measured,) = report.limits
    size, scalars = {"float16": 2, "bfloat16": 2, "int8": 1}.get(dtype, 4), VALUES[name]
    assert (measured.value, measured.left, measured.ok) == (size * scalars, 100 * 1024 - size * scalars, True)
    assert measured.unit == f" bytes in {dtype or 'float32'}"


def test_a_dtype_on_something_else():
    (problem,) = check('params: "< 200k int8"').diagnostics
    assert (problem.code.id, problem.message) == ("AB501", "params cannot be stated in int8")
    assert problem.hint == "remove int8" and (problem.span.line, problem.span.column) == (3, 10)


@pytest.mark.parametrize("text", ["< 64 KiB int4", "< 64 KiB uint8", "< 64 KiB float8"])
def test_an_unknown_dtype(text: str):
    (problem,) = check(f'flash: "{text}"').diagnostics
    assert problem.code.id == "AB501" and "int8" in problem.hint


@pytest.mark.parametrize("text", ["< 64 KiB fp32", "< 64 int 8", "int8 < 64", "< int8", "< 64 KiB int8 int8"])
def test_no_limit_at_all(text: str):
    (problem,) = check(f'flash: "{text}"').diagnostics
    assert problem.code.id == "AB501" and "is not a limit" in problem.message


def test_a_missed_peak_names_what_is_alive():
    (problem,) = check('peak_activations: "< 8 KiB"').diagnostics
    assert problem.message == "peak_activations is 12,288 bytes in float32, the limit is < 8 KiB"
    assert "while conv2.conv runs: conv.activation (2,048 values), conv2.conv (1,024 values)" in problem.hint


def test_missed_training_names_the_layers_that_keep_most():
    (problem,) = check('training_activations: "< 8 KiB"').diagnostics
    assert problem.hint == "the most expensive: conv.activation (8,192), conv2.activation (4,096), conv.conv (1,024)"


def test_a_missed_flash_names_the_largest_layers():
    (problem,) = check('flash: "< 1 KiB float32"').diagnostics
    assert problem.hint == "the most expensive: conv2.conv (1,152), conv.conv (288)"


def test_flash_is_the_file_of_weights_buffers_included():
    """A batch norm's running statistics are stored as long as no runtime folds it into the conv before it."""
    network = "network: [{conv: 8}, {norm: {name: n, affine: false}}]\n"
    report = archbuilder.check(f'archbuilder: 1\ninput: [1, 16, 16]\nlimits: {{flash: "< 300 B int8"}}\n{network}')
    conv, norm, bare = 8 * 9, 2 * 8 + 2 * 8 + 8, 2 * 8 + 8  # weights; scale, shift, mean, variance, and a counter
    assert report.limits[0].value == conv + norm + bare
    (problem,) = archbuilder.check(report.document.text.replace("300", "99")).errors
    assert problem.hint == f"the most expensive: conv.conv ({conv}), conv.norm ({norm}), n ({bare})"
    stored = archbuilder.build(report.graph).half().state_dict().values()
    assert sum(value.nbytes for value in stored) == 2 * (conv + norm + bare) - 2 * 8


def test_a_bound_is_no_proof():
    head = "archbuilder: 1\ninput: [1, 16, 16]\n"
    network = "network: [{conv: 4}, {upsample: {factor: 2, mode: bilinear}}, {conv: 4}]\n"

    def found(limit: str) -> list[str]:
        report = archbuilder.check(f'{head}limits: {{receptive_field: "{limit}"}}\n{network}')
        return [d.code.id for d in report.diagnostics]

    assert found("> 4") == ["AB504"]
    assert found("> 9") == ["AB503"]
    assert found("> 3") == found("< 9") == []  # the least is enough; the most is little enough


def test_text_shows_memory_for_every_op_where_it_is_asked_for():
    report = check('peak_activations: "< 8 KiB int8"')
    assert "peak_activations < 8 KiB int8: 3,072 bytes in int8, 5,120 left" in render(report)
    assert "inference" not in render(report)
    shown = render(report, per_op=True)
    assert (
        "12.0 KiB at the peak (float32, one image), in conv2.conv: conv.activation 8.0 KiB + conv2.conv 4.0 KiB"
        in shown
    )
    assert "13.0 KiB kept for backward" in shown and "lower bounds" in shown
    header, *rows = [line.split() for line in shown.splitlines()[2:8]]
    assert header[-2:] == ["live", "kept"]
    assert [" ".join(row[-4:]) for row in rows] == [
        "9.0 KiB 1.0 KiB", "8.0 KiB 8.0 KiB", "12.0 KiB 0 B", "4.0 KiB 4.0 KiB", "4.0 KiB 0 B",
    ]  # fmt: skip


def test_json():
    memory = json.loads(render_json([check('flash: "< 8 MiB"')]))["files"][0]["totals"]["memory"]
    assert memory.pop("arena")["head"] == PEAK  # the same in a network whose ReLUs run in its convs
    assert memory == {
        "dtype": "float32",
        "peak": 4 * PEAK,
        "peak_layer": "conv2.conv",
        "peak_tensors": [{"name": "conv.activation", "bytes": 8192}, {"name": "conv2.conv", "bytes": 4096}],
        "training": 4 * TRAINING,
        "weights": {"float32": 4 * WEIGHTS, "float16": 2 * WEIGHTS, "bfloat16": 2 * WEIGHTS, "int8": WEIGHTS},
    }


def test_size_of():
    assert [size_of(n) for n in (0, 1023, 1024, 1536, 2**20, 3 * 2**30)] == [
        "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "3.0 GiB",
    ]  # fmt: skip
