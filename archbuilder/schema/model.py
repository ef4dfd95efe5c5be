"""Node -> validated model. Children are validated first, so that a file builds only the models that it uses.

The annotation of a field that holds other models says how its children are read:

    norm: Annotated[Norm | None, Child(one(Norm))]

`validate` reads those children, passes the finished instances and the plain values to pydantic, and turns pydantic's
errors into diagnostics at the place of the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from pydantic_core import core_schema

from archbuilder.diagnostics import MAX_PROBLEMS, Span, declare, like, show
from archbuilder.document.nodes import Node
from archbuilder.remedy import Hint, Rename
from archbuilder.schema.env import Env, Reader
from archbuilder.schema.hints import (
    expected,
    form_hint,
    is_known_elsewhere,
    missing_hint,
    names_of,
    unknown_field_hint,
    value_hint,
)

UNKNOWN = declare(
    "AB101",
    "an unknown name",
    why=(
        "If a misspelt field were silently skipped, the network would not be the one that was meant. The hint shows "
        "the most similar known name."
    ),
    bad="- conv: {out: 16, kernal: 5}",
    good="- conv: {out: 16, kernel: 5}",
)
REQUIRED = declare(
    "AB102",
    "a missing field",
    why=(
        "This field has no sensible default: for example, only the author knows how many output channels a convolution "
        "should have."
    ),
    bad="- conv: {kernel: 5}",
    good="- conv: {out: 16, kernel: 5}",
)
VALUE = declare(
    "AB103",
    "a value of the wrong type or out of range",
    why=(
        "Torch would accept some of these values and fail much later, or train a different network. The message states "
        "the allowed range."
    ),
    bad="- conv: {out: 16, dropout: 1.5}",
    good="- conv: {out: 16, dropout: 0.15}",
)
FORM = declare(
    "AB104",
    "a mapping or list of the wrong form",
    why=(
        "Indentation decides which values belong together. Here it gives a form that this place does not allow, for "
        "example two blocks in one list item because a dash is missing."
    ),
    bad="""\
- conv: 16
  strided: 32""",
    good="""\
- conv: 16
- strided: 32""",
)


class Model(BaseModel):
    """Base class of everything that a user writes: strict types, no unknown keys, immutable.

    POSITIONAL: the field that a bare value means (`dropout: 0.1`). Without it, MEANT may be a hint for a bare value,
    with {} for the value. STAND_INS: values for required fields that are missing or invalid, with which the rest can
    still be checked. A model with stand-ins may also have MEANT_FIELD, the field that a bare value is assigned to, and
    SAMPLES, an example and its meaning for a required field. (Declaring them here would cost time for every model.)
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True, arbitrary_types_allowed=True)

    POSITIONAL: ClassVar[str] = ""
    MEANT: ClassVar[str] = ""
    STAND_INS: ClassVar[Mapping[str, Any]] = {}
    _node: Node | None = PrivateAttr(default=None)
    _bad: frozenset[str] = PrivateAttr(default=frozenset())

    def span(self, field: str = "") -> Span:
        """The place of a field, or of the whole model if the field is not in the file."""
        if self._node is None:
            return Span("<built in>")
        if field and self._node.is_mapping:
            return self._node.place(field)
        return self._node.span

    def is_known(self, field: str) -> bool:
        """Whether a field has the value from the file; if not, its error is reported and a stand-in is used."""
        return field not in self._bad


M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Child:
    """Marks a field whose value is read by `read` instead of by pydantic.

    `form` is the JSON Schema of the input; a model or a Family in it means its own schema."""

    read: Reader
    form: Any = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        # the child is already an instance: building its model's schema here would cost start-up time
        return core_schema.any_schema()


class Invalid:
    """Returned by a reader for a child whose error is reported."""


INVALID = Invalid()


def validate(model: type[M], node: Node, env: Env, recover: bool = False) -> M | Invalid:
    """The instance that a node describes; all problems are reported to `env`.

    With `recover`, an invalid field is reported and replaced by its default or stand-in, so that the rest can still be
    checked.
    """
    fields = _fields(model, node)
    if fields is None:
        shown = "a list" if node.is_list else show(node.value)
        env.report(FORM, node.span, f"expected a mapping of fields, found {shown}", form_hint(model, node))
        return INVALID
    values: dict[str, Any] = {}
    readers = _readers(model)
    for key, child in _bounded(model, fields):
        reader = readers.get(key)
        values[key] = reader(child, env) if reader else child.plain()
    for key in takes_defaults(model):
        if key not in fields and key in env.defaults:
            values[key] = env.defaults[key]
    reported = {key for key, value in values.items() if value is INVALID}
    good = {key: value for key, value in values.items() if key not in reported}
    instance, errors = _attempt(model, good, env)
    _report(errors, reported, model, node, env)
    bad = reported | {str(error["loc"][0]) for error in errors if error["loc"]}
    if errors and recover:
        stand_ins = {key: value for key, value in model.STAND_INS.items() if key in bad}
        instance, _ = _attempt(model, {key: value for key, value in good.items() if key not in bad} | stand_ins, env)
    if instance is None or (reported and not recover):
        return INVALID
    instance._node, instance._bad = node, frozenset(bad)
    return instance


