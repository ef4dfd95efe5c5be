"""Tests whether the file is the same network: weights are copied by position, and outputs compared on random images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from archbuilder.importers.flow import Step
from archbuilder.importers.proof_in_training import IMAGES, Comparison, Pairs, Training, compare, train_alike
from archbuilder.importers.recorder import BATCH, Recording, first_tensor, record
from archbuilder.ir.graph import Graph
from archbuilder.ir.shape import Shape
from archbuilder.modules import Network, build

BATCHES = (BATCH, 1, 5)  # batch sizes with the original weights; one batch with others
AS_THEY_ARE = "original weights"
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}  # relative to the largest output, or to 1 if that is larger


@dataclass(frozen=True)
class Proof:
    """The comparisons; `failure` says why the file is not the same network, and is empty if it is.

    `remarks` lists comparisons that were not possible with the module, `training` is the comparison in training.
    `state` is the module's weights under the names of the file, as `archbuilder.build(...)` loads them.
    """

    comparisons: tuple[Comparison, ...] = ()
    failure: str = ""
    remarks: tuple[str, ...] = ()
    training: Training = field(default_factory=Training)
    state: Mapping[str, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def difference(self) -> float:
        """The largest of all differences."""
        return max((one.difference for one in self.comparisons), default=float("nan"))


def prove(subject: nn.Module, graph: Graph, order: Sequence[Step], recording: Recording) -> Proof:
    """Compare a graph with the module from which it was made. The weights of the module are changed, so pass a copy.

    `order` has the recorded steps in the order of the graph's nodes. Three comparisons: with the original weights; with
    every weight and statistic perturbed, so that no two layers are equal; the same in float64. If all agree, both are
    also compared in training.
    """
    nodes = list(graph.nodes.values())
    for node, step in zip(nodes, order, strict=False):
        if node.op != step.op:
            return Proof((), f"{node.name} is {node.op.describe()} in the file, {step.op.describe()} in the module")
    if len(nodes) != len(order):
        return Proof((), f"the file has {len(nodes)} ops, but the module runs {len(order)}")
    kind = like(subject)
    network = build(graph).to(kind).eval()
    comparisons: list[Comparison] = []
    state: Mapping[str, Tensor] = {}
    remarks: list[str] = []
    for what in _variants(subject):
        try:
            comparisons.append(_compare(what, subject, network, graph, order, recording))
            state = state or {name: tensor.clone() for name, tensor in network.state_dict().items()}
        except Exception as error:  # the module's own code may fail with other weights or in float64
            remarks.append(f"not compared with {what}: {' '.join(str(error).split())}")
    failure = _failure(comparisons, remarks)
    training = Training() if failure else _training(subject, network, graph, order, recording, kind)
    return Proof(tuple(comparisons), failure, tuple(remarks), training, state)


def _failure(comparisons: Sequence[Comparison], remarks: Sequence[str]) -> str:
    if not comparisons or comparisons[0].what != AS_THEY_ARE:
        return remarks[0]
    bad = next((one for one in comparisons if not one.ok), None)
    if bad is None:
        return ""
    return f"outputs differ by {bad.difference:.3g} ({bad.what}); the largest output is {bad.largest:.3g}"


def _variants(subject: nn.Module) -> Iterator[str]:
    """Put the module into each state for a comparison; yields the name of the state."""
    yield AS_THEY_ARE
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in [*subject.named_parameters(), *subject.named_buffers()]:
            if tensor.is_floating_point():
                _shake(name, tensor, generator)
    yield "perturbed weights"
    subject.double()
    yield "perturbed weights, float64"


def _shake(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    factor = torch.rand(tensor.shape, generator=generator).to(tensor) * 0.5 + 0.75
    noise = torch.randn(tensor.shape, generator=generator).to(tensor) * 0.02
    tensor.mul_(factor).add_(noise.abs() if name.endswith("running_var") else noise)


def _compare(
    what: str, subject: nn.Module, network: Network, graph: Graph, order: Sequence[Step], recording: Recording
) -> Comparison:
    kind = like(subject)
    network.to(kind)
    generator = torch.Generator().manual_seed(1)
    counts = BATCHES if what == AS_THEY_ARE else (BATCH,)
    images = [images_like(kind, graph.input, count, generator) for count in counts]
    steps = record(subject, images[0].clone()).flow.steps
    _copy(network, graph, [steps.get(step.id, step) for step in order])
    with torch.no_grad():
        both = [(_theirs(subject, image, recording), _ended(network(image), recording)) for image in images]
    return compare(what, both, TOLERANCE.get(kind.dtype, 1e-2))


def _theirs(subject: nn.Module, image: Tensor, recording: Recording) -> Tensor:
    if recording.always_drops:
        return record(subject, image.clone()).output
    return first_tensor(subject(image.clone()))


def _ended(ours: Tensor, recording: Recording) -> Tensor:
    return getattr(torch, recording.ending)(ours, 1) if recording.ending else ours


def _training(
    subject: nn.Module, network: Network, graph: Graph, order: Sequence[Step], recording: Recording, kind: Tensor
) -> Training:
    """Compare both in training, in float64 if the module supports it, with their current weights."""
    error: Exception | None = None
    for dtype in (torch.float64, kind.dtype):
        subject.to(dtype)
        network.to(dtype)
        image = images_like(kind.to(dtype), graph.input, IMAGES, torch.Generator().manual_seed(2))
        try:
            steps = record(subject.eval(), image[:BATCH].clone()).flow.steps
            ordered = [steps.get(step.id, step) for step in order]
            _copy(network, graph, ordered)
            layers = [network.get_submodule(node.module) for node in graph.nodes.values()]
            pairs = Pairs.of(subject, zip(layers, ordered, strict=True))
            return train_alike(subject, network, pairs, image, recording.ending, recording.several)
        except Exception as found:  # the module's own code may fail in training or in float64
            error = found
    return Training(notes=(f"not compared: {' '.join(str(error).split()).partition('. ')[0]}",))


def _copy(network: Network, graph: Graph, steps: Sequence[Step]) -> None:
    """Copy the weights of each recorded step into the layer of the graph's node at the same position."""
    with torch.no_grad():
        for node, step in zip(graph.nodes.values(), steps, strict=True):
            layer = network.get_submodule(node.module)
            for name, tensor in step.weights.items():
                target = getattr(layer, name)
                target.copy_(tensor.reshape(target.shape))
            for name, tensor in step.constants.items():
                if isinstance(getattr(layer, name), float):
                    setattr(layer, name, float(tensor))
                else:
                    getattr(layer, name).copy_(tensor)


def images_like(tensor: Tensor, shape: Shape, count: int, generator: torch.Generator) -> Tensor:
    """Random images with the dtype and device of a tensor."""
    return torch.randn(count, *shape.dims, generator=generator).to(tensor)


def like(module: nn.Module) -> Tensor:
    """A tensor with the dtype and device of the module."""
    kinds = ((p.dtype, p.device) for p in module.parameters() if p.dtype.is_floating_point)
    dtype, device = next(kinds, (torch.float32, torch.device("cpu")))
    return torch.zeros(1, dtype=dtype, device=device)
