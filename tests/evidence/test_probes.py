"""lr-find and overfit: what they find is right, and they leave nothing behind."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.run import plan
from archbuilder.run.options import Options
from archbuilder.training.probes.lr_find import RangeTest, range_test, until_it_grows
from archbuilder.training.probes.overfit import memorise
from tests.evidence.conftest import NETWORK

CPU = ["--device", "cpu", "--threads", "1"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "net.yaml").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return "net.yaml"


def planned(*overrides: str, text: str = NETWORK) -> plan.Plan:
    return plan.new(text, overrides, ".", Options(device="cpu", threads=1), check=False)


# lr-find


def test_lr_find_suggests_a_rate_and_leaves_the_plot_alone(file: str, tmp_path: Path, capsys):
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    assert main(["lr-find", file, *CPU]) == 0
    out = capsys.readouterr().out
    assert "the file has 0.2" in out and "plot: tiny-lr.png" in out
    suggestion = float(out.partition("suggestion: lr: ")[2].partition(";")[0])
    assert 0.02 <= suggestion <= 2  # 0.2 trains it well
    assert {path.name for path in tmp_path.iterdir()} == {"net.yaml", "tiny-lr.png"}
    assert torch.equal(before, torch.random.get_rng_state()) and torch.get_num_threads() == threads
    with Image.open("tiny-lr.png") as picture:
        assert len(picture.convert("RGB").getcolors(maxcolors=10**6) or ()) > 50


def test_a_range_test_is_the_same_each_time_and_rises_evenly():
    one, two = range_test(planned(), steps=40), range_test(planned(), steps=40)
    assert one == two
    ratios = np.diff(np.log(one.rates))
    assert one.rates[0] == pytest.approx(0.2e-4) and np.allclose(ratios, math.log(1e6) / 39)


def test_a_range_test_ends_where_the_loss_grows():
    found = range_test(planned("train.optimizer.sgd.momentum=0", "train.optimizer.sgd.nesterov=false"), high=1e6)
    assert found.diverged == found.rates[-1] < 0.2e6
    assert found.steepest <= found.least < found.diverged


def test_the_rate_is_what_moves_the_weights():
    """The same rates, as multiples of another recipe's, give the same losses; others do not."""
    plain = ["train.optimizer.sgd.momentum=0", "train.optimizer.sgd.nesterov=false"]
    one = range_test(planned(*plain), low=0.5, high=1, steps=20)
    same = range_test(planned(*plain, "train.optimizer.sgd.lr=0.4"), low=0.25, high=0.5, steps=20)
    other = range_test(planned(*plain), low=0.25, high=0.5, steps=20)
    assert one.losses == pytest.approx(same.losses, rel=1e-4)
    assert one.losses[0] == other.losses[0] and abs(one.losses[-1] - other.losses[-1]) > 0.01


@pytest.mark.parametrize(
    ("text", "high"),
    [
        (NETWORK, 1e6),  # the first step is too long
        (NETWORK.replace("- gap", "- gap\n" + "  - scale: 1.0e+6\n" * 8), 1e5),  # the first loss is no number
    ],
)
def test_where_nothing_is_learnt_there_is_no_suggestion(text: str, high: float):
    with pytest.raises(ArchbuilderError, match=r"AB762 the loss does not fall anywhere from lr 2e\+04 to "):
        range_test(planned(text=text), low=1e5, high=high)


def test_readings_of_a_curve_with_a_known_shape():
    """The loss falls along a logistic curve around 0.01, and grows from 1 on."""
    rates = tuple(float(rate) for rate in np.geomspace(1e-5, 10, 300))
    losses = tuple(3 - 2 / (1 + (0.01 / rate) ** 2) + (rate / 3) ** 2 for rate in rates)
    found = RangeTest("net", 0.1, 32, rates, losses, losses, None)
    assert found.steepest == pytest.approx(0.01, rel=0.1)
    assert found.least == pytest.approx(rates[int(np.argmin(losses))])
    assert found.suggestion == float(f"{math.sqrt(found.steepest * found.least):.0e}")


