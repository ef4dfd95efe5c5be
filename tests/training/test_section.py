"""The `train:` section."""

from __future__ import annotations

import re
from typing import Any

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.parser import parse
from archbuilder.pipeline import check
from archbuilder.schema.env import Env
from archbuilder.schema.model import INVALID, Model, validate
from archbuilder.spec.train import Train
from archbuilder.spec.train.objectives import CrossEntropy
from archbuilder.spec.train.optimizers import AdamW, Sgd
from archbuilder.spec.train.schedules import Constant, OneCycle, Step
from archbuilder.training import train


def read(text: str) -> Train:
    env = Env()
    found = validate(Train, parse(text).root, env)
    assert env.diagnostics == []
    assert isinstance(found, Train)
    return found


def fields(model: Model) -> tuple[type[Model], dict[str, Any]]:
    """The type of an optimizer and its own fields, without those that all optimizers have."""
    common = ("decay_norms_and_biases", "bias_lr_factor", "decoupled", "milestones")
    return type(model), {key: value for key, value in model.model_dump().items() if key not in common}


def problems(text: str) -> list[str]:
    env = Env()
    assert validate(Train, parse(text).root, env) is INVALID
    return [str(d) for d in env.diagnostics]


def test_every_field_has_a_default():
    found = read("epochs: 3\n")
    assert (found.epochs, found.seed) == (3, 0)
    assert fields(found.optimizer) == (Sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4})
    assert fields(found.schedule) == (OneCycle, {"warmup": 0.3, "div": 25.0, "final_div": 1e4, "anneal": "cosine"})
    assert fields(found.loss) == (CrossEntropy, {"label_smoothing": 0.0})
    assert fields(Train(epochs=3)) == fields(found)


def test_the_section_of_the_manual_is_read():
    found = read(
        "epochs: 30\n"
        "optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}\n"
        "schedule: {one_cycle: {warmup: 0.3}}\n"
        "loss: {cross_entropy: {label_smoothing: 0.1}}\n"
    )
    assert fields(found.optimizer) == (Sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4})
    assert fields(found.loss) == (CrossEntropy, {"label_smoothing": 0.1})


