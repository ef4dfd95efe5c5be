"""A run that begins with the weights of another one, or of a file; its head stays new where the classes differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.run import checkpoint
from archbuilder.run.folder import LAST
from archbuilder.trained.open import Run, no_epoch
from archbuilder.trained.shipped import open_trained

MISFIT = declare(
    "AB736",
    "weights of a network with a different structure",
    exit_status=2,
    why=(
        "Weights are matched by their names, so both networks must have the same layers of the same sizes. Only the "
        "tensors with one row per class may differ, if the number of classes does."
    ),
    bad="""\
$ archbuilder train net.yaml
$ archbuilder train net.yaml --set network.0.conv=16 --init runs/net/*""",
    good="""\
$ archbuilder train net.yaml
$ archbuilder train net.yaml --set data.batch_size=64 --init runs/net/*""",
)


@dataclass(frozen=True)
class Source:
    """What a run ended with: its state_dict after so many epochs, and for how many classes."""

    path: Path
    epoch: int
    classes: int
    tensors: dict[str, Tensor]


def read(path: Path) -> Source:
    """The weights of a run after its last finished epoch, of a file, or of a network that comes along.

    Raises ArchbuilderError AB702, AB704, AB705, AB760, and what `open_trained` raises."""
    trained = open_trained(path)
    classes = trained.plan.classes
    if not isinstance(trained, Run):
        return Source(path, trained.epoch_of("last"), classes, trained.network().state_dict())
    state = checkpoint.load(path / LAST, trained.plan)
    if state is None:
        raise ArchbuilderError(no_epoch(path))
    return Source(path, state["epoch"], classes, state["model"])


@torch.no_grad()
def put(source: Source, module: nn.Module, classes: int) -> str:
    """Copy the weights into a network for so many classes; what was taken and what was not, in words.

    Raises ArchbuilderError AB736 where it is not the same network but for its head.
    """
    here = module.state_dict()
    fresh = [name for name in here if name in source.tensors and _is_head(source, name, here[name], classes)]
    misfits = [
        f"{name} is {_size(source.tensors.get(name))} there and {_size(here.get(name))} here"
        for name in dict.fromkeys([*source.tensors, *here])
        if name not in fresh and _size(source.tensors.get(name)) != _size(here.get(name))
    ]
    if misfits:
        more = f", and {len(misfits) - 1} more tensors differ" if len(misfits) > 1 else ""
        hint = "take a run of this very network; only its classes may differ"
        raise ArchbuilderError(MISFIT.at(Span(f"--init {source.path}"), misfits[0] + more, hint))
    for name in here.keys() - fresh:
        here[name].copy_(source.tensors[name])
    taken = f"{len(here) - len(fresh)} of {len(here)} tensors are those of {source.path} after epoch {source.epoch}"
    if not fresh:
        return f"init: {taken}"
    return f"init: {taken}; new for {classes} classes instead of {source.classes}: {', '.join(fresh)}"


def _is_head(source: Source, name: str, here: Tensor, classes: int) -> bool:
    """Has it a row for each class, there and here, and is otherwise the same?"""
    there = source.tensors[name].shape
    rows = (there[:1], here.shape[:1]) == ((source.classes,), (classes,))
    return classes != source.classes and rows and there[1:] == here.shape[1:]


def _size(tensor: Tensor | None) -> str:
    if tensor is None:
        return "not"
    return "x".join(map(str, tensor.shape)) or "a number"
