"""Runs a module on random images and records what it does, as a Flow.

The module's own Python code runs on real tensors; every torch function that it calls is intercepted with torch's
protocol for this (torch.overrides.TorchFunctionMode). So loops, branches on shapes, wrappers that override `__call__`,
sliced Sequentials, attributes set during the run, and modules in lists or dicts need no special treatment, while
symbolic tracing refuses them.

Operands that are changed in place keep their identity: the tensor object represents its newest value.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from archbuilder.diagnostics import Diagnostic, Span, declare
from archbuilder.importers.flow import IMAGE, Flow
from archbuilder.importers.functions import reader
from archbuilder.importers.source_lines import running_line
from archbuilder.importers.tape import Tape, Unsupported, Value, address, by
from archbuilder.ir.shape import Shape
from archbuilder.remedy import Hint


@contextmanager
def following(module: nn.Module, tape: Tape, called: set[str], start: CodeType) -> Iterator[None]:
    """Keep the tape's path at the name of the running module; record modules without effect.

    start: the code that runs the module."""
    names = {id(child): name for name, child in module.named_modules()}
    stack: list[tuple[str, int]] = []
    idle: dict[str, list[str]] = {}

    def enter(child: nn.Module, _: Any) -> None:
        stack.append((tape.path, tape.calls))
        if id(child) in names:
            tape.path = names[id(child)]
            called.add(tape.path)
        if isinstance(child, torch.jit.ScriptModule) and tape.unseen is None:
            place = running_line(tape.path, start)
            tape.unseen = place if place.line else None

    def leave(child: nn.Module, inputs: Any, output: Any) -> None:
        path = tape.path
        tape.path, before = stack.pop()
        same = tape.calls == before and inputs and output is inputs[0] and not list(child.children())
        if same and not isinstance(child, (nn.Identity, nn.Sequential)):
            idle.setdefault(type(child).__name__, []).append(path)

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    for kind, paths in idle.items():
        others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        tape.note(f"{paths[0]}{others} ({kind}): has no effect in evaluation, left out")


BATCH = 2  # more than one image, so that the batch axis cannot be confused with another axis of length 1

# functions that use only the shape and type of a tensor
FRESH = {f"{word}_like" for word in ("zeros", "ones", "full", "empty")} | {
    f"new_{word}" for word in ("zeros", "ones", "full", "empty", "tensor")
}

NO_BLOCK = declare(
    "AB807",
    "a torch function without a corresponding block",
    why=(
        "The language has blocks for the usual parts of convolutional networks, and none for this call. The layers "
        "before it are written, and the file says that it is incomplete."
    ),
    bad="""\
$ archbuilder import model.py:Fourier --input 3x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)


@dataclass(frozen=True)
class Lost:
    """A value that no block can produce: the reason, and the last value before it that can be written."""

    problems: tuple[Diagnostic, ...]
    before: int


@dataclass
class Recording:
    """The result of recording one run."""

    flow: Flow
    output: Tensor
    name: str = ""  # of the module's class
    dims: tuple[int, ...] = ()  # of the output, without the batch
    lost: Lost | None = None  # if the output is made by something without a block
    ending: str = ""  # the softmax at the end of the network, which is left out
    notes: list[str] = field(default_factory=list)
    for_file: list[str] = field(default_factory=list)  # the notes that are also written into the file's first lines
    always_drops: bool = False  # a dropout is also active in evaluation
    several: bool = False  # there are outputs besides the imported one
    called: set[str] = field(default_factory=set)  # modules that ran, by name
    used: set[int] = field(default_factory=set)  # addresses of parameters that were used
    made: dict[int, frozenset[int]] = field(default_factory=dict)  # weights that are no parameters: their sources


