"""What a module does in training alone is carried over where the language can say it, and told where it cannot."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder.importers import Imported, convert


class Net(nn.Module):
    """A stem, what is looked at, a norm and a head."""

    def __init__(self, middle: nn.Module) -> None:
        super().__init__()
        self.stem, self.middle = nn.Conv2d(3, 8, 3, padding=1), middle
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.middle(F.relu(self.stem(x)))).mean((2, 3)))


class Call(nn.Module):
    """A function as a module, with the modules that it calls."""

    def __init__(self, call, **children: nn.Module) -> None:
        super().__init__()
        self.call = call
        for name, child in children.items():
            setattr(self, name, child)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return 2 * gradient


class StaysInEvaluation(nn.BatchNorm2d):
    def train(self, mode: bool = True):
        return super().train(False)


class FreezesItself(nn.Conv2d):
    def train(self, mode: bool = True):
        self.requires_grad_(not mode)
        return super().train(mode)


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen += 1
        return x


def conv() -> nn.Conv2d:
    return nn.Conv2d(8, 8, 3, padding=1)


def drop_path(m, x):
    y = m.conv(x)
    if m.training:
        y = y / 0.9 * (torch.rand(len(x), 1, 1, 1) < 0.9)
    return x + y


def depth(m, x):
    return x if m.training and random.random() < 0.5 else x + m.conv(x)


def noise(m, x):
    return x + torch.randn_like(x) if m.training else x


def normal(m, x):
    return x + x.new_empty(x.shape).normal_() if m.training else x


def scaled(m, x):
    return x * 2 if m.training else x


def unlearned(m, x):
    with torch.no_grad():
        return m.conv(x)


def frozen_head() -> nn.Module:
    net = Net(nn.Identity())
    net.head.requires_grad_(False)
    return net


def hooked() -> nn.Module:
    net = Net(nn.Identity())
    net.stem.weight.register_hook(lambda gradient: 2 * gradient)
    return net


def after(function, lines: int) -> str:
    return f"test_training.py:{function.__code__.co_firstlineno + lines} "


ELSE = "computes something different from the file: "
# what is imported, and the words of its notes
TOLD = {
    "drop path": (lambda: Net(Call(drop_path, conv=conv())), [ELSE, after(drop_path, 3), "random numbers (rand)"]),
    "drop path by Python's random": (
        lambda: Net(Call(depth, conv=conv())),
        [ELSE, after(depth, 1), "behaves differently than in evaluation"],
    ),
    "noise": (lambda: Net(Call(noise)), [ELSE, after(noise, 1), "random numbers (randn_like)"]),
    "noise in place": (lambda: Net(Call(normal)), [ELSE, after(normal, 1), "random numbers (normal)"]),
    "another factor": (lambda: Net(Call(scaled)), [ELSE, after(scaled, 1)]),
    "a norm that stays in evaluation": (
        lambda: Net(StaysInEvaluation(8)),
        [ELSE, "middle normalises by its running", "statistics that do not change", "middle.running_mean"],
    ),
    "other statistics": (
        lambda: Net(nn.BatchNorm2d(8, momentum=None)),
        ["statistics that follow the batches differently than in the file: middle.running_mean, middle.running_var"],
    ),
    "detach": (
        lambda: Net(Call(lambda m, x: m.conv(x.detach()), conv=conv())),
        ["the gradient of the image, stem.weight, stem.bias differs", "stops it (detach)"],
    ),
    "no gradient": (lambda: Net(Call(unlearned, conv=conv())), ["stem.bias and 1 more", "runs without gradients"]),
    "a gradient of its own": (
        lambda: Net(Call(lambda m, x: Doubled.apply(x))),
        ["the gradient of the image, stem", after(Doubled.forward, 2), "has a custom gradient"],
    ),
    "a hook on a gradient": (hooked, ["the gradient of stem.weight differs from the file"]),
    "frozen parameters": (frozen_head, ["frozen in the module, but trainable in the file: head.weight, head.bias"]),
    "all are frozen": (
        lambda: Net(nn.Identity()).requires_grad_(False),
        ["all parameters are frozen in the module, but trainable in the file"],
    ),
    "a buffer of its own": (lambda: Net(Counts()), ["buffers that change in training", "middle.seen"]),
    "another output": (
        lambda: Call(lambda m, x: (m.net(x), x) if m.training else m.net(x), net=Net(nn.Identity())),
        ["forward returns more outputs, which are left out: [1] (3x8x8)"],
    ),
    "no training": (lambda: Net(Call(lambda m, x: (m.training and 1 / 0) or x)), ["not compared: division by zero"]),
}


def notes(found: Imported) -> str:
    return "\n".join(found.proof.training.notes)


@pytest.mark.parametrize("name", TOLD)
def test_what_only_training_does_is_told_in_report_and_file(name: str):
    make, words = TOLD[name]
    found = convert(make(), (3, 8, 8))
    assert found.ok  # in evaluation it is the same network
    assert all(word in notes(found) for word in words), notes(found)
    for note in found.proof.training.notes:
        assert f"# In training: {note}.\n" in found.text


SAME = {
    "dropout": lambda: Net(nn.Sequential(nn.Dropout(0.3), nn.ReLU(), nn.Dropout2d(0.2), nn.MaxPool2d(2))),
    "dropout in place": lambda: Net(nn.Sequential(nn.Conv2d(8, 8, 1), nn.Dropout(0.3, inplace=True))),
    "dropout over channels at the end": lambda: Net(
        Call(lambda m, x: F.dropout(x.permute(0, 2, 3, 1), 0.1, m.training).permute(0, 3, 1, 2))
    ),
    "a sum of keywords": lambda: Net(Call(lambda m, x: torch.add(input=x, other=m.conv(x)), conv=conv())),
    "a frozen conv": lambda: Net(conv().requires_grad_(False)),
    "a conv that training freezes": lambda: Net(FreezesItself(8, 8, 3)),
    "a momentum": lambda: Net(nn.BatchNorm2d(8, momentum=0.4)),
    "a detached value that is not used": lambda: Net(Call(lambda m, x: (x.detach(), x)[1])),
}


@pytest.mark.parametrize("name", SAME)
def test_what_the_language_can_say_is_the_same_in_training(name: str):
    found = convert(SAME[name](), (3, 8, 8))
    assert found.ok
    assert not found.proof.training.notes
    assert [(one.what, one.ok) for one in found.proof.training.comparisons] == [
        ("outputs in training", True),
        ("gradients in training", True),
    ]
    assert "In training" not in found.text


def test_a_dropout_of_another_rate_is_seen():
    """The rule in place of dropout tells rates apart: here training doubles the one that evaluation shows."""
    found = convert(Net(Call(lambda m, x: F.dropout(x, 0.2 if m.training else 0.1, m.training))), (3, 8, 8))
    assert ELSE.rstrip(": ") in notes(found)


def test_random_numbers_of_python_go_on_as_before():
    module = Net(Call(depth, conv=conv()))
    random.seed(5)
    expected = random.random()
    random.seed(5)
    convert(module, (3, 8, 8))
    assert random.random() == expected
