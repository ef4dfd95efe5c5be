"""The section to which a key belongs that was written in another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from archbuilder.schema.model import Model
from archbuilder.synonyms import synonym

LIMITS = ("params", "macs", "receptive_field")  # the limits that people know; rules/limits.py has all


OF_NO_LAYER = ("at the top of the file", "under data:", "under train:")  # what has these keys is not taken for a layer


class Section(NamedTuple):
    """A place for keys; `more` says how they are written there if it is not obvious, with {} for the key."""

    path: str
    names: Iterable[str]
    more: str = ""
    model: type[Model] | None = None  # the model with these keys, if it is one of a family


def _sections() -> Iterator[Section]:
    from archbuilder.blocks import names
    from archbuilder.blocks.conv import ConvDefaults
    from archbuilder.spec.architecture import Architecture
    from archbuilder.spec.augmentations import AUGMENTATIONS
    from archbuilder.spec.data import Data
    from archbuilder.spec.goals import METRICS, SHORT
    from archbuilder.spec.train.objectives import LOSSES
    from archbuilder.spec.train.optimizers import OPTIMIZERS
    from archbuilder.spec.train.recipe import Train
    from archbuilder.spec.train.schedules import SCHEDULES

    yield Section("at the top of the file", _names(Architecture))
    yield Section("under data:", _names(Data))
    yield Section("under train:", _names(Train))
    yield Section("under limits:", LIMITS)
    yield Section("under goals:", (SHORT, *METRICS))
    yield Section("under defaults:", _names(ConvDefaults), ", or in a block")
    yield Section("under network:", set(names()) - set(_names(ConvDefaults)), ", as an item of the list")
    yield Section("under data: augment:", AUGMENTATIONS.names(), ", as an item of the list")
    for field, family in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("loss", LOSSES)):
        for name in sorted(family.names(), key=lambda name: (name != "sgd", name)):  # the best-known one first
            if model := family.find(name):
                more = f", as in {field}: {{{name}: {{{{}}: ...}}}}"
                yield Section(f"under train: {field}:", _names(model), more, model)


def _names(model: type[Model]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


@cache
def _places() -> dict[str, list[Section]]:
    """Each key of a section -> the sections that have it."""
    found: dict[str, list[Section]] = {}
    for section in _sections():
        for name in section.names:
            found.setdefault(name, []).append(section)
    return found


def belongs(name: str, model: type[Model]) -> str:
    """A hint for a key of another section; empty if none or several have it, or if this one does, too."""
    places = _places()
    meant = name if name in places else synonym(name, places)
    sections = places.get(meant, [])
    if hasattr(model, "KIND") and not (meant == name and all(section.path in OF_NO_LAYER for section in sections)):
        return ""  # a block or a rule: its fields are numbers of a layer, not of a recipe
    if len({section.path for section in sections}) != 1 or meant in _names(model):
        return ""
    first, among = sections[0], [section.model for section in sections]
    relatives = {section.path for found in places.values() for section in found if section.model is model}
    if first.path in relatives and model not in among:
        return f"others have it{first.more.replace('{}', meant)}"
    return f"{'it' if meant == name else meant} belongs {first.path}{first.more.replace('{}', meant)}"
