"""The language as a JSON Schema, read off the models: what editors complete, explain and check by.

What no schema can see is left to `archbuilder check`: whether a name that the file itself gives (of a
variable, of a block) exists, shapes, limits, and which fields go together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from archbuilder.blocks import BLOCKS
from archbuilder.docstrings import docstring
from archbuilder.document import extends
from archbuilder.manual.forms import DESCRIBED, NULL, Schema, Writer, ref, required
from archbuilder.rules.limits import QUANTITIES
from archbuilder.rules.packs.pack import shipped
from archbuilder.spec.architecture import Architecture

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:archbuilder:architecture:1"


def render(names: Iterable[str] | None = None) -> str:
    """The schema as JSON text; `names` are the blocks that it knows, all of them by default."""
    return json.dumps(schema(names), indent=1, ensure_ascii=False) + "\n"


def schema(names: Iterable[str] | None = None) -> Schema:
    """The schema of a whole file.

    A file with `define` may use its own blocks; one with `extends` those of its base, and may leave out
    what the base has."""
    writer = Writer(sorted(BLOCKS.names() if names is None else names))
    plain = writer.fields(Architecture)
    writer.own = True
    fields = {key: _section(form, writer) for key, form in writer.fields(Architecture).items()}
    below = {"network": True, "data": True}  # what they may be, depends on other keys
    known = {"limits": _limits(fields["limits"]), "rules": _proposing(shipped(), fields["rules"])}
    properties = {"extends": extends.FORM, **fields, **below, **known}
    writer.defs["data.of_a_variant"] = {key: part for key, part in writer.defs["data"].items() if key != "required"}
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "archbuilder architecture",
        "description": docstring(Architecture),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "then": {"properties": {"network": fields["network"], "data": {**plain["data"], **ref("data.of_a_variant")}}},
        "else": _whole(plain, fields),
        "$defs": dict(sorted(writer.defs.items())),
    }


def _whole(plain: Schema, fields: Schema) -> Schema:
    """A file that stands for itself."""
    return {
        "required": required(Architecture),
        "properties": {"data": plain["data"]},
        "if": {"required": ["define"]},
        "then": {"properties": {"network": fields["network"]}},
        "else": {"properties": {"network": plain["network"]}},
    }


def _section(form: Schema, writer: Writer) -> Schema:
    """A section of the file that has no required field may be empty: `train:` and nothing else."""
    target = writer.defs.get(form.get("$ref", "").rpartition("/")[2])
    if target is None or "required" in target:
        return form
    return {"anyOf": [{"$ref": form["$ref"]}, NULL], **{key: form[key] for key in DESCRIBED if key in form}}


def _proposing(examples: list[str], form: Any) -> Any:
    """A form whose texts are to be completed by these, though others are possible."""
    if isinstance(form, list):
        return [_proposing(examples, part) for part in form]
    if not isinstance(form, dict):
        return form
    found = {key: _proposing(examples, part) for key, part in form.items()}
    return {**found, "examples": examples} if found.get("type") == "string" else found


def _limits(form: Schema) -> Schema:
    """Limits are on quantities that are measured."""
    form = dict(form)
    form["properties"] = dict.fromkeys(QUANTITIES, form.pop("additionalProperties"))
    return {**form, "additionalProperties": False}
