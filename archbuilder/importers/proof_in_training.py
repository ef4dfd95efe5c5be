"""Tests whether the file is the same network in training, and describes the differences."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archbuilder.importers.flow import Flow, Step
from archbuilder.importers.recorder import first_tensor, following, function_name, tensors_in, without_dropping
from archbuilder.importers.source_lines import running_below, running_line
from archbuilder.importers.tape import Tape, address
from archbuilder.ir.shape import Shape
from archbuilder.modules import Network


@dataclass(frozen=True)
class Comparison:
    """The largest difference between two values over several batches, and the largest value."""

    what: str
    difference: float
    largest: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.difference <= self.tolerance * max(1.0, self.largest)  # False for nan


def compare(what: str, pairs: Iterable[tuple[Tensor, Tensor]], tolerance: float) -> Comparison:
    """Compare pairs (theirs, ours) of equal shapes. Raises ValueError if theirs is not finite."""
    difference = largest = 0.0
    for theirs, ours in pairs:
        if not theirs.isfinite().all():
            raise ValueError(f"the module's own {what} are not finite")
        gap = (ours - theirs).abs().max()
        difference = max(difference, float(gap)) if not gap.isnan() else float("nan")
        largest = max(largest, float(theirs.abs().max()))
    return Comparison(what, difference, largest, tolerance)


_RANDOM = frozenset(
    "rand randn randint rand_like randn_like randint_like randperm bernoulli normal multinomial poisson random uniform "
    "exponential cauchy geometric log_normal rrelu alpha_dropout feature_alpha_dropout".split()
)
_CUTTING = frozenset({"detach", "data"})


class Witness(TorchFunctionMode):
    """Observes every torch function that a network calls, and replaces dropout.

    Dropout becomes x * (1 + p sin x), or for whole channels the sine of the channel's mean. This depends on rate and
    place, but not on the memory layout of the values.

    `start` is the code that runs the network; with `drops` False, dropout does nothing at all.
    """

    def __init__(self, tape: Tape, start: CodeType, drops: bool = True) -> None:
        super().__init__()
        self.tape = tape
        self.start = start
        self.drops = drops
        self.lines: Counter[str] = Counter()  # number of torch calls per line
        self.random: dict[str, None] = {}  # calls that draw random numbers, in words
        self.cuts: dict[str, None] = {}  # calls that stop gradients
        self.still: dict[str, None] = {}  # norms that used their running statistics

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, function_name(func)
        self._see(name, args, kwargs)
        if "dropout" not in name or name in _RANDOM:
            return func(*args, **kwargs)
        return _weakened(name, *args, **kwargs) if self.drops else without_dropping(func, args, kwargs)

    def _see(self, name: str, args: Any, kwargs: Any) -> None:
        span = running_line(self.tape.path, self.start)
        place = f"{span.file}:{span.line}" if span.line else span.file
        counter = bool(args) and isinstance(args[0], Tensor) and not args[0].is_floating_point()
        if place and not (counter and name == "add"):  # a batch norm counts its batches, only in training
            self.lines[place] += 1
        if name in _RANDOM:
            self.random[f"{place} draws random numbers ({name})"] = None
        if name in _CUTTING:
            self.cuts[f"{place} stops it ({name})"] = None
        elif not torch.is_grad_enabled():
            own = (
                "has a custom gradient"
                if running_below(_with_own_gradients(), self.start)
                else "runs without gradients"
            )
            self.cuts[f"{place} {own}"] = None
        if name == "batch_norm" and not kwargs.get("training", args[5] if len(args) > 5 else False):
            self.still[f"{self.tape.path or place} normalises by its running statistics"] = None

    def causes(self, evaluation: Witness) -> Iterator[str]:
        """Possible causes of differences in training, compared with evaluation."""
        yield from self.random
        yield from self.still
        told = " ".join([*self.random, *self.still])
        for line in dict.fromkeys([*self.lines, *evaluation.lines]):
            if self.lines[line] != evaluation.lines[line] and line not in told:
                yield f"{line} behaves differently than in evaluation"


def _with_own_gradients() -> set[CodeType]:
    """The code of every forward with a custom backward."""
    kinds: list[type[torch.autograd.Function]] = [torch.autograd.Function]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.forward.__code__ for kind in kinds if hasattr(kind.forward, "__code__")}


def _weakened(
    name: str, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, train: bool | None = None
) -> Tensor:
    """Replacement for torch's dropout functions, with the same call."""
    if not (training if train is None else train):
        return input
    values = input.clone() if inplace else input
    told = values.mean((-2, -1), keepdim=True) if name != "dropout" else values
    weakened = values * (1 + p * told.sin())
    return input.copy_(weakened) if inplace else weakened


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the random numbers of torch, numpy and Python; afterwards their old state is restored."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


IMAGES = 4  # enough for the statistics of a batch norm over single pixels
SEEDS = range(3)  # one pass each, to detect random results
TOLERANCE = {torch.float64: 1e-8}  # of the largest value, or of 1 where that is more
SHOWN = 3  # names in a note


