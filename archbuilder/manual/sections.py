"""The manual of the sections `data:` and `train:`, read off their models, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from archbuilder.docstrings import docstring
from archbuilder.schema.family import Family
from archbuilder.schema.model import Child, Model
from archbuilder.spec.data import Data
from archbuilder.spec.train import Train

Part = tuple[str, type[Model]]  # how a user writes it, and what it is


def markdown() -> str:
    """Every field of both sections, then every model that a field of theirs may hold."""
    sections: list[Part] = [("data", Data), ("train", Train)]
    return "\n".join(text for key, model in sections for text in _section(key, model))


def _section(key: str, model: type[Model]) -> Iterator[str]:
    yield f"## `{key}:`\n\n{docstring(model)}\n\n{_table(model)}"
    for title, part in _parts(model):
        yield f"### `{title}`\n\n{docstring(part)}\n\n{_table(part)}"


def _parts(model: type[Model]) -> Iterator[Part]:
    for key, info in model.model_fields.items():
        for form in _forms(info):
            if isinstance(form, Family):
                yield from ((f"{key}: {names}", member) for names, member in _members(form))
            else:
                yield key, form


def _members(family: Family) -> Iterator[Part]:
    """The members of a family; those with two names once."""
    found: dict[type[Model], list[str]] = {}
    for name in family.names():
        if member := family.find(name):
            found.setdefault(member, []).append(name)
    return ((" or ".join(names), member) for member, names in found.items())


def _forms(info: FieldInfo) -> Iterator[Family | type[Model]]:
    """The models and families that a field may hold."""
    for mark in info.metadata:
        if isinstance(mark, Child):
            yield from _within(mark.form)


def _within(form: Any) -> Iterator[Family | type[Model]]:
    if isinstance(form, Family) or (isinstance(form, type) and issubclass(form, Model)):
        yield form
    elif isinstance(form, (dict, list)):
        for inner in form.values() if isinstance(form, dict) else form:
            yield from _within(inner)


def _table(model: type[Model]) -> str:
    rows = "".join(
        f"| `{info.alias or key}` | {_default(model, key, info)} | {info.description or ''} |\n"
        for key, info in model.model_fields.items()
    )
    return f"| field | default | |\n|---|---|---|\n{rows}" if rows else "It has no fields.\n"


def _default(model: type[Model], key: str, info: FieldInfo) -> str:
    alone = ", may be written alone" if key == model.POSITIONAL else ""
    if info.is_required():
        return f"required{alone}"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, Model):
        (family,) = (form for form in _forms(info) if isinstance(form, Family))
        value = next(name for name in family.names() if family.find(name) is type(value))
    return f"default {_shown(value)}{alone}"


def _shown(value: Any) -> str:
    """A default as one would write it in YAML."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return str([int(item) if item == int(item) else item for item in value])
    return f"{value:g}" if isinstance(value, float) else str(value)
