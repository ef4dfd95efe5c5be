"""Is the file the same network in training too?  What a module does there and the file does not, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archbuilder.importers.comparison import Comparison, compare
from archbuilder.importers.flow import Flow, Step
from archbuilder.importers.following import following
from archbuilder.importers.recorder import first_tensor, tensors_in
from archbuilder.importers.tape import Tape, address
from archbuilder.importers.witness import Witness, seeded
from archbuilder.ir.shape import Shape
from archbuilder.modules import Network

IMAGES = 4  # enough for the statistics of a batch norm over single pixels
SEEDS = range(3)  # one pass each: what is random differs from one to the next
TOLERANCE = {torch.float64: 1e-8}  # of the largest value, or of 1 where that is more
SHOWN = 3  # names in a note


@dataclass(frozen=True)
class Training:
    """How file and module compare in training; `notes` has what the module does there and the file does not."""

    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pairs:
    """The module's parameters and buffers by their names in it, each with the file's beside it."""

    parameters: dict[str, tuple[Tensor, Tensor]]
    buffers: dict[str, tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, subject: nn.Module, layers: Iterable[tuple[nn.Module, Step]]) -> Pairs:
        """layers: each layer of the file, and the step of the module that it stands for."""
        parameters = {address(p): (name, p) for name, p in subject.named_parameters() if p.numel()}
        buffers = {address(b): (name, b) for name, b in subject.named_buffers() if b.numel()}
        pairs = cls({}, {})
        for layer, step in layers:
            for own, weight in step.weights.items():
                ours = getattr(layer, own)
                learns = isinstance(ours, nn.Parameter)
                name, theirs = (parameters if learns else buffers).get(address(weight), ("", weight))
                if name and ours.numel() == theirs.numel():
                    (pairs.parameters if learns else pairs.buffers)[name] = (theirs, ours)
        return pairs


def train_alike(
    subject: nn.Module, network: Network, pairs: Pairs, image: Tensor, ending: str, several: bool
) -> Training:
    """Hold the two against each other in training; their weights are equal, their statistics change on the way.

    image: IMAGES images.  ending: the softmax that the file leaves out.  several: is it known already that there are
    more outputs than one?
    Compared are which parameters learn, outputs, statistics after a pass, and gradients: those of training
    where the outputs agree, else those of evaluation.  Raises whatever the module's own code makes of training.
    """
    tolerance = TOLERANCE.get(image.dtype, 1e-3)
    notes = list(_trainable(pairs))
    passes = [_run(subject, network, pairs, image, ending, seed) for seed in SEEDS]
    outputs = compare("outputs in training", [one.outputs for one in passes], tolerance)
    where = passes[0]
    if not outputs.ok:
        where = evaluation = _run(subject, network, pairs, image, ending, training=False)
        causes = dict.fromkeys(cause for one in passes for cause in one.witness.causes(evaluation.witness))
        notes.append(f"the module computes something else than the file{_after_colon(causes)}")
    if passes[0].left_out and not several:
        notes.append(f"forward returns more, which is left out: {_listed(passes[0].left_out)}")
    notes += _statistics(passes[0], pairs, tolerance, outputs.ok)
    gradients = compare("gradients" + " in training" * outputs.ok, where.gradients.values(), tolerance)
    if not gradients.ok:
        enough = tolerance * max(1, gradients.largest)
        names = [name for name, both in where.gradients.items() if not compare("gradients", [both], enough).ok]
        notes.append(f"the gradient of {_listed(names)} is another than in the file{_after_colon(where.witness.cuts)}")
    return Training((outputs, gradients), tuple(notes))


def _trainable(pairs: Pairs) -> Iterator[str]:
    """Parameters that learn in one of the two alone."""
    learns = {name: (theirs.requires_grad, ours.requires_grad) for name, (theirs, ours) in pairs.parameters.items()}
    frozen = [name for name, which in learns.items() if which == (False, True)]
    if frozen and not any(theirs for theirs, _ in learns.values()):
        yield "all parameters are frozen in the module, in the file they learn"
    elif frozen:
        yield f"frozen in the module, in the file they learn: {_listed(frozen)}"
    if thawed := [name for name, which in learns.items() if which == (True, False)]:
        yield f"frozen in the file with the rest of their layer, in the module they learn: {_listed(thawed)}"


@dataclass(frozen=True)
class _Pass:
    """Both networks run once over the same images: outputs, gradients by name, what was seen, buffers."""

    outputs: tuple[Tensor, Tensor]
    left_out: list[str]  # outputs of the module beside the first
    gradients: dict[str, tuple[Tensor, Tensor]]
    witness: Witness
    before: dict[str, Tensor]  # the module's buffers
    after: dict[str, Tensor]
    own: dict[int, Tensor]  # the file's buffers afterwards, by their id


def _run(
    subject: nn.Module, network: Network, pairs: Pairs, image: Tensor, ending: str, seed: int = 0, training: bool = True
) -> _Pass:
    """One pass forward, with the first seed also back; buffers begin as they are now, and are so again afterwards."""
    subject.train(training)
    network.train(training)
    before = {name: buffer.clone() for name, buffer in subject.named_buffers()}
    kept = [(buffer, buffer.clone()) for net in (subject, network) for buffer in net.buffers()]
    images = (image.clone().requires_grad_(), image.clone().requires_grad_())
    tape = Tape(Flow(Shape(*image.shape[1:])))
    witness, same_rule = (Witness(tape, _run.__code__, drops=training) for _ in range(2))
    learning = {name: pair for name, pair in pairs.parameters.items() if all(p.requires_grad for p in pair)}
    with (
        torch.set_grad_enabled(seed == SEEDS[0]),
        seeded(seed),
        following(subject, tape, set(), _run.__code__),
        witness,
    ):
        returned = subject(images[0].clone())
        theirs = first_tensor(returned)
        gradients = _gradients(theirs, [images[0], *(pair[0] for pair in learning.values())])
    with torch.set_grad_enabled(seed == SEEDS[0]), same_rule:
        ours = network(images[1].clone())
        ours = getattr(torch, ending)(ours, 1) if ending else ours
        own_gradients = _gradients(ours, [images[1], *(pair[1] for pair in learning.values())])
    if theirs.shape != ours.shape:
        raise ValueError(f"it gives {tuple(theirs.shape)} there, {tuple(ours.shape)} in evaluation")
    after = {name: buffer.clone() for name, buffer in subject.named_buffers()}
    own = {id(buffer): buffer.clone() for buffer in network.buffers()}
    with torch.no_grad():
        for buffer, value in kept:
            buffer.copy_(value)
    reshaped = [b.reshape(a.shape) for a, b in zip(gradients, own_gradients, strict=True)]
    by_name = dict(zip(["the image", *learning], zip(gradients, reshaped, strict=True), strict=True))
    left_out = list(tensors_in(returned))[1:]
    return _Pass((theirs.detach(), ours.detach()), left_out, by_name, witness, before, after, own)


def _gradients(output: Tensor, wanted: Sequence[Tensor]) -> list[Tensor]:
    """Of a weighted sum of the output; zero where nothing comes back, or nothing can."""
    factors = torch.arange(output.numel()).cos().reshape(output.shape).to(output)
    found: Sequence[Tensor | None] = [None] * len(wanted)
    if output.requires_grad:
        found = torch.autograd.grad((output * factors).sum(), wanted, allow_unused=True)
    return [torch.zeros_like(t) if grad is None else grad for t, grad in zip(wanted, found, strict=True)]


def _statistics(one: _Pass, pairs: Pairs, tolerance: float, alike: bool) -> Iterator[str]:
    """Buffers that a pass in training left unlike the file's; where the passes are not alike, most would be so."""
    still: list[str] = []
    others: list[str] = []
    for name, (_, ours) in pairs.buffers.items():
        after = one.after[name]
        if not compare("statistics", [(after, one.own[id(ours)].reshape(after.shape))], tolerance).ok:
            (still if torch.equal(after, one.before[name]) else others).append(name)
    if still:
        yield f"statistics that stay as they are, in the file they follow the batches: {_listed(still)}"
    if others and alike:
        yield f"statistics that follow the batches in another way than in the file: {_listed(others)}"
    changed = [name for name, was in one.before.items() if not torch.equal(was, one.after[name])]
    own = [name for name in changed if name not in pairs.buffers and not name.endswith("num_batches_tracked")]
    if own:
        yield f"buffers that change in training, which the file does not have: {_listed(own)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _after_colon(causes: Iterable[str]) -> str:
    found = _listed(list(causes))
    return f": {found}" if found else ""
