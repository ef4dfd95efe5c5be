"""Where a key belongs that was written in another section."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from archbuilder.schema.model import Family, Model
from archbuilder.synonyms import synonym


@cache
def _paths() -> dict[str, str]:
    """Each key of a section -> the section; a key of several sections is left out."""
    found: dict[str, set[str]] = {}
    for path, model in _sections():
        for name, field in model.model_fields.items():
            found.setdefault(field.alias or name, set()).add(path)
    return {name: next(iter(paths)) for name, paths in found.items() if len(paths) == 1}


def _sections() -> Iterator[tuple[str, type[Model]]]:
    from archbuilder.spec.architecture import Architecture
    from archbuilder.spec.augmentations import AUGMENTATIONS
    from archbuilder.spec.data import Data
    from archbuilder.spec.train.objectives import LOSSES
    from archbuilder.spec.train.optimizers import OPTIMIZERS
    from archbuilder.spec.train.recipe import Train
    from archbuilder.spec.train.schedules import SCHEDULES

    yield from (("the top of the file", Architecture), ("data:", Data), ("train:", Train))
    families = (("train: optimizer:", OPTIMIZERS), ("train: schedule:", SCHEDULES), ("train: loss:", LOSSES))
    for path, family in families:
        yield from ((path, model) for model in _members(family))
    for name in AUGMENTATIONS.names():  # a name of the list itself, as a key
        yield "data: augment:", type(name, (Model,), {"__annotations__": {name: object}, name: None})


def _members(family: Family) -> Iterator[type[Model]]:
    for name in family.names():
        if model := family.find(name):
            yield model


def belongs(name: str, model: type[Model]) -> str:
    """What to say of a key that another section has; empty where none has it, or this one has it, too."""
    if hasattr(model, "KIND"):
        return ""  # a block or a rule: its fields are numbers of a layer, not of a recipe
    paths = _paths()
    meant = name if name in paths else synonym(name, paths)
    if not meant or meant in model.model_fields:
        return ""
    other = f"{meant} belongs" if meant != name else "it belongs"
    where = paths[meant]
    return f"{other} {'at' if where.startswith('the') else 'under'} {where}{_example(meant, where)}"


def _example(name: str, where: str) -> str:
    """How it is written there, where it is no plain key of the section."""
    if where == "train: optimizer:":
        return f", as in optimizer: {{sgd: {{{name}: ...}}}}" if name != "lr" else ", as in optimizer: {sgd: {lr: 0.1}}"
    return ", as an item of the list" if where == "data: augment:" else ""