def _bounded(model: type[Model], fields: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """The fields of a mapping, but only as many unknown ones as will be reported."""
    unknown = 0
    for key, child in fields.items():
        unknown += key not in model.model_fields
        if unknown <= MAX_PROBLEMS + 1 or key in model.model_fields:
            yield key, child


def _attempt(model: type[M], values: Mapping[str, Any], env: Env) -> tuple[M | None, list[Any]]:
    try:
        return model.model_validate(dict(values), context=env), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False, include_input=False))


def takes_defaults(model: type[Model]) -> tuple[str, ...]:
    """The fields of a model that a file's `defaults:` section sets."""
    found: tuple[str, ...] = getattr(model, "DEFAULTS", ())
    return found


def _fields(model: type[Model], node: Node) -> dict[str, Node] | None:
    if node.is_mapping:
        found: dict[str, Node] = node.value
        return found
    if node.value is None:
        return {}
    return {model.POSITIONAL: node} if model.POSITIONAL else None


@cache
def _readers(model: type[Model]) -> dict[str, Reader]:
    """The fields that read their nodes themselves."""
    found = ((key, item) for key, info in model.model_fields.items() for item in info.metadata)
    return {key: item.read for key, item in found if isinstance(item, Child)}


def _report(errors: Sequence[Any], reported: set[str], model: type[Model], node: Node, env: Env) -> None:
    """Report pydantic's errors in the terms of the language, one per field: at its key, or at the invalid value."""
    if not errors:  # the usual case, and a file may have 20,000 blocks
        return
    by_field: dict[str, list[Any]] = {}
    for error in errors:
        by_field.setdefault(str(error["loc"][0]) if error["loc"] else "", []).append(error)
    written = {re.split("[:=]", name)[0].strip() for name in by_field if ":" in name or "=" in name}  # as {out:32} has
    unknown = [name for name, found in by_field.items() if found[0]["type"] == "extra_forbidden"]
    meant = {like(name, names_of(model)) for name in unknown}  # for example {filters: 32}: one mistake is reported once
    missing = [name for name, found in by_field.items() if found[0]["type"] == "missing"]
    renamed = _renamed(unknown, [name for name in missing if name not in reported | written | meant], model, node, env)
    taken = set(node.value) if node.is_mapping else set()
    for name, found in by_field.items():
        kind, child = found[0]["type"], node.get(name) or node  # for a bare value (norm: batch) it is the node itself
        span = node.place(name) if child.value is None else child.span
        label = f"{name}: " if child is not node else ""
        if kind == "extra_forbidden":
            hint: Hint = Rename(renamed[name], say="did you mean {}?", guess=True) if name in renamed else ""
            hint = hint or unknown_field_hint(name, model, () if node.place(name).is_option else taken, env)
            if isinstance(hint, Rename) and ":" in hint.to and child.value is not None:
                hint = str(hint)  # {out=16: 3} would have two values
            taken |= {hint.to} if isinstance(hint, Rename) else set()
            env.report(UNKNOWN, node.place(name), f"there is no field {name} here", hint)
        elif kind == "missing":
            if name not in reported | written | meant | set(renamed.values()):
                env.report(REQUIRED, node.span, f"the field {name} is missing", missing_hint(name, model))
        elif kind == "archbuilder":
            context = found[0]["ctx"]
            env.report(context["code"] or VALUE, span, label + context["text"], context["hint"])
        else:
            value = child.plain()
            wanted = " or ".join(map(expected, found))
            hint = value_hint(value, wanted, {error["type"] for error in found})
            if name == model.POSITIONAL and type(value) is int and model.MEANT:
                hint = model.MEANT.format(value)
            env.report(VALUE, span, f"{label}expected {wanted}, found {show(value)}", hint)


def _renamed(
    unknown: Sequence[str], missing: Sequence[str], model: type[Model], node: Node, env: Env
) -> Mapping[str, str]:
    """{"of": "blocks"}: the only unknown field of a mapping, where its value would do for the only one missing."""
    if len(unknown) != 1 or len(missing) != 1 or not node.is_mapping or is_known_elsewhere(unknown[0], model, env):
        return {}
    child, name = node.value[unknown[0]], missing[0]
    if name in _readers(model):
        would_do = child.is_list
    else:
        _, errors = _attempt(model, {name: child.plain()}, env)
        would_do = not any(str(error["loc"][0]) == name for error in errors if error["loc"])
    return {unknown[0]: name} if would_do else {}


def one(model: type[M]) -> Reader:
    """Reads a child that is one model."""

    def read(node: Node, env: Env) -> Any:
        if node.value is None:  # ambiguous: the default, or none
            hint = "remove the field for its default, or write none to switch a layer off"
            env.report(VALUE, node.span, "a value is missing here", hint)
            return INVALID
        return validate(model, node, env)

    return read
