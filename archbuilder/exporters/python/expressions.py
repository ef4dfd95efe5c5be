"""Modules as expressions, and the common part of several modules as a class with parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from archbuilder.exporters.python.conventions import Convention


@dataclass(frozen=True)
class Ref:
    """A reference to a parameter of the enclosing class."""

    name: str


@dataclass(frozen=True)
class Make:
    """The construction of a module: a class and its arguments, which are plain values or constructions.

    Each argument may have a comment."""

    cls: str
    arguments: tuple[tuple[str, Any], ...] = ()
    frozen: bool = False
    comments: tuple[str, ...] = field(default=(), compare=False)


FIRST = ("channels", "in_channels")  # in a signature
USUAL = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}


class Slot(NamedTuple):
    """A plain value inside a construction: the path of names to it, and its keyword."""

    way: tuple[str, ...]
    keyword: str


@dataclass
class Parameter:
    """A difference between otherwise equal modules: one value per module."""

    values: tuple[Any, ...]
    slots: list[Slot]
    name: str = ""

    @property
    def counts_channels(self) -> bool:
        return any(_counts_channels(slot.keyword) for slot in self.slots if slot.keyword != "groups")

    @property
    def default(self) -> Any:
        """The value of most modules, else the usual value; None if each call should state it."""
        if self.counts_channels:
            return None
        value, number = Counter(self.values).most_common(1)[0]
        usual = USUAL.get(self.slots[0].keyword)
        return value if 2 * number > len(self.values) else usual if usual in self.values else None

    @property
    def annotation(self) -> str:
        return " | ".join(dict.fromkeys(map(_annotation, sorted(self.values, key=lambda v: isinstance(v, tuple)))))


@dataclass(frozen=True)
class Common:
    """Several constructions as one body with parameters, in the order of the signature."""

    parameters: tuple[Parameter, ...]
    body: Make

    def arguments(self, member: int) -> tuple[tuple[str, Any], ...]:
        return tuple((parameter.name, parameter.values[member]) for parameter in self.parameters)

    @property
    def convention(self) -> Convention:
        """How calls of the class are written: sizes without keywords, as for a conv."""
        positional = []
        for parameter in self.parameters:
            if parameter.default is not None or not (parameter.counts_channels or parameter.name == "kernel_size"):
                break
            positional.append(parameter.name)
        defaults = {p.name: p.default for p in self.parameters if p.default is not None}
        return Convention(tuple(positional), defaults)


def kind(make: Make) -> tuple[Any, ...]:
    """A key that is equal for constructions that can be one class: everything except plain values."""
    arguments = (name if not isinstance(value, Make) else (name, kind(value)) for name, value in make.arguments)
    return (make.cls, make.frozen, *arguments)


def unify(makes: Sequence[Make], channels: Mapping[tuple[int, ...], str]) -> Common:
    """One body for constructions of the same kind; equal numbers of channels are one parameter.

    `channels` has names for their numbers of input and output channels."""
    found: list[Parameter] = []
    for column in zip(*map(slots, makes), strict=True):
        slot, values = column[0][0], tuple(value for _, value in column)
        if len(set(map(repr, values))) == 1:
            continue
        known = next((p for p in found if _counts_channels(slot.keyword) and _same_channels(p, values)), None)
        if known:
            known.slots.append(slot)
        else:
            found.append(Parameter(values, [slot]))
    _name(found, channels)
    found.sort(key=lambda parameter: (parameter.default is not None, parameter.name not in FIRST))
    names = {slot: parameter.name for parameter in found for slot in parameter.slots}
    return Common(tuple(found), _substitute(makes[0], names, _comments(makes)))


def slots(make: Make, way: tuple[str, ...] = ()) -> Iterator[tuple[Slot, Any]]:
    """Every plain value inside a construction."""
    for name, value in make.arguments:
        if isinstance(value, Make):
            yield from slots(value, (*way, name))
        else:
            yield Slot(way, name), value


def _counts_channels(keyword: str) -> bool:
    return keyword.endswith(("channels", "features")) or keyword == "groups"


def _same_channels(parameter: Parameter, values: tuple[Any, ...]) -> bool:
    return parameter.values == values and all(_counts_channels(slot.keyword) for slot in parameter.slots)


def _name(parameters: Sequence[Parameter], channels: Mapping[tuple[int, ...], str]) -> None:
    """Name the parameters: by keyword, preceded by the layer's name if several have that keyword."""
    keywords = Counter(parameter.slots[0].keyword for parameter in parameters)
    taken = {channels[p.values] for p in parameters if p.counts_channels and p.values in channels}
    for parameter in parameters:
        slot = parameter.slots[0]
        if parameter.counts_channels and parameter.values in channels:
            parameter.name = channels[parameter.values]
            continue
        word = "channels" if parameter.counts_channels else slot.keyword
        alone = keywords[word] == 1 and not parameter.counts_channels
        names = [word] * alone + [f"{slot.way[0]}_{word}", "_".join((*slot.way, word))]
        name = next((name for name in names if name not in taken), names[-1])
        while name in taken:
            name += "_"
        parameter.name = name
        taken.add(name)


def _annotation(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(_annotation, value))}]"
    return type(value).__name__


def _comments(makes: Sequence[Make]) -> tuple[str, ...]:
    """The comments that all constructions share, empty ones elsewhere."""
    return tuple(
        texts[0] if len(set(texts)) == 1 else "" for texts in zip(*(make.comments for make in makes), strict=True)
    )


def _substitute(make: Make, names: Mapping[Slot, str], comments: tuple[str, ...], way: tuple[str, ...] = ()) -> Make:
    """The construction with differing values replaced by references."""
    arguments = []
    for name, value in make.arguments:
        if isinstance(value, Make):
            value = _substitute(value, names, (), (*way, name))
        elif Slot(way, name) in names:
            value = Ref(names[Slot(way, name)])
        arguments.append((name, value))
    return Make(make.cls, tuple(arguments), make.frozen, comments)
