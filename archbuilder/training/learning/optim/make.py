"""Which parameters a recipe moves how: weights, gains of norms and biases; matrices and the rest."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from archbuilder.spec.train import optimizers as spec
from archbuilder.training.learning.optim.adam import Adam
from archbuilder.training.learning.optim.base import Group, Optimizer, Together
from archbuilder.training.learning.optim.muon import Matrices, Muon
from archbuilder.training.learning.optim.sgd import Sgd

Parameters = dict[str, nn.Parameter]


def make_optimizer(recipe: spec.AnyOptimizer, module: nn.Module) -> Optimizer:
    """The optimizer over every parameter that is not frozen, each once."""
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not isinstance(recipe, spec.Muon):
        return _plain(recipe, parameters)
    weights = {name: matrices for name, matrices in _matrices(recipe, module) if name in parameters}
    rest = {name: p for name, p in parameters.items() if name not in weights}
    return Together([Muon(recipe, weights), _plain(recipe.rest, rest)])


def _plain(recipe: spec.Sgd | spec.Adam, parameters: Parameters) -> Optimizer:
    groups = list(_groups(recipe, parameters))
    return Sgd(recipe, groups) if isinstance(recipe, spec.Sgd) else Adam(recipe, groups)


def _groups(recipe: spec.Optimizer, parameters: Parameters) -> Iterator[Group]:
    """Parameters with one learning rate and one weight decay: in one group, so that they move in one call."""
    found: dict[tuple[float, float], Parameters] = {}
    for name, parameter in parameters.items():
        bias = name.rpartition(".")[2] == "bias"
        vector = bias or parameter.ndim < 2  # the gain of a norm or of a scale, the slope of a prelu
        lr = recipe.lr * recipe.bias_lr_factor if bias else recipe.lr
        decay = 0.0 if vector and not recipe.decay_norms_and_biases else recipe.weight_decay
        found.setdefault((lr, decay), {})[name] = parameter
    return (Group(members, lr, decay) for (lr, decay), members in found.items())


def _matrices(recipe: spec.Muon, module: nn.Module) -> Iterator[tuple[str, Matrices]]:
    """The weights that count as matrices, by name."""
    layers = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for position, (name, layer) in enumerate(layers):
        groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
        if position == 0 and not recipe.first and len(layers) > 1:
            continue
        if position == len(layers) - 1 and not recipe.last:
            continue
        if groups == 1 or recipe.grouped != "rest":
            weight = layer.get_parameter("weight")
            yield f"{name}.weight", Matrices(weight, groups if recipe.grouped == "each" else 1)
