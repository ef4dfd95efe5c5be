"""Whole files: a network, images and a recipe, drawn part by part, until check finds nothing in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from archbuilder.pipeline import check
from tests.recipes.drawing import Drawer, named
from tests.recipes.images import Images

Tree = dict[str, Any]
Keys = tuple[str | int, ...]

TRIES = 15  # of a part that check refuses
FAMILIES = ("optimizer", "schedule")  # fields of train:
SECTIONS, LISTS = ("data", "train"), ("network", "augment")  # what has a line for each field, for each item
OURS = {  # fields that a trial sets itself, and why it does
    "dataset": "a small one of its own",
    "workers": "processes take seconds to start; tests/data/test_batches.py has them",
    "compile": "takes a minute; tests/training/test_numerics.py has it",
    "batch_size": "a few batches an epoch",
    "epochs": "up to three",
    "seed": "of the case",
}
SIZES = (3, 4, 4, 6, 2, 1)  # of batches
SHAPES = (  # channels, height, width
    (1, 8, 8),
    (3, 8, 8),
    (3, 9, 7),
    (1, 12, 5),
    (4, 8, 8),
    (2, 6, 10),
    (5, 7, 7),
    (3, 16, 16),
    (3, 1, 9),
    (1, 2, 2),
)
HEADS: tuple[Callable[[int], list[Any]], ...] = (
    lambda classes: ["gap", "classifier"],
    lambda classes: ["gap", {"classifier": "linear"}],
    lambda classes: ["gap", "flatten", {"linear": classes}],
    lambda classes: ["flatten", {"linear": classes}],
    lambda classes: [{"classifier": "linear"}],
    lambda classes: ["classifier", "gap"],
    lambda classes: [{"adaptive_avg_pool": 1}, "classifier"],
    lambda classes: ["gap", "flatten", {"linear": 6}, {"activation": "relu"}, {"linear": classes}],
)


@dataclass(frozen=True)
class File:
    """The values of a file, and whether all its numbers are ordinary ones."""

    tree: Tree
    ordinary: bool = True

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in _lines(self.tree))


def drawn(seed: int, number: int, images: Images) -> File | None:
    """The file of a case, clean to check; None where no network came about.  The same seed gives the same files."""
    random = Random(f"{seed}:{number}")
    return _Author(random, number, images).file()


class _Author:
    """Writes one file, part by part: a part that check rejects in its context is drawn again."""

    def __init__(self, random: Random, number: int, images: Images) -> None:
        self.random, self.images = random, images
        self.wild = random.random() < 0.5
        self.network, self.rest = Drawer(random, self.wild, most=12), Drawer(random, self.wild, most=10**6)
        self.shape, self.classes = random.choice(SHAPES), random.choice((2, 2, 3, 10))
        self.epochs = random.choice((1, 2, 2, 3))
        self.tree: Tree = {"archbuilder": 1, "name": "case", "input": list(self.shape), "network": []}
        self.number = number

    def file(self) -> File | None:
        """The whole file."""
        if not self._network():
            return None
        if self.random.random() < 0.3:
            self._put(("defaults",), partial(self.network.draw, named("conv_defaults")))
        dataset = self.images.file(self.shape, self.classes, self.random.choice(self.images.KINDS))
        self.tree["train"] = {"epochs": self.epochs, "seed": self.number}
        self.tree["data"] = {"dataset": dataset, "batch_size": 4, "augment": []}
        self._put(("data", "batch_size"), partial(self.random.choice, SIZES))
        for section in ("data", "train"):
            for name, form in named(section)["properties"].items():
                if name not in OURS and self.random.random() < 0.3:
                    draw = self.rest.of_family(form) if name in FAMILIES else partial(self.rest.draw, form)
                    self._put((section, name), partial(self._part, name, draw))
        for _ in range(self.random.choice((0, 1, 2, 3))):
            self._add(("data", "augment"), self.rest.of_family(named("augmentation")))
        return File(self.tree, ordinary=not self.wild) if check(File(self.tree).text).ok else None

    def _network(self) -> bool:
        if self.random.random() < 0.5:
            self._add(("network",), lambda: {"conv": self.network.draw(named("block.conv"))})
        for _ in range(self.random.choice((0, 1, 1, 2, 3))):
            self._add(("network",), self.network.of_family(named("block")))
        body = self.tree["network"]
        self.tree["classes"] = self.classes
        for head in self.random.sample(HEADS, len(HEADS)):
            self.tree["network"] = [*body, *head(self.classes)]
            if check(File(self.tree).text).ok:
                return True
        return False

    def _add(self, keys: Keys, draw: Callable[[], Any]) -> None:
        """One more item of a list."""
        items = self.tree
        for key in keys:
            items = items[key]  # type: ignore[index]
        self._put((*keys, len(items)), draw)

    def _put(self, keys: Keys, draw: Callable[[], Any]) -> None:
        """Set a part to the first of several draws that check accepts; if none is accepted, the part is omitted."""
        for _ in range(TRIES):
            tree = _with(self.tree, keys, draw())
            if check(File(tree).text).ok:
                self.tree = tree
                return

    def _part(self, name: str, draw: Callable[[], Any]) -> Any:
        """A field of data: or train:.  Epochs are drawn blindly but for two lists that would almost never fit."""
        value = draw()
        if name == "resolution":
            first = sorted(self.random.sample(range(1, self.epochs + 1), self.random.randint(1, self.epochs)))
            return [[epoch, self.random.randint(1, self.shape[1])] for epoch in first]
        if name == "distill":
            fields = value if isinstance(value, dict) else {}
            return {**fields, "run": self.images.teacher(self.tree["data"], self.shape, self.classes)}
        if isinstance(value, dict) and (points := (value.get("piecewise") or {}).get("points")):
            ends = [0, *range(1, len(points) - 1), self.epochs]
            value["piecewise"]["points"] = [[end, factor] for end, (_, factor) in zip(ends, points, strict=True)]
        return value


def _with(tree: Any, keys: Keys, value: Any) -> Any:
    """A tree with a value at a path; an item past the end of a list is added to it."""
    first, *rest = keys
    if isinstance(tree, list):
        return [*tree[:first], _with(tree[first], tuple(rest), value) if rest else value]  # type: ignore[misc]
    return {**tree, first: _with(tree.get(first, []), tuple(rest), value) if rest else value}


def without(tree: Any, keys: Keys) -> Any:
    """A tree without what stands at a path."""
    first, *rest = keys
    if rest:
        changed = tree.copy()
        changed[first] = without(tree[first], tuple(rest))
        return changed
    if isinstance(tree, list):
        return [*tree[:first], *tree[first + 1 :]]  # type: ignore[operator]
    return {key: value for key, value in tree.items() if key != first}


def paths(tree: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Every path of a tree, the outer ones first."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*keys, key)
        yield from paths(value, (*keys, key))


def _lines(tree: Tree) -> Iterator[str]:
    """To be read by a person: a line for each block, each augmentation, each field of a section."""
    for key, value in tree.items():
        if isinstance(value, dict) and key in SECTIONS:
            yield f"{key}:"
            for name, part in value.items():
                yield from _listed(f"  {name}", part)
        else:
            yield from _listed(key, value)


def _listed(key: str, value: Any) -> Iterator[str]:
    indent = " " * (len(key) - len(key.lstrip()) + 2)
    if value and key.strip() in LISTS:
        yield f"{key}:"
        yield from (f"{indent}- {json.dumps(item)}" for item in value)
    else:
        yield f"{key}: {json.dumps(value)}"
