"""The forward method of a unit: its steps as lines of Python, with a name for every value."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archbuilder.exporters.python.formatting import Argument, Call, Expression, Operation, call, flat
from archbuilder.exporters.python.units import Step, Unit
from archbuilder.ir.graph import INPUT
from archbuilder.ir.ops import Add, ChannelSlice, Concat, Gate

TAKEN = {"self", "torch", "nn", "Tensor"}  # names that a local variable must not hide
LONGEST = 24  # characters of a variable
_TELLING = re.compile(r"path\d+|shortcut")
_DIM = Argument("dim", "1")


class Line(NamedTuple):
    """A line `prefix expression`; `value` is the value that it makes, for a comment, empty for a return."""

    prefix: str
    expression: Expression
    value: str


@dataclass(frozen=True)
class Forward:
    """The parameters after self, the lines, and the number of returned values."""

    parameters: tuple[str, ...]
    lines: tuple[Line, ...]
    results: int

    @property
    def text(self) -> str:
        """The code, for comparison."""
        return "\n".join([*self.parameters, *(line.prefix + flat(line.expression) for line in self.lines)])


def forward(unit: Unit) -> Forward:
    """The forward of a unit that is a module."""
    return _Writer(unit).write()


class _Writer:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.steps = list(_cut_at_once(unit.steps))
        self.blocks = {node.name: node.block for node in unit.nodes}
        # the steps that use a value; returned values are used after the last step
        self.users: dict[str, list[int]] = {}
        for number, names in enumerate([*(step.inputs for step in self.steps), unit.outputs]):
            for name in dict.fromkeys(names):
                self.users.setdefault(name, []).append(number)
        self.variables: dict[str, str] = {}  # of every value that is still needed
        self.kept: set[str] = set()  # variables named after their value, which no other value may reuse

    def write(self) -> Forward:
        for number, name in enumerate(self.unit.inputs):
            self.variables[name] = self._keep(_own_name(name)) if number else "x"
        parameters = tuple(self.variables.values())
        return Forward(parameters, tuple(self._lines()), len(self.unit.outputs))

    def _lines(self) -> Iterator[Line]:
        for number, step in enumerate(self.steps):
            expression = self._expression(step)
            inputs = dict.fromkeys(step.inputs)
            free = [self.variables.pop(name) for name in inputs if self.users[name][-1] == number]
            if number == len(self.steps) - 1 and step.outputs == self.unit.outputs:
                yield Line("return ", expression, step.outputs[0])
                return
            yield Line(self._targets(step, free), expression, step.outputs[0])
        yield Line("return ", ", ".join(self.variables[name] for name in self.unit.outputs), "")

    def _expression(self, step: Step) -> Expression:
        names = tuple(self.variables[name] for name in step.inputs)
        if step.op is None or not names:
            return call(f"self.{step.target}", *names)
        if isinstance(step.op, Concat):
            return Call("torch.cat", (Argument("", call("", *names)), _DIM))
        if isinstance(step.op, ChannelSlice):
            part = f"[{step.op.part}]" if len(step.outputs) == 1 else ""
            way, how = ("split", list(step.op.sizes)) if step.op.sizes else ("chunk", step.op.parts)
            return Call(f"{names[0]}.{way}", (Argument("", str(how)), _DIM), part)
        return Operation("+" if isinstance(step.op, Add) else "*", names)

    def _targets(self, step: Step, free: Sequence[str]) -> str:
        """The variables for the outputs of a step that are used: `x = `."""
        chosen = []
        for name in step.outputs:
            if name in self.users:
                self.variables[name] = self._choose(name, step, free)
            chosen.append(self.variables.get(name, "_"))
        return ", ".join(chosen) + " = " if set(chosen) != {"_"} else ""

    def _choose(self, name: str, step: Step, free: Sequence[str]) -> str:
        """A variable for a value: a descriptive name if the value forks or is used much later, else the current one."""
        child, living = step.target.rpartition(".")[2], self.variables.values()
        if isinstance(step.op, ChannelSlice):
            return self._unused(_own_name(name))
        if _TELLING.fullmatch(child) and name == step.outputs[0]:
            return self._unused(child)
        if len(self.users[name]) > 1 or name != step.outputs[0]:
            return self._keep(_own_name(name))
        passing = [variable for variable in free if variable not in self.kept and variable not in living]
        if "x" not in living and ("x" in passing or len(step.inputs) > 1 or not passing):
            return "x"
        return passing[0] if passing else self._unused(self._purpose(name) or child or _own_name(name))

    def _purpose(self, name: str) -> str:
        """The purpose of a value beside the main path: the body of a skip, or a gate."""
        while len(self.users[name]) == 1 and self.users[name][0] < len(self.steps):
            step = self.steps[self.users[name][0]]
            if isinstance(step.op, Gate):
                return "gate"
            name = step.outputs[0]
            if step.op is not None or len(step.inputs) > 1 or name not in self.users:
                return "body" if self.blocks.get(name) == "skip" else ""
        return ""

    def _keep(self, name: str) -> str:
        variable = self._unused(name)
        self.kept.add(variable)
        return variable

    def _unused(self, name: str) -> str:
        """The name, with a number if a value that is still needed has it."""
        base = name[:LONGEST].rstrip("_")
        base += "_" * (base in TAKEN or keyword.iskeyword(base))
        number, variable = 1, base
        while variable in self.variables.values():
            number += 1
            variable = f"{base}{number}"
        return variable


def _own_name(value: str) -> str:
    """The name of the block that made a value: early for C1.early.activation."""
    return "image" if value == INPUT else value.split(".")[-2:][0]


def _cut_at_once(steps: Sequence[Step]) -> Iterator[Step]:
    """If a value is split into all its parts, the first step makes them all."""
    cuts: dict[object, dict[int, str]] = {}
    for step in steps:
        if isinstance(step.op, ChannelSlice):
            cuts.setdefault(_cut(step, step.op), {}).setdefault(step.op.part, step.outputs[0])
    done = set()
    for step in steps:
        if not isinstance(step.op, ChannelSlice):
            yield step
            continue
        key = _cut(step, step.op)
        parts = cuts[key]
        if len(parts) != step.op.parts or len(parts) == 1 or parts[step.op.part] != step.outputs[0]:
            yield step
        elif key not in done:
            done.add(key)
            yield Step("", step.op, step.inputs, tuple(parts[number] for number in range(len(parts))))


def _cut(step: Step, op: ChannelSlice) -> object:
    """A key that is equal for slices that split the same value in the same way."""
    return (step.inputs[0], op.parts, op.sizes)
