"""A program in float is the module; in int8 it is near it; int8.safetensors brings back what was written."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch

from archbuilder import check_text
from archbuilder.cli import main
from archbuilder.device.kernels import program_of
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.quantized import floats, int8_file, integers
from archbuilder.quantized.integers import multiplier
from archbuilder.quantized.quantization_aware import RoundedNetwork
from archbuilder.quantized.scales import doubts, narrowed, observe, of_range
from tests.device.networks import BLOCKS, drawn, graph_of, images, in_int8, network

RUN = Path(__file__).parent.parent / "fixtures" / "0.1.0" / "trained" / "plain" / "run"


@pytest.mark.parametrize("name", BLOCKS)
@torch.no_grad()
def test_a_program_in_float_is_the_module(name: str):
    graph = network(BLOCKS[name])
    module, x = drawn(graph), images(graph, 3)
    program = program_of(graph, "float32")
    found = floats.run(program, floats.constants(program, module), x)
    assert torch.allclose(found, module(x), atol=1e-5)


@pytest.mark.parametrize("name", BLOCKS)
@torch.no_grad()
def test_a_program_in_int8_is_near_it(name: str):
    graph = network(BLOCKS[name])
    x = images(graph, 3)
    model = in_int8(graph, x)
    found = model.scales[model.program.output].values(integers.run(model, x))
    true = drawn(graph)(x)
    assert (found - true).abs().max() < 0.1 * true.abs().max()


def test_zero_is_on_every_grid():
    for low, high in [(-1.0, 3.0), (0.5, 2.0), (-3.0, -1.0), (0.0, 0.0), (0.0, 1e-30)]:
        scale = of_range(low, high)
        assert scale.values(scale.integers(torch.zeros(1))) == 0 and -128 <= scale.zero <= 127


def test_multipliers_have_31_bits():
    for value in (1.0, 0.75, 2.0**-31, 123.456, 1 - 2**-40):
        mantissa, shift = multiplier(value)
        assert 2**30 <= mantissa < 2**31 and mantissa * 2.0 ** (shift - 31) == pytest.approx(value, rel=2**-30)


def test_what_is_written_comes_back(tmp_path: Path):
    graph = network(BLOCKS["a gate"])
    x = images(graph, 2)
    model, file = in_int8(graph, x), tmp_path / int8_file.FILE
    file.write_bytes(int8_file.pack(model))
    assert torch.equal(integers.run(int8_file.load(graph, file), x), integers.run(model, x))
    other = network(BLOCKS["a stride"])
    with pytest.raises(ArchbuilderError, match="AB856"):
        int8_file.load(other, file)
    file.write_bytes(int8_file.pack(model)[:-1])
    with pytest.raises(ArchbuilderError, match="AB855"):
        int8_file.load(graph, file)


@pytest.mark.raises_code("AB882", "AB883")
def test_ranges_that_say_nothing():
    graph = network(["conv: 6", "conv: 6"])
    program, module = program_of(graph), drawn(graph)
    with torch.no_grad():
        module.get_submodule("conv2.norm").bias.fill_(-1000)  # type: ignore[operator,union-attr]
        constants = floats.constants(program, module)
        found = doubts(program, observe(program, constants, [images(graph, 2)]))
        assert [(d.code.id, d.span.line) for d in found][:1] == [("AB883", 7)]
        module.get_submodule("conv.norm").bias.fill_(torch.inf)  # type: ignore[operator,union-attr]
        ranges = observe(program, floats.constants(program, module), [images(graph, 2)])
    with pytest.raises(ArchbuilderError, match=r"AB882 conv\.activation gives infinite or NaN values") as caught:
        doubts(program, ranges)
    assert caught.value.diagnostics[0].span.line == 6


def test_a_run_is_quantised_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = shutil.copytree(RUN, tmp_path / "run")
    assert main(["quantize", str(run), "--images", "100", "--format", "json", "--threads", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["calibration_images"] == 100 and abs(found["accuracy"]["float32"] - found["accuracy"]["int8"]) < 3
    assert found["file"] == str(run / int8_file.FILE) and found["layers"]
    file = tmp_path / "net.tflite"
    assert main(["export", str(run), "--to", "tflite", "--out", str(file)]) == 0
    assert file.read_bytes()[4:8] == b"TFL3"
    small = file.stat().st_size
    assert main(["export", str(run), "--to", "tflite", "--dtype", "float32", "--out", str(file)]) == 0
    assert file.stat().st_size > small


def test_what_cannot_run_there_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "net.yaml").write_text(
        "archbuilder: 1\ninput: [1, 8, 8]\nnetwork:\n  - conv: {out: 4, activation: gelu}\n  - norm: layer\n"
    )
    out = str(tmp_path / "net.tflite")
    assert main(["export", str(tmp_path / "net.yaml"), "--to", "tflite", "--out", out]) == 1
    shown = capsys.readouterr().err
    assert "net.yaml:4:5: AB880 conv.activation (gelu): there is no kernel for GELU" in shown
    assert "net.yaml:5:5: AB880" in shown and not Path(out).exists()


@torch.no_grad()
def test_the_architectures_that_fit_are_computed_as_their_modules():
    for file in ("architectures/tiny.yaml", "architectures/known/shufflenet_v2.yaml"):
        graph = graph_of(file)
        program, module, x = program_of(graph, "float32"), drawn(graph), images(graph, 1)
        assert torch.allclose(floats.run(program, floats.constants(program, module), x), module(x), atol=1e-4)


def test_a_slope_per_channel_stays_one():
    report = check_text("archbuilder: 1\ninput: [3, 4, 4]\nnetwork: [{conv: 4}, {activation: {kind: prelu}}]\n")
    assert report.graph and program_of(report.graph).kernels == ("CONV_2D", "PRELU")


def test_training_with_the_rounding_is_near_the_integers_and_keeps_the_weights():
    graph = network(BLOCKS["a gate"])
    module, rounded, x = drawn(graph), RoundedNetwork(graph), images(graph, 4)
    rounded.load_state_dict(module.state_dict())
    before = copy.deepcopy(rounded).train()  # as a moving average of the weights is
    model = in_int8(graph, x)
    integer = model.scales[model.program.output].values(integers.run(model, x))
    found = before(x)
    assert (found - integer).abs().max() <= 3 * model.scales[model.program.output].one
    found.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in before.parameters())
    assert all(map(torch.equal, before.state_dict().values(), module.state_dict().values()))  # norms do not move


def test_a_run_goes_on_with_the_rounding(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["train", "--no-report", "--device", "cpu", "--threads", "1", "--out", str(tmp_path)]
    rounding = ["--set", "train.quantize=int8", "--set", "train.epochs=1"]
    assert main([*words, "--init", str(RUN), *rounding]) == 0
    (run,) = (tmp_path / "plain").iterdir()
    assert "quantize: int8" in (run / "architecture.yaml").read_text()
    assert main(["quantize", str(run), "--images", "64", "--threads", "1"]) == 0
    assert main([*words, str(RUN), *rounding]) == 2
    assert "AB886" in capsys.readouterr().err


def test_rounding_at_too_high_a_rate_is_warned_of_and_its_end_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["train", "--init", str(RUN), "--no-report", "--device", "cpu", "--threads", "1", "--out", str(tmp_path)]
    rounding = ["--set", "train.quantize=int8", "--set", "train.epochs=1"]
    assert main([*words, *rounding, "--set", "train.optimizer.sgd.lr=100"]) == 1
    shown = capsys.readouterr()
    assert "warning: lr 100 is high for training with rounding" in shown.out and "AB712 the training loss" in shown.err
    assert main([*words, *rounding, "--set", "train.optimizer.sgd.lr=0.002"]) == 0
    assert "warning" not in capsys.readouterr().out


@torch.no_grad()
def test_what_is_no_number_is_left_for_the_loss_to_tell():
    graph = network(BLOCKS["a stride"])
    rounded, x = RoundedNetwork(graph), images(graph, 2)
    x[0, 0, 0, 0] = torch.nan
    assert rounded(x).isnan().any()


def test_a_layer_that_int8_lacks_is_told_before_training():
    (problem,) = check_text(
        "archbuilder: 1\ninput: [3, 4, 4]\nnetwork: [{conv: {out: 4, activation: gelu}}]\ntrain: {quantize: int8}\n"
    ).diagnostics
    assert problem.code.id == "AB741" and "conv.activation (gelu) does not run in int8" in problem.message


def test_a_rare_value_does_not_coarsen_the_steps():
    graph = network(BLOCKS["a stride"])
    program, x = program_of(graph), images(graph, 4)
    x[0, 0, 0, 0] = 1000.0
    with torch.no_grad():
        constants = floats.constants(program, drawn(graph))
        ranges = observe(program, constants, [x])
        found = narrowed(program, constants, [x], ranges)
    assert ranges["input"][1] == 1000 and found.keys() == ranges.keys()
    assert all(ranges[name][0] <= low <= high <= ranges[name][1] for name, (low, high) in found.items())
    wide = observe(program, constants, [images(graph, 4)])
    assert narrowed(program, constants, [images(graph, 4)], wide)["input"][1] <= wide["input"][1]
