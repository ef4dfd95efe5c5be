"""What a plan makes of a network before it is trained: its first weights, its device, its loss."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from archbuilder.data.arrays import Splits
from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.modules import build
from archbuilder.modules.faster_on_cpu import quicken
from archbuilder.quantized.quantization_aware import RoundedNetwork
from archbuilder.rules.recipe_fit import NOTHING
from archbuilder.run.plan import Plan
from archbuilder.training.learning.initial_weights import initialise
from archbuilder.training.learning.objectives import Objective, load_teacher


def make_network(plan: Plan, splits: Splits, batches: int, device: torch.device) -> nn.Module:
    """The network with its first weights, on its device.

    batches: of an epoch.  Raises ArchbuilderError AB711 where there are none.
    """
    torch.manual_seed(plan.train.seed)
    module = RoundedNetwork(plan.graph) if plan.train.quantize else build(plan.graph)
    if not batches:
        raise ArchbuilderError(_no_batch(plan, len(splits.train)))
    initialise(module, plan.graph, plan.train, plan.data, splits)
    return _placed(module, plan, device)


def make_objective(plan: Plan, splits: Splits, device: torch.device) -> Objective:
    """The loss, with the teacher on the device where the recipe has one.  Raises ArchbuilderError AB744."""
    train = plan.train
    if train.distill is None:
        return Objective(train.loss)
    return Objective(train.loss, train.distill, _placed(load_teacher(plan, train.distill, splits), plan, device))


def compiled(module: nn.Module, plan: Plan) -> nn.Module:
    """What training calls for a module; evaluation calls the module itself, so that nothing is compiled twice."""
    made: Any = torch.compile(module) if plan.train.compile else module
    return cast(nn.Module, made)


def _placed(module: nn.Module, plan: Plan, device: torch.device) -> nn.Module:
    """The module on its device, in the form in which it is fastest there."""
    form = torch.channels_last if plan.train.channels_last else torch.contiguous_format
    module = module.to(device).to(memory_format=form)
    if device.type == "cpu":
        quicken(module)
    return module


def _no_batch(plan: Plan, images: int) -> Diagnostic:
    message = (
        "1 training image is not enough for a batch"
        if images == 1
        else f"{images} training images are not enough for a batch"
    )
    return NOTHING.at(plan.data.span("dataset"), message, "use at least two images")
