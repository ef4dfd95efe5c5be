"""The `train:` section."""

from __future__ import annotations

import re
from typing import Any

import pytest

from archbuilder.document import parse
from archbuilder.schema.model import INVALID, Env, Model, validate
from archbuilder.spec.train import Train
from archbuilder.spec.train.objectives import CrossEntropy
from archbuilder.spec.train.optimizers import AdamW, Sgd
from archbuilder.spec.train.schedules import Constant, OneCycle, Step


def read(text: str) -> Train:
    env = Env()
    found = validate(Train, parse(text).root, env)
    assert env.diagnostics == []
    assert isinstance(found, Train)
    return found


def fields(model: Model) -> tuple[type[Model], dict[str, Any]]:
    """Its type, and those of its fields that are of its own, not those that all optimizers have."""
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
    ],
)
def test_what_is_wrong_is_said(text: str, found: str):
    (problem,) = problems(text + "\n")
    assert re.search(found, problem)


def test_all_problems_are_reported_at_once():
    assert len(problems("epochs: 0\noptimizer: {sgd: {lr: 0}}\nloss: mse\nseed: -1\n")) == 4
