"""What tells runs apart: settings of their recipes, variables, overrides, the network itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archbuilder.diagnostics import shorten
from archbuilder.reporting.dotted_settings import Setting, flat

Row = tuple[str, Sequence[str]]  # a name, and the value that each run has there

RECIPE = ("data", "train")  # sections whose defaults are filled in, so that what was left out is no difference
NO_SETTINGS = ("archbuilder", "name", "extends", *RECIPE)
MOST = 6  # values of a network that are shown one by one
MAX_BLOCKS, MAX_CAPTION = 60, 48  # characters


def settings(recipe: Mapping[str, Any]) -> Iterator[Setting]:
    """The recipe of a run as dotted names: train.optimizer.Sgd.lr and so on.

    recipe: facts.json, which has every default filled in."""
    for section in RECIPE:
        yield from flat(section, recipe.get(section))


def written(values: Mapping[str, Any]) -> Iterator[Setting]:
    """The rest of a run's YAML, its overrides included, as dotted names: vars.width, network.1.conv.out and so on."""
    for key, value in values.items():
        if key not in NO_SETTINGS:
            yield from flat(key, value)


def differences(every: Sequence[Mapping[str, str]]) -> list[Row]:
    """The settings that are not the same for all runs; a run that lacks one has a blank there.

    Networks that differ in more than a few values are told by their blocks."""
    names = dict.fromkeys(name for one in every for name in one)
    rows: list[Row] = [(name, tuple(one.get(name, "") for one in every)) for name in names]
    rows = [row for row in rows if len(set(row[1])) > 1]
    inside = [row for row in rows if row[0].startswith("network.")]
    if len(inside) <= MOST:
        return rows
    blocks = tuple(shorten(", ".join(_blocks(one)), MAX_BLOCKS) for one in every)
    shown = [("blocks", blocks)] if len(set(blocks)) > 1 else inside[:MOST]
    return [*shown, *(row for row in rows if row not in inside)]


def _blocks(one: Mapping[str, str]) -> Iterator[str]:
    """The blocks of a network in their order, each with the first value below it: conv 16, of network.1.conv.out."""
    found: dict[str, str] = {}
    for name, value in one.items():
        if name.startswith("network."):
            _, number, *rest = name.split(".")
            found.setdefault(number, f"{rest[0]} {value}" if rest else value)
    yield from found.values()


def sets_apart(rows: Sequence[Row], number: int) -> str:
    """What one of several runs has where they differ: vars.width=24, train.seed=1."""
    return ", ".join(f"{name}={values[number] or 'none'}" for name, values in rows)


def captions(rows: Sequence[Row], runs: int) -> list[str]:
    """Each run by what sets it apart; empty where that is too long to be read at a glance."""
    found = [sets_apart(rows, number) for number in range(runs)]
    return found if all(len(caption) <= MAX_CAPTION for caption in found) else [""] * runs
