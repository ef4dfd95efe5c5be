"""Sees a network run in training: dropout by a rule that is not random, and what else may tell two networks apart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from archbuilder.importers.places import running_below, running_line
from archbuilder.importers.recorder import function_name, without_dropping
from archbuilder.importers.tape import Tape

_RANDOM = frozenset(
    "rand randn randint rand_like randn_like randint_like randperm bernoulli normal multinomial poisson random uniform "
    "exponential cauchy geometric log_normal rrelu alpha_dropout feature_alpha_dropout".split()
)
_CUTTING = frozenset({"detach", "data"})


class Witness(TorchFunctionMode):
    """Sees every torch function that a network calls, and takes part where one drops values.

    The rule in place of dropout is x * (1 + p sin x), or the sine of a channel's mean where whole channels go.
    It tells rate and place, and does not depend on how the values are laid out.

    `start` is the code that runs the network; `drops` is False where nothing is dropped, whatever the network says.
    """

    def __init__(self, tape: Tape, start: CodeType, drops: bool = True) -> None:
        super().__init__()
        self.tape = tape
        self.start = start
        self.drops = drops
        self.lines: Counter[str] = Counter()  # how often a line called torch
        self.random: dict[str, None] = {}  # what drew random numbers, in words
        self.cuts: dict[str, None] = {}  # what keeps gradients from going on
        self.still: dict[str, None] = {}  # norms that went by their running statistics

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
        if place and not (counter and name == "add"):  # a batch norm counts its batches, in training alone
            self.lines[place] += 1
        if name in _RANDOM:
            self.random[f"{place} draws random numbers ({name})"] = None
        if name in _CUTTING:
            self.cuts[f"{place} cuts it off ({name})"] = None
        elif not torch.is_grad_enabled():
            own = (
                "has a gradient of its own"
                if running_below(_with_own_gradients(), self.start)
                else "runs without gradients"
            )
            self.cuts[f"{place} {own}"] = None
        if name == "batch_norm" and not kwargs.get("training", args[5] if len(args) > 5 else False):
            self.still[f"{self.tape.path or place} normalises by its running statistics"] = None

    def causes(self, evaluation: Witness) -> Iterator[str]:
        """What may make training something else, given what was seen in evaluation."""
        yield from self.random
        yield from self.still
        told = " ".join([*self.random, *self.still])
        for line in dict.fromkeys([*self.lines, *evaluation.lines]):
            if self.lines[line] != evaluation.lines[line] and line not in told:
                yield f"{line} runs otherwise than in evaluation"


def _with_own_gradients() -> set[CodeType]:
    """The code of every forward that has a backward beside it."""
    kinds: list[type[torch.autograd.Function]] = [torch.autograd.Function]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.forward.__code__ for kind in kinds if hasattr(kind.forward, "__code__")}


def _weakened(
    name: str, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, train: bool | None = None
) -> Tensor:
    """What stands for torch's dropout functions, called as they are."""
    if not (training if train is None else train):
        return input
    values = input.clone() if inplace else input
    told = values.mean((-2, -1), keepdim=True) if name != "dropout" else values
    weakened = values * (1 + p * told.sin())
    return input.copy_(weakened) if inplace else weakened


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers of torch, numpy and Python begin anew; afterwards they go on as before."""
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