class Recorder(TorchFunctionMode):
    """Intercepts every torch function that is called while it is active."""

    def __init__(self, tape: Tape, image: Tensor) -> None:
        super().__init__()
        self.tape = tape
        self.used: set[int] = set()
        # keeps the tensors alive, so that no other one gets the same id
        self._known: dict[int, tuple[Tensor, Value | Lost]] = {}
        self._keep(image, Value(IMAGE, tuple(image.shape[1:])))

    def value(self, tensor: Tensor) -> Value | Lost | None:
        """The value of a tensor; None for one that does not come from the image."""
        found = self._known.get(id(tensor))
        return found[1] if found else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [item for item in _flat([*args, *kwargs.values()]) if isinstance(item, Tensor)]
        self.used.update(map(address, tensors))
        name = function_name(func)
        result = without_dropping(func, args, kwargs) if "dropout" in name else func(*args, **kwargs)
        if any(id(tensor) in self._known for tensor in tensors):
            if name == "setitem":
                self._keep(args[0], self._lose("writes into a part of a value", tensors))
            elif name not in FRESH and any(isinstance(item, Tensor) for item in _flat([result])):
                return self._read(name, args, kwargs, tensors, result)
        elif name not in FRESH and (sources := self.tape.sources(*tensors)):
            for item in _flat([result]):
                if isinstance(item, Tensor):
                    self.tape.derive(item, sources)
        return result

    def _read(self, name: str, args: Any, kwargs: Any, tensors: list[Tensor], result: Any) -> Any:
        """Record the call; returns its result, or a copy if torch returned the operand itself."""
        self.tape.calls += 1
        tape, first = self.tape, next(item for item in _flat([result]) if isinstance(item, Tensor))
        tape.place, tape.copies = running_line(self.tape.path, record.__code__), False
        tape.dims = tuple(first.shape[1:])
        lost = [known for tensor in tensors if isinstance(known := self.value(tensor), Lost)]
        made: Any
        if lost:
            made = Lost(tuple(dict.fromkeys(p for one in lost for p in one.problems)), lost[0].before)
        else:
            made = self._ask(name, args, kwargs, tensors, result)
        if tape.copies and isinstance(result, Tensor) and any(result is tensor for tensor in tensors):
            result = result.clone()
        if any(result is tensor for tensor in tensors) and made != self.value(result):
            self._changed(result, made)
        results = [item for item in _flat([result]) if isinstance(item, Tensor)]
        values = made if isinstance(made, tuple) else [made] * len(results)
        for tensor, value in zip(results, values, strict=True):
            self._keep(tensor, value)
        return result

    def _ask(self, name: str, args: Any, kwargs: Any, tensors: list[Tensor], result: Any) -> Any:
        """The result of the function's reader: a value, several values, or Lost."""
        read = reader(name)
        if read is None:
            return self._lose(f"{name} has no block", tensors)
        try:
            if any(item.dim() == 0 or item.shape[0] != BATCH for item in _flat([result]) if isinstance(item, Tensor)):
                if count := self._written_batch(name, args, result):
                    raise Unsupported(
                        f"writes a batch of {count} into the shape", f"write x.size(0) instead of {count}"
                    )
                raise Unsupported("mixes the images of a batch, or moves its axis", "keep the batch as the first axis")
            made = read(self.tape, *self._swap(args), **self._swap(kwargs))
            if isinstance(made, Value) and made.dims != self.tape.dims:
                raise Unsupported(f"returns {self.tape.dims}, but {made.dims} in the language")
        except Unsupported as error:
            return self._lose(f"{name}: {error.message}", tensors, error.hint)
        except TypeError as error:  # arguments that the reader does not have
            return self._lose(f"{name} is called with unknown arguments: {error}", tensors)
        return made

    def _written_batch(self, name: str, args: Any, result: Any) -> int:
        """The number of images that the source line writes into a shape, 0 if none."""
        if name not in ("view", "reshape") or not isinstance(result, Tensor) or not result.dim():
            return 0
        first = next(iter(_flat(args[1:])), None)
        line = linecache.getline(self.tape.place.file, self.tape.place.line)
        return first if first == result.shape[0] and re.search(rf"\b{first}\b", line) else 0

    def _lose(self, message: str, tensors: list[Tensor], hint: Hint = "") -> Lost:
        known = [value for tensor in tensors if isinstance(value := self.value(tensor), Value)]
        hint = hint or "`archbuilder blocks` lists the blocks of the language; the YAML ends before this"
        return Lost(
            (NO_BLOCK.at(running_line(self.tape.path, record.__code__), message, hint),),
            max(value.step for value in known) if known else IMAGE,
        )

    def _swap(self, item: Any) -> Any:
        """The argument, with tensors that come from the image replaced by values."""
        if isinstance(item, Tensor):
            found = self.value(item)
            return item if found is None else found
        if isinstance(item, dict):
            return {key: self._swap(value) for key, value in item.items()}
        return type(item)(map(self._swap, item)) if type(item) in (list, tuple) else item

    def _changed(self, tensor: Tensor, made: Value | Lost) -> None:
        """Record that an operand, and so all views of it, was changed in place."""
        old = self.value(tensor)
        memory = tensor.untyped_storage().data_ptr()
        for other, value in list(self._known.values()):
            if other is tensor or other.untyped_storage().data_ptr() != memory or not isinstance(value, Value):
                continue
            if isinstance(made, Value) and isinstance(old, Value) and value.step == old.step:
                self._keep(other, Value(made.step, value.dims, value.layout, value.groups, value.ending))
            else:
                self._keep(other, self._lose("changes a part of a value in place", [tensor]))

    def _keep(self, tensor: Tensor, value: Value | Lost) -> None:
        self._known[id(tensor)] = (tensor, value)


