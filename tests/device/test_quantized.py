"""A program in float is the module; in int8 it is near it; int8.safetensors brings back what was written."""

from __future__ import annotations

import copy
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archbuilder import check_text
from archbuilder.cli import main
from archbuilder.device.kernels import program_of
from archbuilder.diagnostics import ArchbuilderError, Span
from archbuilder.quantized import floats, int8_file, integers
from archbuilder.quantized.integers import multiplier
from archbuilder.quantized.quantization_aware import RoundedNetwork
from archbuilder.quantized.scales import doubts, narrowed, observe, of_range, quantize
from archbuilder.run import checkpoint
from archbuilder.trained.calibration import Integers
from archbuilder.trained.open import open_run
from archbuilder.training.learning import transfer
from archbuilder.training.learning.trainer import Trainer
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


@pytest.fixture(scope="module", params=["a gate", "groups", "norm of a vector"])
def both(request: pytest.FixtureRequest) -> tuple[nn.Module, RoundedNetwork, Tensor]:
    """A network, the same with rounding, and images."""
    graph = network(BLOCKS[request.param])
    module, rounded, x = drawn(graph), RoundedNetwork(graph), images(graph, 16)
    rounded.load_state_dict(module.state_dict())
    rounded.calibrate([x])
    return module, rounded, x


@torch.no_grad()
def test_a_rounded_network_is_near_its_integers(both: tuple[nn.Module, RoundedNetwork, Tensor]):
    module, rounded, x = both
    constants = floats.constants(rounded.program, module)
    ranges = narrowed(rounded.program, constants, [x], observe(rounded.program, constants, [x]))
    model = quantize(rounded.program, constants, ranges)
    evaluated = copy.deepcopy(rounded).eval()  # as a moving average of the weights is
    evaluated.ranges = ranges
    step = model.scales[model.program.output].one
    assert (evaluated(x) - Integers(model)(x)).abs().max() <= 3 * step


def test_a_rounded_network_trains_as_its_module(both: tuple[nn.Module, RoundedNetwork, Tensor]):
    """Norms behind a convolution go by the batch, and their running statistics follow it."""
    module, rounded, x = both
    before, plain = copy.deepcopy(rounded).train(), copy.deepcopy(module).train()
    expected, found = plain(x), before(x)
    vectors = {name for name, layer in plain.named_modules() if isinstance(layer, nn.BatchNorm1d)}
    assert vectors or (found - expected).abs().max() < 0.1 * expected.abs().max()
    found.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in before.parameters())
    for name, value in plain.state_dict().items():
        if "running" in name:
            alone = name.rpartition(".")[0] in vectors  # a product and a sum, by the statistics that it has
            wanted = module.state_dict()[name] if alone else value
            assert torch.allclose(before.state_dict()[name], wanted, rtol=0.05, atol=0.05), name


def test_no_gradient_passes_where_a_range_ends():
    graph = network(BLOCKS["a stride"])
    rounded, x = RoundedNetwork(graph).train(), images(graph, 4).requires_grad_()
    rounded.calibrate([x])
    rounded.ranges = rounded.ranges | {"input": (-0.5, 0.5)}
    rounded(x).square().sum().backward()
    assert x.grad is not None and (x.grad[x.detach().abs() > 0.6] == 0).all() and (x.grad != 0).any()


def test_a_channel_whose_norm_is_shut_is_rounded_all_the_same():
    graph = network(BLOCKS["a stride"])
    rounded, x = RoundedNetwork(graph).train(), images(graph, 4)
    rounded.get_submodule("conv.norm").weight.data.zero_()  # type: ignore[operator,union-attr]
    rounded.calibrate([x])
    rounded(x).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in rounded.parameters())


@pytest.mark.parametrize("name", BLOCKS)
def test_a_layer_is_taken_where_its_weights_are(name: str):
    rounded = RoundedNetwork(network(BLOCKS[name])).to("meta")
    for operator in rounded._weighted:
        assert {tensor.device.type for tensor in rounded._own(operator)} == {"meta"}


def test_a_batch_of_one_image_does_not_calibrate():
    """A norm over a map of one pixel cannot take it."""
    graph = network(["strided: {out: 6, stride: 9}"])
    rounded, x = RoundedNetwork(graph), images(graph, 5)
    rounded.calibrate([x[:4], x[4:]])
    both = rounded.ranges
    rounded.calibrate([x[:4]])
    assert rounded.ranges == both


ROUNDING = ["--set", "train.quantize=int8", "--set", "train.epochs=2"]
WORDS = ["train", "--init", str(RUN), "--no-report", "--device", "cpu", "--threads", "1", *ROUNDING]