def test_smoothing_has_no_bias():
    def smoothed(*losses: float) -> list[float]:
        return [smooth for _, _, smooth in until_it_grows((1.0, loss) for loss in losses)]

    assert smoothed(*[2.0] * 50) == pytest.approx([2.0] * 50)
    assert smoothed(1.0, 3.0)[1] == pytest.approx((0.95 * 1 + 3) / 1.95)


@pytest.mark.parametrize("rate", ["{adamw: {lr: 0.001}}", "{muon: {lr: 0.02}}"])
def test_every_optimizer_can_be_tested(rate: str):
    found = range_test(planned(f"train.optimizer={rate}", "train.accumulate=2"), steps=30)
    assert found.images == 128 and found.suggestion > 0


def test_a_plot_that_cannot_be_written_is_said(file: str, capsys):
    assert main(["lr-find", file, "--steps", "30", "--plot", "no/where.png", *CPU]) == 2
    assert "AB911" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--low", "0"], ["--steps", "0"], ["--high", "many"]])
def test_arguments_that_make_no_sense(words: list[str], file: str, capsys):
    with pytest.raises(SystemExit):
        main(["lr-find", file, *words])
    assert words[0] in capsys.readouterr().err


def test_rounding_is_left_out_of_a_probe(file: str, capsys):
    assert range_test(planned("train.quantize=int8"), steps=20) == range_test(planned(), steps=20)
    assert main(["overfit", file, "--steps", "1", "--set", "train.quantize=int8", *CPU]) == 1
    rounded = capsys.readouterr().out
    assert rounded.startswith("note: quantize is left out here") and rounded.count("quantize") == 1
    assert main(["overfit", file, "--steps", "1", *CPU]) == 1
    assert capsys.readouterr().out == rounded.partition("\n")[2]
    main(["lr-find", file, "--steps", "20", "--set", "train.quantize=int8", *CPU])
    assert capsys.readouterr().out.startswith("note: quantize is left out here")


# overfit


def test_a_sound_network_learns_a_batch_by_heart(file: str, tmp_path: Path, capsys):
    before = torch.random.get_rng_state()
    assert main(["overfit", file, *CPU]) == 0
    out = capsys.readouterr().out
    assert "ok: 32 images are known by heart: accuracy 100.0 %" in out and out.startswith("step    1")
    assert [path.name for path in tmp_path.iterdir()] == ["net.yaml"]
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_keeps_a_network_from_learning_by_heart_is_left_out():
    """Dropout of nearly everything, mixup, smoothing and strong augmentation: the network itself can do it."""
    hard = ["defaults.dropout=0.9", "train.mixup={alpha: 1}", "train.loss.cross_entropy.label_smoothing=0.9"]
    found = memorise(planned(*hard, "data.augment=[{random_crop: {padding: 7}}]"), lambda *_: None)
    assert found.ok and found.accuracy == 100 and found.loss < 0.1


@pytest.mark.parametrize(
    ("override", "reason"),
    [("lr=1e-6", "no longer falls"), ("lr=1e6", "lower the learning rate"), ("lr=0.003", "more steps")],
)
def test_a_rate_that_does_not_work_is_told(override: str, reason: str, file: str, capsys):
    assert main(["overfit", file, "--set", f"train.optimizer.sgd.{override}", "--steps", "40", *CPU]) == 1
    out = capsys.readouterr().out
    assert "NOT ok: 32 images are not learnt by heart" in out and reason in out


def test_layers_that_no_gradient_reaches_are_named():
    dead = NETWORK.replace("  - gap", "  - scale: {init: 0}\n  - scale: {init: 0}\n  - gap")
    found = memorise(planned(text=dead), lambda *_: None, steps=20)
    assert not found.ok and "no gradient reaches" in found.reason
    assert "conv.conv.weight" in found.unreached and "classifier.conv.bias" not in found.unreached


def test_the_batch_can_have_any_size():
    seen: list[int] = []
    found = memorise(planned(), lambda step, loss, accuracy: seen.append(step), images=8, steps=200)
    assert found.ok and found.images == 8 and seen == list(range(1, found.steps + 1))
