"""Optimizers against torch's own classes, and Muon's direction against a singular value decomposition."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archbuilder.spec.train.optimizers import Adam, AdamW, AnyOptimizer, Muon, Sgd
from archbuilder.training.learning.optimizers import Matrices, Optimizer, make_optimizer, newton_schulz, orthogonal


def network(frozen: bool = False) -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.PReLU(6),
        nn.Conv2d(6, 6, 3, groups=6, bias=False),
        nn.Conv2d(6, 12, 1),
        nn.Flatten(),
        nn.Linear(12 * 4 * 4, 5),
    )
    layers[0].requires_grad_(not frozen)
    return layers


def follow(module: nn.Module, optimizer: Any, steps: int = 7) -> list[Tensor]:
    """The weights after some steps on images that are the same in every call."""
    generator = torch.Generator().manual_seed(2)
    for _ in range(steps):
        images = torch.randn(8, 3, 8, 8, generator=generator)
        labels = torch.randint(5, (8,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(images), labels).backward()
        optimizer.step()
    return [parameter.detach() for parameter in module.parameters()]


def assert_follow_alike(recipe: AnyOptimizer, theirs: type[torch.optim.Optimizer], **options: Any) -> None:
    first, second = network(), network()
    ours = follow(first, make_optimizer(recipe, first))
    reference = follow(second, theirs(second.parameters(), **options))
    torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.03])
def test_sgd_is_torchs(nesterov: bool, weight_decay: float):
    options = {"lr": 0.05, "momentum": 0.9, "nesterov": nesterov, "weight_decay": weight_decay}
    assert_follow_alike(Sgd(**options), torch.optim.SGD, **options)


def test_sgd_without_momentum_is_torchs():
    assert_follow_alike(Sgd(lr=0.2, momentum=0.0, weight_decay=0.0), torch.optim.SGD, lr=0.2)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("recipe", "theirs"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
def test_adam_and_adamw_are_torchs(recipe: type[Adam], theirs: type[torch.optim.Optimizer], weight_decay: float):
    options = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": weight_decay}
    assert_follow_alike(recipe(**options), theirs, **options)


def test_decoupled_decay_takes_its_share_whatever_the_gradient():
    """From zero gradients an L2 penalty's momentum would grow from step to step; the decoupled share is the same."""
    module = nn.Linear(3, 2)
    before = copy.deepcopy(module)
    optimizer = make_optimizer(Sgd(lr=0.5, momentum=0.9, weight_decay=0.1, decoupled=True), module)
    for _ in range(3):
        for parameter in module.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step(factor=0.4)
    share = (1 - 0.5 * 0.4 * 0.1) ** 3
    torch.testing.assert_close(module.weight, before.weight * share)
    torch.testing.assert_close(module.bias, before.bias * share)


@pytest.mark.parametrize("recipe", [Sgd, Adam, AdamW])
def test_a_factor_of_the_rate_is_another_rate(recipe: type[Sgd] | type[Adam]):
    first, second = network(), network()
    half, whole = make_optimizer(recipe(lr=0.02), first), make_optimizer(recipe(lr=0.01), second)
    half.step, step = lambda: step(0.5), half.step  # type: ignore[method-assign]
    torch.testing.assert_close(follow(first, half), follow(second, whole))


def test_norms_and_biases_need_not_decay():
    groups = make_optimizer(Sgd(weight_decay=0.01, decay_norms_and_biases=False), network()).groups
    decays = {name: group.weight_decay for group in groups for name in group.parameters}
    assert {name for name, decay in decays.items() if decay == 0.01} == {"0.weight", "3.weight", "4.weight", "6.weight"}
    assert {decay for name, decay in decays.items() if "bias" in name or name[0] in "12"} == {0.0}
    every = make_optimizer(Sgd(weight_decay=0.01), network()).groups
    assert [group.weight_decay for group in every] == [0.01]


def test_biases_may_have_a_rate_of_their_own():
    module = network()
    groups = [
        {"params": [p for name, p in module.named_parameters() if "bias" not in name], "lr": 0.01},
        {"params": [p for name, p in module.named_parameters() if "bias" in name], "lr": 0.64},
    ]
    reference = follow(module, torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-4))
    other = network()
    ours = follow(other, make_optimizer(Sgd(lr=0.01, bias_lr_factor=64.0), other))
    torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-7)


def test_frozen_layers_are_left_alone():
    names = [name for name, _ in make_optimizer(Sgd(), network(frozen=True)).named()]
    assert names == [name for name, _ in network().named_parameters() if name[0] != "0"]


def polar(matrix: Tensor) -> Tensor:
    """The nearest matrix with orthonormal rows or columns, by SVD."""
    u, _, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    return u @ v


@pytest.mark.parametrize(("rows", "columns"), [(4, 9), (32, 27), (64, 64), (96, 9), (16, 288)])
def test_newton_schulz_keeps_directions_and_evens_out_lengths(rows: int, columns: int):
    torch.manual_seed(rows)
    matrix = torch.randn(2, min(rows, columns), max(rows, columns))
    found = newton_schulz(matrix, 5).double()
    u, values, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    inside = u.mT @ found @ v.mT  # diagonal exactly where the singular vectors are the same
    lengths = inside.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(inside, torch.diag_embed(lengths), rtol=0, atol=2e-4)
    clear = values > 0.05 * values.norm(dim=1, keepdim=True)
    assert lengths[clear].min() > 0.6 and lengths.max() < 1.25