def test_members_are_chosen_by_name():
    found = read("optimizer: {adamw: {lr: 1, betas: [0.8, 0.99]}}\nschedule: {step: {every: 5}}\n")
    assert fields(found.optimizer) == (AdamW, {"lr": 1.0, "betas": (0.8, 0.99), "weight_decay": 0.01, "eps": 1e-8})
    assert fields(found.schedule) == (Step, {"every": 5, "gamma": 0.1})
    assert fields(read("optimizer: adamw\nschedule: none\n").schedule) == (Constant, {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("epochs: 0", r"AB103 epochs: .*0"),
        ("epoch: 3", r"AB101 .* epoch .*\n.*did you mean epochs\?"),
        ("optimizer: adama", r"AB101 there is no optimizer adama\n.*did you mean adam\?"),
        ("optimizer: {sgd: {lr: 0}}", r"AB103 lr: .*0"),
        ("optimizer: {sgd: {lr: .nan}}", r"AB103 lr: "),
        ("optimizer: {sgd: {lr: fast}}", r"AB103 lr: .*fast"),
        ("optimizer: {sgd: {momentum: 1.5}}", r"AB103 momentum: .*1\.5"),
        ("optimizer: {sgd: {momentum: 0, nesterov: true}}", r"AB103 nesterov needs a momentum over 0"),
        ("optimizer: {adamw: {betas: [0.9]}}", r"AB103 betas: expected two numbers from 0 to below 1, found .*0\.9"),
        ("optimizer: {adamw: {betas: [0.9, 1]}}", r"AB103 betas: expected two numbers from 0 to below 1, found .*1"),
        ("schedule: {one_cycle: {warmup: 1.1}}", r"AB103 warmup: .*1\.1"),
        ("schedule: {one_cycle: {anneal: cos}}", r"AB103 anneal: .*cos.*\n.*did you mean cosine\?"),
        ("schedule: {step: {every: 1.5}}", r"AB103 every: .* 1\.5"),
        ("loss: {cross_entropy: {label_smoothing: 1}}", r"AB103 label_smoothing: .*1"),
        ("loss: mse", r"AB101 there is no loss mse"),
        ("seed: -1", r"AB103 seed: .*-1"),
        ("seed: true", r"AB103 seed: .*true"),
        ("optimizer: {sgd: {decoupled: yes}}", r"AB103 decoupled: expected true or false, found 'yes'"),
        ("optimizer: {sgd: {bias_lr_factor: 0}}", r"AB103 bias_lr_factor: expected more than 0.*0"),
        ("optimizer: {adam: {eps: 0}}", r"AB103 eps: .*0"),
        ("optimizer: {muon: {momentum: 0}}", r"AB103 nesterov needs a momentum over 0, found 0"),
        ("optimizer: {muon: {steps: 0}}", r"AB103 steps: 0 is out of range"),
        ("optimizer: {muon: {grouped: all}}", r"AB103 grouped: expected whole, each or rest, found 'all'"),
        ("optimizer: {muon: {rest: muon}}", r"AB101 there is no optimizer muon"),
        ("optimizer: {muon: {rest: {sgd: {lr: -1}}}}", r"AB103 lr: .*-1"),
        ("schedule: {cosine: {floor: 2}}", r"AB103 floor: .*2"),
        ("schedule: {triangular: {warmup: 1}}", r"AB103 warmup: expected less than 1.*, found 1"),
        ("schedule: {step: {every: 2, milestones: [3]}}", r"AB103 every and milestones say the same thing"),
        ("schedule: {step: {milestones: []}}", r"AB103 milestones: expected a list of epochs, found \[\]"),
        ("schedule: {step: {milestones: [5, 3]}}", r"AB103 milestones: expected epochs in rising order.*\n.*\[3, 5\]"),
        ("schedule: {piecewise: {}}", r"AB102 the field points is missing"),
        ("schedule: {piecewise: {points: [[1, 0], [3, 1]]}}", r"AB103 points: expected points from epoch 0 on"),
        ("schedule: {piecewise: {points: [[0, 1]]}}", r"AB103 points: expected two or more points"),
        (
            "schedule: {piecewise: {points: [[0, 1], [0, 2]]}}",
            r"AB103 points: expected points from epoch 0 on, in rising",
        ),
        ("schedule: {piecewise: {points: [0, 1]}}", r"AB103 points: expected a list of \[epoch, factor\]"),
        ("schedule: {plateau: {gamma: 1}}", r"AB103 gamma: expected less than 1.*, found 1"),
        ("accumulate: 0", r"AB103 accumulate: 0 is out of range"),
        ("clip_gradient: 0", r"AB103 clip_gradient: .*0"),
        ("mixup: {alpha: 0}", r"AB103 alpha: expected more than 0.*, found 0"),
        ("mixup: {p: 1.5}", r"AB103 p: 1\.5 is out of range"),
        ("mixup: often", r"AB103 .*expected a number, found 'often'"),
        ("cutmix: {most: 0}", r"AB103 most: expected more than 0.*, found 0"),
        ("{mixup: true, cutmix: true}", r"AB103 mixup's p 1 and cutmix's p 1 are more than 1 together\n.*p: 0.5"),
        ("ema: 1", r"AB103 expected less than 1.*, found 1"),
        ("ema: {decay: 1.5}", r"AB103 decay: .*1\.5"),
        ("lookahead: {every: 0}", r"AB103 every: 0 is out of range"),
        ("lookahead: {share: 0}", r"AB103 share: expected more than 0.*, found 0"),
        ("whiten: {images: 0}", r"AB103 images: 0 is out of range"),
        ("whiten: {eps: 0}", r"AB103 eps: .*0"),
        ("init: he", r"AB103 init: expected default, kaiming or dirac, found 'he'"),
        ("batch_norm_momentum: 0", r"AB103 batch_norm_momentum: .*0"),
        ("distill: {temperature: 2}", r"AB102 the field run is missing"),
        ("distill: {run: a, temperature: 0}", r"AB103 temperature: .*0"),
        ("distill: {run: a, weight: 2}", r"AB103 weight: expected at most 1.*, found 2"),
        ("distill: {run: 3}", r"AB103 run: expected the folder of a run, found 3"),
        ("resolution: [16, 32]", r"AB103 resolution: expected a list of \[epoch, side in pixels\]"),
        ("resolution: [[3, 16], [2, 32]]", r"AB103 resolution: expected epochs in rising order"),
        ("precision: half", r"AB103 precision: expected fp32, tf32, bf16 or fp16, found 'half'"),
        ("compile: yes", r"AB103 compile: expected true or false, found 'yes'"),
        ("tta: mirror", r"AB103 tta: expected none or flip, found 'mirror'"),
    ],
)
def test_what_is_wrong_is_said(text: str, found: str):
    (problem,) = problems(text + "\n")
    assert re.search(found, problem)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{epochs: 9, schedule: step}", r"AB740 a change after every 10 epochs never comes in a run of 9 epochs"),
        ("{epochs: 9, schedule: {step: {every: 9}}}", r"AB740 a change after every 9 epochs never comes.*\n.*every: 3"),
        ("{epochs: 1, schedule: {step: {every: 9}}}", r"AB740 .* in a run of 1 epoch\n.*schedule: none"),
        (
            "{epochs: 9, schedule: {step: {milestones: [5, 9]}}}",
            r"AB740 the learning rate changes after epoch 9, but the run has 9",
        ),
        (
            "{epochs: 9, schedule: {piecewise: {points: [[0, 1], [8, 0]]}}}",
            r"AB740 .* end at epoch 8, shorter than .* 9",
        ),
        ("{epochs: 9, schedule: {piecewise: {points: [[0, 1], [9.5, 0]]}}}", r"AB740 .* epoch 9.5, longer than .* 9"),
        (
            "{epochs: 9, schedule: {plateau: {patience: 8}}}",
            r"AB740 patience 8 is longer than the run of 9 epochs",
        ),
        (
            "{epochs: 9, resolution: [[1, 6], [10, 8]]}",
            r"AB740 resolution changes at epoch 10, but the run has 9 epochs",
        ),
    ],
)
def test_a_recipe_that_does_not_fit_the_length_of_the_run_is_refused(tiny: str, text: str, found: str):
    report = check(tiny[: tiny.index("train:")] + f"train: {text}\n")
    (problem,) = report.errors
    assert re.search(found, str(problem))
    assert problem.span.line == tiny[: tiny.index("train:")].count("\n") + 1 and problem.span.column > 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "whiten: true",
            r"AB741 whiten: conv\.conv has 7 filters, but whitening needs an even number, at most 18\n.*out: 6",
        ),
        ("zero_gamma: true", r"AB741 zero_gamma: no residual branch ends in a norm"),
        ("batch_norm_momentum: 0.4", r"AB741 batch_norm_momentum: the network has no batch norm"),
        ("resolution: [[1, 9]]", r"AB742 side 9 is larger than the images, 8x8"),
        ("resolution: [[1, 2], [2, 8]]", r"AB742 at side 2 the network does not fit: .*"),
    ],
)
def test_a_recipe_that_does_not_fit_the_network_is_refused(text: str, found: str):
    """The skip's norm has an activation behind it, through which nothing could be learnt again."""
    report = check(
        "archbuilder: 1\ninput: [1, 8, 8]\nclasses: 10\nnetwork:\n"
        "  - conv: {out: 7, norm: layer}\n  - skip: {blocks: [{conv: {out: 7, norm: layer}}]}\n"
        "  - conv: {out: 7, kernel: 5, padding: valid, norm: none}\n  - gap\n  - classifier\n"
        f"data: {{dataset: digits}}\ntrain: {{{text}}}\n"
    )
    (problem,) = report.errors
    assert re.search(found, str(problem))
    assert problem.span.line == 11
    with pytest.raises(ArchbuilderError, match=found.partition(r"\n")[0][:5]):  # --no-check does not help
        train(str(report.document.text if report.document else ""), check=False)


