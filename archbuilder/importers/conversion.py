"""A torch module -> a YAML architecture, and the proof that it is the same network."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.importers.flow import Step
from archbuilder.importers.proof import Proof, images_like, like, prove
from archbuilder.importers.recorder import BATCH, Recording, first_tensor, record
from archbuilder.importers.source_errors import OF_INPUT, check_batch, failed
from archbuilder.importers.source_lines import defining_line
from archbuilder.importers.tape import address
from archbuilder.importers.translation import write
from archbuilder.ir.shape import Shape
from archbuilder.pipeline import Report, check_text

FORWARD = declare(
    "AB806",
    "a module that does not run on the given input",
    why="Import records what the module does while it runs on an image of the given size, and the module fails on it.",
    bad="""\
$ archbuilder import model.py:Net --input 1x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)
UNPROVEN = declare(
    "AB809",
    "an imported file that is not the same network",
    why=(
        "The file is built and run with the module's own weights, and its outputs, parameters or shapes differ from "
        "the module's. Do not use it; the report says what differs."
    ),
    bad="""\
$ archbuilder import model.py:BehindTorch --input 3x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)


@dataclass(frozen=True)
class Unused:
    """A module or a parameter that does not affect the output."""

    name: str
    kind: str
    params: int

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {f'{self.params:,}' if self.params else 'no'} parameters)"


@dataclass(frozen=True)
class Imported:
    """An architecture made from a module.

    `text` is the YAML, `report` its check, `proof` the comparison with the module; `problems` lists what could not be
    written: then the text ends before it, and nothing is proven.
    """

    text: str
    report: Report
    params: int  # of the module, without unused ones; computed weights count as their result
    proof: Proof = field(default_factory=Proof)
    problems: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the whole network is written, checks without errors, and is proven to be the same."""
        return not self.problems and self.report.ok

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All problems."""
        return (*self.problems, *self.report.errors)


def to_yaml(module: nn.Module, input_shape: Sequence[int]) -> str:
    """The YAML architecture of a module for images of (channels, height, width), proven to be the same network.

    Runs the module in evaluation mode and does not change it. Raises ArchbuilderError if the language cannot express a
    part of it, or if the outputs differ. `convert` returns the text even then.

        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
        >>> archbuilder.check_text(archbuilder.to_yaml(net, (3, 8, 8))).facts.params
        3114
    """
    imported = convert(module, input_shape)
    if not imported.ok:
        raise ArchbuilderError(*imported.diagnostics)
    return imported.text


def convert(
    module: nn.Module,
    input_shape: Sequence[int],
    *,
    name: str = "",
    source: str = "",
    origin: str = "",
    file: str = "",
    data: str = "",
) -> Imported:
    """Convert a module for images of (channels, height, width); the module is not changed.

    name:   of the network, by default that of the class.
    source: the origin, stated in the first line of the file.
    origin: the Python file, for findings without a line.
    file:   the name of the new file in the report.
    data:   the data set for the `data:` section, empty for none.

    Raises ArchbuilderError AB806 if the module does not run, AB807 if not even its first layer can be written."""
    channels, height, width = input_shape
    shape = Shape(channels, height, width)
    subject = _copied(module)
    recording = _record(subject, shape, origin or _called(module))
    name = name or _called(module)
    file = file or f"{name}.yaml"
    problems = list(recording.lost.problems if recording.lost else ())
    written = write(recording, problems)
    unused = tuple(_unused(subject, recording))
    params = _params(subject, recording)
    comments = [f"Imported from {source or name} by archbuilder import.", *_left_out(recording, unused)]
    result = Imported("", Report(file), params, Proof(), tuple(problems), tuple(recording.notes), unused)
    if not problems:
        result = _prove(result, written.text(name, shape, comments, data), subject, written.order, recording)
    comments += [f"In training: {note}." for note in result.proof.training.notes]
    if result.problems:
        comments = [*(f"{_state(p)}: {p.span}: {p.message}" for p in result.problems), *comments]
    text = written.text(name, shape, comments, data)
    return replace(result, text=text, report=check_text(text, file))


def _state(problem: Diagnostic) -> str:
    return "NOT PROVEN" if problem.code is UNPROVEN else "INCOMPLETE"


def _copied(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode, whose weights may be changed; frozen parameters stay frozen."""
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    try:
        subject = copy.deepcopy(module, _copies(module)).train().eval()
        for parameter, own in zip(module.parameters(), subject.parameters(), strict=True):
            for hook in (parameter._backward_hooks or {}).values():  # the copy lacks them
                own.register_hook(hook)
        return subject
    except Exception as error:
        message = f"{type(module).__name__} cannot be copied: {' '.join(str(error).split())}"
        hint = "use a module that stores no tensors of an earlier run"
        raise ArchbuilderError(FORWARD.at(Span(type(module).__name__), message, hint)) from error


def _copies(module: nn.Module) -> dict[int, Any]:
    """Copies, by id, of tensors that torch does not copy: computed ones, such as a weight that is normalised before
    each run, and the buffers of lazy layers."""
    results: dict[int, Any] = {}
    for part in module.modules():
        for item in (*vars(part).values(), *part._buffers.values()):
            if isinstance(item, UninitializedBuffer):
                results[id(item)] = UninitializedBuffer().to(item)
            elif isinstance(item, Tensor) and not item.is_leaf:
                results[id(item)] = item.detach().clone()
    return results


def _record(subject: nn.Module, shape: Shape, origin: str) -> Recording:
    image = images_like(like(subject), shape, BATCH, torch.Generator().manual_seed(0))
    try:
        if any(map(is_lazy, subject.parameters())):
            subject(image.clone())  # gives lazy layers their shapes
        return record(subject, image, origin)
    except Exception as error:
        place = defining_line(type(subject), "forward", origin)
        check_batch(
            error,
            lambda count: first_tensor(subject(image[:1].expand(count, -1, -1, -1).clone())),
            _called(subject),
            place,
        )
        hint = "use the input size that it was written for: --input CHANNELSxHEIGHTxWIDTH"
        own = (
            "" if isinstance(error, OF_INPUT) else "forward must take exactly one batch of images, and return one batch"
        )
        doing = f"{_called(subject)} does not run on an input of {shape}: "
        raise failed(error, FORWARD, doing, place, hint, own) from error


def _called(module: nn.Module) -> str:
    """The name of a module's class in the user's source."""
    return str(getattr(module, "original_name", type(module).__name__))


def _prove(result: Imported, text: str, subject: nn.Module, order: list[Step], recording: Recording) -> Imported:
    """The result with its proof; a proof that fails is a problem."""
    report = check_text(text, result.report.file)
    if report.graph is None or report.facts is None:
        return replace(result, problems=(UNPROVEN.at(Span(result.report.file), "the file does not check"),))
    proof = prove(subject, report.graph, order, recording)
    failure = proof.failure
    if not failure and report.facts.params != result.params:
        failure = f"the file has {report.facts.params:,} parameters, the module uses {result.params:,}"
    problems = (
        (UNPROVEN.at(Span(type(subject).__name__), failure, "the YAML is written nevertheless"),) if failure else ()
    )
    return replace(result, proof=replace(proof, failure=failure), problems=problems)


def _params(module: nn.Module, recording: Recording) -> int:
    """The number of parameters that the file must have: those in use; for computed weights, the computed numbers
    instead."""
    weights = {address(w): w.numel() for step in recording.flow.live().values() for w in step.weights.values()}
    made = weights.keys() & recording.made.keys()
    replaced = {source for where in made for source in recording.made[where]} - weights.keys()
    own = sum(p.numel() for p in module.parameters() if address(p) in recording.used - replaced)
    return own + sum(weights[where] for where in made)


def _unused(module: nn.Module, recording: Recording) -> Iterator[Unused]:
    """Everything that does not contribute to the output: the outermost unused modules, and unused parameters of modules
    that run."""
    done: list[str] = []
    for name, child in module.named_modules():
        if name and not any(name.startswith(f"{outer}.") for outer in done) and not _runs(name, child, recording):
            done.append(name)
            yield Unused(name, type(child).__name__, sum(p.numel() for p in child.parameters()))
    for name, parameter in module.named_parameters():
        if address(parameter) not in recording.used and not any(name.startswith(f"{outer}.") for outer in done):
            yield Unused(name, "Parameter", parameter.numel())


def _runs(name: str, child: nn.Module, recording: Recording) -> bool:
    if parameters := list(child.parameters()):
        return any(address(p) in recording.used for p in parameters)
    return any(other == name or other.startswith(f"{name}.") for other in recording.called)


def _left_out(recording: Recording, unused: Sequence[Unused]) -> Iterator[str]:
    yield from (f"{note}." for note in recording.for_file)
    if recording.ending:
        yield f"Left out: {recording.ending} at the end."
    weighted = [one for one in unused if one.params]
    if weighted:
        yield f"Not used, and therefore left out: {', '.join(map(str, weighted))}."