def test_muons_step_is_near_the_polar_factor_for_every_form():
    """Convs, a depthwise one as one matrix and as one for each channel, and a linear layer."""
    torch.manual_seed(3)
    weights = [
        nn.Parameter(torch.randn(shape)) for shape in [(8, 4, 3, 3), (8, 36), (20, 1, 3, 3), (20, 1, 3, 3), (5, 64)]
    ]
    matrices = [Matrices(weight) for weight in weights]
    matrices[3] = Matrices(weights[3], count=20)
    values = [torch.randn_like(weight) for weight in weights]
    found = orthogonal(matrices, values, steps=6)
    for matrix, value, step in zip(matrices, values, found, strict=True):
        assert step.shape == value.shape
        scale = max(1.0, matrix.rows / value[0].numel()) ** 0.5
        for one, other in zip(matrix.of(step).double(), matrix.of(value), strict=True):
            exact = polar(other) * scale
            cosine = (one * exact).sum() / (one.norm() * exact.norm())
            assert cosine > 0.97
            assert float(one.norm()) == pytest.approx(float(exact.norm()), rel=0.35)


def test_muon_moves_matrices_and_leaves_the_rest_to_another():
    recipe = Muon(lr=0.05, momentum=0.0, nesterov=False, rest=Sgd(lr=0.3, momentum=0.0, weight_decay=0.0))
    module, other = network(), network()
    follow(module, make_optimizer(recipe, module), steps=1)
    follow(other, torch.optim.SGD(other.parameters(), lr=0.3), steps=1)
    before = dict(network().named_parameters())
    for name, parameter in module.named_parameters():
        if name in ("0.weight", "3.weight", "4.weight"):
            gradient = dict(other.named_parameters())[name].grad
            assert gradient is not None
            exact = polar(gradient.reshape(len(gradient), -1)) * max(1.0, len(gradient) / gradient[0].numel()) ** 0.5
            step = (before[name] - parameter).detach().reshape(len(parameter), -1).double() / 0.05
            assert (step * exact).sum() / (step.norm() * exact.norm()) > 0.9
            assert float(step.norm()) == pytest.approx(float(exact.norm()), rel=0.35)
        else:
            torch.testing.assert_close(parameter, dict(other.named_parameters())[name])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"0", "3", "4"}),
        ({"last": True}, {"0", "3", "4", "6"}),
        ({"first": False}, {"3", "4"}),
        ({"grouped": "rest"}, {"0", "4"}),
    ],
)
def test_muon_takes_the_layers_that_it_is_told_to(fields: dict[str, Any], expected: set[str]):
    muon, rest = make_optimizer(Muon(**fields), network()).parts  # type: ignore[attr-defined]
    assert {name.partition(".")[0] for name, _ in muon.named()} == expected
    every = [name for name, _ in muon.named()] + [name for name, _ in rest.named()]
    assert sorted(every) == sorted(name for name, _ in network().named_parameters())


def test_muon_renormalises_weights_before_its_step():
    module = nn.Sequential(nn.Conv2d(4, 9, 3, bias=False), nn.Flatten(), nn.Linear(9, 2))
    optimizer = make_optimizer(Muon(lr=1e-9, renormalize=True), module)
    module[0].weight.grad = torch.randn_like(module[0].weight)
    before = module[0].weight.detach().clone()
    optimizer.step()
    torch.testing.assert_close(module[0].weight, before * (3 / before.norm()))


def test_muon_decays_its_weights():
    module = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 2))
    optimizer = make_optimizer(Muon(lr=0.5, weight_decay=0.1), module)
    before = module[0].weight.detach().clone()
    module[0].weight.grad = torch.zeros_like(before)
    optimizer.step()
    torch.testing.assert_close(module[0].weight, before * 0.95)


@pytest.mark.parametrize("recipe", [Sgd(nesterov=True), Adam(), AdamW(), Muon(rest=AdamW())])
def test_state_brings_an_optimizer_back(recipe: AnyOptimizer):
    module = network()
    optimizer = make_optimizer(recipe, module)
    follow(module, optimizer, steps=3)
    other = copy.deepcopy(module)
    again = make_optimizer(recipe, other)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for first, second in zip(follow(module, optimizer), follow(other, again), strict=True):
        assert torch.equal(first, second)


def test_plain_gradient_descent_keeps_nothing_beside_its_parameters():
    kept = make_optimizer(Sgd(momentum=0.0), network()).slots()
    assert kept
    assert not any(kept.values())


def test_a_state_of_other_parameters_is_refused():
    small: Optimizer = make_optimizer(Sgd(), nn.Linear(2, 2))
    with pytest.raises(KeyError, match="other parameters"):
        small.load_state_dict(make_optimizer(Sgd(), network()).state_dict())


def test_optimizers_do_not_load_torchs_compiler():
    """torch's own classes do with their first use, and a start feels it."""
    code = """
import sys
import torch
from archbuilder.spec.train.optimizers import AdamW, Muon
from archbuilder.training.learning.optimizers import make_optimizer
module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
optimizer = make_optimizer(Muon(rest=AdamW()), module)
module(torch.zeros(1, 2)).sum().backward()
optimizer.step()
optimizer.zero_grad()
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