def test_whitening_wants_a_conv_on_the_image(tiny: str):
    for first in ("norm", "{conv: {out: 6}}"):
        text = tiny.replace("  - conv: {out: 6}\n", f"  - {first}\n  - depthwise\n").replace("[1, 8, 8]", "[6, 8, 8]")
        text = text.replace("digits", "images.npz") + "  whiten: true\n"
        found = [d for d in check(text).errors if d.code.id == "AB741"]
        assert len(found) == (first == "norm")


@pytest.mark.parametrize(
    ("first", "second", "whiten", "found"),
    [
        ("frozen: true", "bias: false", "true", []),
        ("frozen: true", "bias: false", "false", ["3:5 conv.conv: frozen, but"]),
        ("frozen: true", "frozen: true", "true", ["4:5 conv2.conv: frozen, but"]),
        ("frozen: true", "frozen: true", "none", ["3:5 conv.conv, and 1 more: frozen, but"]),
        ("bias: false", "bias: false", "none", []),
    ],
)
def test_frozen_weights_that_nothing_sets_are_warned_of(first: str, second: str, whiten: str, found: list[str]):
    report = check(
        "archbuilder: 1\nnetwork:\n"
        f"  - conv: {{out: 6, {first}}}\n  - conv: {{out: 6, {second}}}\n  - gap\n  - classifier\n"
        f"input: [1, 8, 8]\nclasses: 10\ndata: {{dataset: digits}}\ntrain: {{whiten: {whiten}}}\n"
    )
    assert not report.errors
    warned = [(d.code.id, f"{d.span.line}:{d.span.column} {d.message}") for d in report.diagnostics]
    assert [code for code, _ in warned] == ["AB746"] * len(found)
    assert all(text.startswith(start) for (_, text), start in zip(warned, found, strict=True))


def test_all_problems_are_reported_at_once():
    assert len(problems("epochs: 0\noptimizer: {sgd: {lr: 0}}\nloss: mse\nseed: -1\n")) == 4


SWITCHES = ["ema", "lookahead", "mixup", "cutmix", "whiten"]


@pytest.mark.parametrize("part", SWITCHES)
@pytest.mark.parametrize("off", ["none", "false"])
def test_a_part_is_switched_off(part: str, off: str):
    assert getattr(read(f"{part}: true\n"), part) is not None
    assert getattr(read(f"{part}: {off}\n"), part) is None


@pytest.mark.parametrize("number", ["clip_gradient", "batch_norm_momentum"])
def test_a_number_is_switched_off(number: str):
    assert getattr(read(f"{number}: 0.5\n"), number) == 0.5
    assert getattr(read(f"{number}: none\n"), number) is None
    (problem,) = problems(f"{number}: nome\n")
    assert "expected a number or none, found 'nome'" in problem and "did you mean none?" in problem


@pytest.mark.parametrize("part", SWITCHES)
def test_a_part_of_which_nothing_is_said_is_neither_on_nor_off(part: str):
    (problem,) = problems(f"{part}:\n")
    assert "AB103 expected true, none, or its fields" in problem