def record(module: nn.Module, image: Tensor, origin: str = "") -> Recording:
    """Run a module in evaluation mode on a batch of BATCH images, and record what it does.

    origin: the module's file, for findings without a line. Errors of the module's forward are not caught. For an output
    that is a list, tuple or dict, its first tensor counts."""
    tape = Tape(Flow(Shape(*image.shape[1:])), place=Span(origin or type(module).__name__))
    tape.learnt = frozenset(address(p) for p in module.parameters() if p.numel())
    tape.all_frozen = not any(p.requires_grad for p in module.parameters())
    recorder = Recorder(tape, image)
    called: set[str] = set()
    with torch.no_grad(), following(module, tape, called, record.__code__), recorder:
        returned = module(image)
    output = first_tensor(returned)
    if output is not returned:
        first, *others = tensors_in(returned)
        told = f"{', '.join(others)} left out" if others else "the rest are not tensors"
        tape.note(f"forward returns a {type(returned).__name__}: {first} is imported, {told}", in_file=bool(others))
    several = output is not returned
    recording = Recording(tape.flow, output, type(module).__name__, several=several, called=called, used=recorder.used)
    _finish(recording, recorder, tape)
    live = recording.flow.live().values()
    dead = {where for step in recording.flow.steps.values() if step not in live for where in step.layer}
    # used only for an output that is left out
    recording.used -= dead - {where for step in live for where in step.layer}
    recording.notes += tape.notes
    recording.for_file += [note for note, in_file in tape.notes.items() if in_file]
    recording.always_drops, recording.made = tape.always_drops, tape.made
    return recording


def first_tensor(returned: Any) -> Tensor:
    """The tensor that forward returns, or the first one in what it returns.  Raises TypeError for none."""
    for item in _flat([returned]):
        if isinstance(item, Tensor):
            return item
    raise TypeError(f"forward returns {type(returned).__name__}, which has no tensor in it")


def tensors_in(returned: Any, name: str = "") -> Iterator[str]:
    """The names of the tensors in the result of forward: [0], ['aux']; with their sizes for an image."""
    if isinstance(returned, Tensor):
        yield f"{name} ({by(tuple(returned.shape[1:]))})"
    elif isinstance(returned, dict):
        for key, item in returned.items():
            yield from tensors_in(item, f"{name}[{key!r}]")
    elif isinstance(returned, (list, tuple)):
        fields = getattr(returned, "_fields", None)  # of a namedtuple
        for number, item in enumerate(returned):
            yield from tensors_in(item, f"{name}.{fields[number]}" if fields else f"{name}[{number}]")


def _finish(recording: Recording, recorder: Recorder, tape: Tape) -> None:
    """Determine the output."""
    value = recorder.value(recording.output)
    if value is None:
        message = "the output is not computed from the image by observable torch functions"
        hint = "use the plain module: scripted or compiled code and numpy cannot be observed"
        problem = NO_BLOCK.at(tape.unseen or tape.place, message, hint)
        value = Lost((problem,), IMAGE)
    if isinstance(value, Value):
        try:
            plain = Value(value.step, value.dims, value.layout)
            recording.flow.output = tape.vector(plain) if len(value.dims) == 1 else tape.map(plain)
            recording.dims, recording.ending = value.dims, value.ending
            return
        except Unsupported as error:
            value = Lost((NO_BLOCK.at(tape.place, f"the output {error.message}", error.hint),), value.step)
    recording.lost, recording.flow.output = value, value.before


def _flat(items: Any) -> Iterator[Any]:
    """The items of nested lists, tuples and dicts."""
    for item in items:
        if isinstance(item, dict):
            yield from _flat(item.values())
        elif isinstance(item, (list, tuple)):
            yield from _flat(item)
        else:
            yield item


def function_name(func: Any) -> str:
    """add for torch.add, Tensor.add_, Tensor.__iadd__; shape for the property."""
    name: str = getattr(func, "__name__", "")
    if name == "__get__":
        name = getattr(func.__self__, "__name__", "")
    return name.strip("_")


def without_dropping(func: Any, args: Any, kwargs: Any) -> Any:
    """The result of a dropout without dropping, because values must not be random here."""
    if len(args) > 2:
        return func(*args[:2], False, *args[3:], **kwargs)
    return func(*args, **kwargs | {"train" if "train" in kwargs else "training": False})