@dataclass(frozen=True)
class Training:
    """The comparison of file and module in training; `notes` lists what only the module does."""

    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pairs:
    """The parameters and buffers of the module by name, each paired with that of the file."""

    parameters: dict[str, tuple[Tensor, Tensor]]
    buffers: dict[str, tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, subject: nn.Module, layers: Iterable[tuple[nn.Module, Step]]) -> Pairs:
        """layers: each layer of the file, with the corresponding step of the module."""
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
    """Compare the two in training; their weights are equal, and their statistics change.

    image:   a batch of IMAGES images.
    ending:  the softmax that the file leaves out.
    several: whether it is already known that there are several outputs.

    Compares which parameters are trainable, outputs, statistics after a pass, and gradients: in training if the outputs
    agree, else in evaluation. Raises any error of the module's own code in training.
    """
    tolerance = TOLERANCE.get(image.dtype, 1e-3)
    notes = list(_trainable(pairs))
    passes = [_run(subject, network, pairs, image, ending, seed) for seed in SEEDS]
    outputs = compare("outputs in training", [one.outputs for one in passes], tolerance)
    where = passes[0]
    if not outputs.ok:
        where = evaluation = _run(subject, network, pairs, image, ending, training=False)
        causes = dict.fromkeys(cause for one in passes for cause in one.witness.causes(evaluation.witness))
        notes.append(f"the module computes something different from the file{_after_colon(causes)}")
    if passes[0].left_out and not several:
        notes.append(f"forward returns more outputs, which are left out: {_listed(passes[0].left_out)}")
    notes += _statistics(passes[0], pairs, tolerance, outputs.ok)
    gradients = compare("gradients" + " in training" * outputs.ok, where.gradients.values(), tolerance)
    if not gradients.ok:
        enough = tolerance * max(1, gradients.largest)
        names = [name for name, both in where.gradients.items() if not compare("gradients", [both], enough).ok]
        notes.append(f"the gradient of {_listed(names)} differs from the file{_after_colon(where.witness.cuts)}")
    return Training((outputs, gradients), tuple(notes))


def _trainable(pairs: Pairs) -> Iterator[str]:
    """Parameters that are trainable in only one of the two."""
    learns = {name: (theirs.requires_grad, ours.requires_grad) for name, (theirs, ours) in pairs.parameters.items()}
    frozen = [name for name, which in learns.items() if which == (False, True)]
    if frozen and not any(theirs for theirs, _ in learns.values()):
        yield "all parameters are frozen in the module, but trainable in the file"
    elif frozen:
        yield f"frozen in the module, but trainable in the file: {_listed(frozen)}"
    if thawed := [name for name, which in learns.items() if which == (True, False)]:
        yield f"frozen in the file with the rest of their layer, but trainable in the module: {_listed(thawed)}"


@dataclass(frozen=True)
class _Pass:
    """Both networks, run once on the same images: outputs, gradients by name, observations, buffers."""

    outputs: tuple[Tensor, Tensor]
    left_out: list[str]  # outputs of the module after the first
    gradients: dict[str, tuple[Tensor, Tensor]]
    witness: Witness
    before: dict[str, Tensor]  # the module's buffers
    after: dict[str, Tensor]
    own: dict[int, Tensor]  # the file's buffers afterwards, by their id


def _run(
    subject: nn.Module, network: Network, pairs: Pairs, image: Tensor, ending: str, seed: int = 0, training: bool = True
) -> _Pass:
    """One forward pass, with the first seed also backward; buffers are restored afterwards."""
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
    """Gradients of a weighted sum of the output; zero if there is no gradient."""
    factors = torch.arange(output.numel()).cos().reshape(output.shape).to(output)
    found: Sequence[Tensor | None] = [None] * len(wanted)
    if output.requires_grad:
        found = torch.autograd.grad((output * factors).sum(), wanted, allow_unused=True)
    return [torch.zeros_like(t) if grad is None else grad for t, grad in zip(wanted, found, strict=True)]


def _statistics(one: _Pass, pairs: Pairs, tolerance: float, alike: bool) -> Iterator[str]:
    """Buffers that differ from the file's after a pass in training; not reported if the passes themselves differ."""
    still: list[str] = []
    others: list[str] = []
    for name, (_, ours) in pairs.buffers.items():
        after = one.after[name]
        if not compare("statistics", [(after, one.own[id(ours)].reshape(after.shape))], tolerance).ok:
            (still if torch.equal(after, one.before[name]) else others).append(name)
    if still:
        yield f"statistics that do not change, but follow the batches in the file: {_listed(still)}"
    if others and alike:
        yield f"statistics that follow the batches differently than in the file: {_listed(others)}"
    changed = [name for name, was in one.before.items() if not torch.equal(was, one.after[name])]
    own = [name for name in changed if name not in pairs.buffers and not name.endswith("num_batches_tracked")]
    if own:
        yield f"buffers that change in training and are not in the file: {_listed(own)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _after_colon(causes: Iterable[str]) -> str:
    found = _listed(list(causes))
    return f": {found}" if found else ""