@pytest.fixture(scope="module")
def rounded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt to round."""
    folder = tmp_path_factory.mktemp("rounded")
    assert main([*WORDS, "--out", str(folder)]) == 0
    (run,) = (folder / "plain").iterdir()
    return run


def test_the_log_tells_what_the_integers_are_worth(
    rounded_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Of a run that learns to round: the log, `quantize` and `evaluate` have one accuracy, to the last image."""
    log = [json.loads(line) for line in (rounded_run / "metrics.jsonl").read_text().splitlines()]
    out, place = str(tmp_path / "int8.safetensors"), ["--threads", "1", "--format", "json"]
    assert main(["quantize", str(rounded_run), "--out", out, *place]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"]["int8"] == log[-1]["test_accuracy"]
    assert main(["evaluate", str(rounded_run), *place]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["accuracy"] == log[-1]["test_accuracy"]
    assert again["cross_entropy"] == pytest.approx(log[-1]["test_loss"], rel=1e-6)
    before = json.loads((RUN / "metrics.jsonl").read_text().splitlines()[-1])
    assert log[-1]["test_loss"] < before["test_loss"]
    assert log[-1]["train_accuracy"] > before["train_accuracy"]
    assert max(record["lr"] for record in log) <= 0.002  # a hundredth of the recipe's


def test_a_run_that_learns_to_round_goes_on_to_the_bit(rounded_run: Path, tmp_path: Path):
    assert main([*WORDS, "--out", str(tmp_path), "--until", "1"]) == 0
    (run,) = (tmp_path / "plain").iterdir()
    assert main(["train", "--resume", str(run), "--no-report"]) == 0
    assert (run / "weights.safetensors").read_bytes() == (rounded_run / "weights.safetensors").read_bytes()


def test_ranges_are_kept_between_two_batches(rounded_run: Path):
    """A run that ended within an epoch goes on with the ranges that the epoch began with."""
    run, place = open_run(rounded_run), torch.device("cpu")

    def trainer() -> Trainer:
        return Trainer(run.plan, run.splits, place, source=transfer.read(RUN))

    class Ended(Exception):
        pass

    def end() -> None:
        if broken.batch == 5:
            raise Ended

    whole, broken, resumed = trainer(), trainer(), trainer()
    whole.epoch(lambda *_: None)
    with pytest.raises(Ended):
        broken.epoch(lambda *_: None, end)
    buffer = io.BytesIO()
    torch.save(broken.state(), buffer)
    buffer.seek(0)
    resumed.restore(torch.load(buffer, weights_only=True))
    resumed.epoch(lambda *_: None)
    state = resumed.module.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.module.state_dict().items())
    assert whole.metrics[-1]["test_loss"] == resumed.metrics[-1]["test_loss"]


@pytest.fixture
def learner(rounded_run: Path) -> Iterator[Trainer]:
    """A training with rounding, at its start."""
    run = open_run(rounded_run)
    made = Trainer(run.plan, run.splits, torch.device("cpu"), source=transfer.read(RUN))
    yield made
    made.images.close()


def test_the_integers_are_those_of_the_statistics_that_all_processes_share(
    learner: Trainer, monkeypatch: pytest.MonkeyPatch
):
    def align(module: nn.Module) -> None:
        for name, buffer in module.named_buffers():
            if name.endswith("running_var"):
                buffer.fill_(7)

    def integers(module: RoundedNetwork) -> Integers:
        folded.extend(buffer.clone() for name, buffer in module.named_buffers() if name.endswith("running_var"))
        return made(module)

    made, folded = learner._integers, list[Tensor]()
    monkeypatch.setattr(learner, "_integers", integers)
    monkeypatch.setattr(learner.processes, "align", align)
    learner.epoch(lambda *_: None)
    assert folded and all((buffer == 7).all() for buffer in folded)


def test_calibration_does_not_count_as_training(learner: Trainer, monkeypatch: pytest.MonkeyPatch):
    now, calibrate = [0.0], learner._begin_rounding

    def begin(module: RoundedNetwork) -> None:
        now[0] += 1000
        calibrate(module)

    def clock() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(learner, "_begin_rounding", begin)
    monkeypatch.setattr("archbuilder.training.learning.trainer.perf_counter", clock)
    record = learner.epoch(lambda *_: None)
    assert record["images_per_second"] > len(learner.splits.train) / 100 and now[0] > 1000


def test_only_values_that_are_no_numbers_are_a_divergence(learner: Trainer, monkeypatch: pytest.MonkeyPatch):
    module = learner.module
    assert isinstance(module, RoundedNetwork)
    module.get_submodule("conv.norm").bias.data.fill_(torch.inf)  # type: ignore[operator,union-attr]
    with pytest.raises(ArchbuilderError, match=r"AB712 the int8 ranges of epoch 1 .* because conv\.\w+ gives infinite"):
        learner._begin_rounding(module)

    def fail(*_: object) -> None:
        raise ArchbuilderError(checkpoint.FOREIGN.at(Span("file"), "something else", "mend it"))

    monkeypatch.setattr(module, "calibrate", fail)
    with pytest.raises(ArchbuilderError, match="AB705 something else"):
        learner._begin_rounding(module)


def test_a_training_that_fixed_no_ranges_is_begun_anew(learner: Trainer):
    state = learner.state()
    del state["ranges"]
    with pytest.raises(ArchbuilderError, match=r"AB705 .* by an earlier version") as error:
        checkpoint.restore(learner, state, Path("last.pt"))
    assert "--init RUN" in error.value.diagnostics[0].hint


def test_rounding_is_learnt_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(RUN), "--no-report", "--out", str(tmp_path), *ROUNDING]) == 2
    assert "AB886" in capsys.readouterr().err


def test_a_network_that_comes_along_can_be_gone_on_with():
    source = transfer.read(Path("tiny"))
    assert source.classes == 10 and source.epoch == 40 and "stem.conv.weight" in source.tensors


def test_rounding_that_diverges_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for rate in ("1e30", "1e12"):
        assert main([*WORDS, "--out", str(tmp_path), "--set", f"train.optimizer.sgd.lr={rate}"]) == 1
        assert "AB712 the " in capsys.readouterr().err


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
