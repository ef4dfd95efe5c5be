"""Models and the forms of their fields as JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from archbuilder.blocks import BLOCKS, Block
from archbuilder.docstrings import docstring
from archbuilder.document.parser import parse
from archbuilder.manual import blocks as manual
from archbuilder.schema.expressions import PATTERN
from archbuilder.schema.family import Family
from archbuilder.schema.fields import NAME_FORM, Check
from archbuilder.schema.model import Child, Model

Schema = dict[str, Any]

DESCRIBED = ("description", "markdownDescription", "default")
NULL: Schema = {"type": "null"}
_NUMBER: Schema = {"type": ["integer", "string"], "pattern": PATTERN}


class Writer:
    """Writes models and what has a title once, into `defs`, and references to them elsewhere.

    While `own` is set, lists of blocks also take blocks that the file defines.  Their names cannot be
    known here, so any name is let through.  `names` are the blocks that are known.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.defs: dict[str, Schema] = {}
        self.own = False

    def fields(self, model: type[Model]) -> dict[str, Schema]:
        """The schema of each field, under the name that a user writes."""
        found = {}
        for key, info in model.model_fields.items():
            found[info.alias or key] = {**self.typed(info.annotation, info.metadata), **described(info)}
        return found

    def typed(self, annotation: Any, metadata: Sequence[Any]) -> Schema:
        """The schema of a type: as its mark says, or as pydantic does."""
        for mark in metadata:
            if isinstance(mark, (Check, Child)):
                form: Schema = self.form(mark.form or {})
                lengths = [item.min_length for item in metadata if hasattr(item, "min_length")]
                return {**form, "minItems": lengths[0]} if lengths else form
        if get_origin(annotation) is Annotated:
            kind, *inner = get_args(annotation)
            return self.typed(kind, inner)
        if get_origin(annotation) in (Union, UnionType):
            return {"anyOf": [self.typed(NoneType if part is None else part, ()) for part in get_args(annotation)]}
        for mark in metadata:
            annotation = Annotated[annotation, mark]
        try:
            found = TypeAdapter(annotation).json_schema()
            # typing keeps one of Annotated[float, Gt(0)] and Annotated[float, Gt(0.0)], whichever came first
            return {key: _whole(value) for key, value in found.items()}
        except PydanticUserError:  # a type of a user's own block
            return {}

    def form(self, form: Any) -> Any:
        """A form with the models in it replaced by references."""
        if isinstance(form, type) and issubclass(form, Model):
            return self.model(form)
        if isinstance(form, Family):
            return self.family(form)
        if callable(form):  # one that imports what it is about
            return self.form(form())
        if isinstance(form, list):
            return [self.form(item) for item in form]
        if not isinstance(form, dict):
            return form
        written = {key: self.form(value) for key, value in form.items() if key != "title"}
        title = form.get("title")
        if not title:
            return written
        name = re.sub("[^a-z0-9]+", "_", title).strip("_")
        self.defs[name] = {"title": title, **written}
        return ref(name)

    def model(self, model: type[Model]) -> Schema:
        """A reference to a model: its fields, or the value of the one that may be written alone."""
        title = model.KIND if issubclass(model, Block) else _snake(model.__name__)
        name = f"block.{title}" if issubclass(model, Block) else title
        if self.own and any(_mentions(info, BLOCKS) for info in model.model_fields.values()):
            name += ".own"
        if name not in self.defs:
            self.defs[name] = {}  # a block may hold blocks: the reference to it comes before it is finished
            self.defs[name] = self._body(model, f"fields of {title}")
        return ref(name)

    def _body(self, model: type[Model], title: str) -> Schema:
        fields, needed = self.fields(model), required(model)
        whole = {"title": title, "type": "object", "properties": fields, "additionalProperties": False}
        if needed:
            whole["required"] = needed
        if model.POSITIONAL not in fields or set(needed) - {model.POSITIONAL}:
            return whole
        alone = {key: part for key, part in fields[model.POSITIONAL].items() if key not in DESCRIBED}
        return {"anyOf": [alone, whole]}

    def family(self, family: Family) -> Schema:
        """A reference to a family: a bare name, or a mapping with a name as its one key."""
        lenient = self.own and family is BLOCKS
        key = f"{family.noun}.own" if lenient else family.noun
        if key not in self.defs:
            self.defs[key] = {}
            names = self.names if family is BLOCKS else family.names()
            members = {name: model for name in names if (model := family.find(name))}
            bare: Schema = {"enum": [name for name, model in members.items() if not required(model)]}
            one = {
                "title": f"{family.noun} with its fields",
                "type": "object",
                "properties": {name: self.member(model) for name, model in members.items()},
                "additionalProperties": self._own_block() if lenient else False,
                "minProperties": 1,
                "maxProperties": 1,
            }
            either = [one, {"title": f"{family.noun} by its name", **bare}]
            self.defs[key] = {"title": family.noun, "anyOf": either + [self.form(NAME_FORM)] * lenient}
        return ref(key)

    def _own_block(self) -> Schema:
        """A use of a block that the file defines: its parameters, the first one alone, or none."""
        whole = {"type": "object", "properties": self.fields(Block), "additionalProperties": _NUMBER}
        return {"title": "block of one's own", "anyOf": [whole, _NUMBER, NULL]}

    def member(self, model: type[Model]) -> Schema:
        """A model as the value of its name, with its manual."""
        body = self.model(model)
        text = docstring(model)
        example = f"\n\n```yaml\n{manual.example(model)}\n```" if issubclass(model, Block) else ""
        body = body if required(model) else {"anyOf": [body, NULL]}
        return {**body, "description": text.split("\n\n")[0], "markdownDescription": text + example}


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _snake(name: str) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", name).lower()


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def required(model: type[Model]) -> list[str]:
    return [info.alias or key for key, info in model.model_fields.items() if info.is_required()]


def _mentions(info: FieldInfo, wanted: Family) -> bool:
    """Whether a field's form has a family in it."""
    return any(isinstance(mark, Child) and _has(mark.form, wanted) for mark in info.metadata)


def _has(form: Any, wanted: Family) -> bool:
    if isinstance(form, dict):
        return any(_has(part, wanted) for part in form.values())
    if isinstance(form, list):
        return any(_has(part, wanted) for part in form)
    return form is wanted


def described(info: FieldInfo) -> Schema:
    """What a field is for, and its default as one would write it."""
    text = info.description or ""
    if info.is_required():
        return {"description": text}
    value = info.get_default(call_default_factory=True)
    shown = manual.shown(value)
    if shown == "none" or (isinstance(value, Model) and not isinstance(value, Block)):
        return {"description": text}
    plain = parse(f"default: {shown}\n").root.value["default"].plain()
    return {"description": text, "markdownDescription": f"{text} (default `{shown}`)", "default": plain}
