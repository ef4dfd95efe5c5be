"""The remedies for fields and values that pydantic rejects, as text and as edits."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_origin

from archbuilder.diagnostics import did_you_mean, like, nearest, shorten, show
from archbuilder.document.nodes import Node
from archbuilder.remedy import Change, Hint, Layout, Rename, Write, number_of, percent, share_of, written
from archbuilder.synonyms import synonym

if TYPE_CHECKING:
    from archbuilder.schema.env import Env
    from archbuilder.schema.model import Model

# what pydantic's error types expect, in the terms of the language
_EXPECTED = {
    "bool_type": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "string_type": "text",
    "literal_error": "{expected}",
    "none_required": "none",
    "too_short": "a list of at least {min_length}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
_BOUNDS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


def expected(error: Any) -> str:
    """What one of pydantic's errors expects, in the terms of the language."""
    text = _EXPECTED.get(error["type"])
    context = {key: str(value).replace("'", "") for key, value in error.get("ctx", {}).items()}
    return text.format(**context) if text else str(error["msg"]).replace("Input should be ", "")


OFF = ("off", "no", "false", "0", "null", "nothing", "identity", "linear")  # what people write for none
SOFTMAX = ("softmax", "Softmax", "log_softmax", "LogSoftmax", "logsoftmax")
_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def value_hint(value: Any, expected: str, kinds: set[str]) -> Hint:
    if kinds <= _BOUNDS:
        return f"write a number that is {expected}" + (percent(value, 1) if expected.endswith((" 1", " 1.0")) else "")
    if "true or false" in expected and isinstance(value, str) and value in _TRUTH:
        return Write(_TRUTH[value], say=f"YAML knows true and false; {value} is text")
    if "true or false" in expected and value in (0, 1):
        return Write("true" if value else "false")
    if value is True and expected.endswith("or none"):
        return Write(expected.partition(",")[0], say="true does not say which: write {}, for example", guess=True)
    if "number" in expected and (number := number_of(value)):
        return Write(number)
    if expected.endswith("none") and (value is False or value in OFF):
        return Write("none", say="write none, which leaves it out")
    if value in SOFTMAX and "softplus" in expected:
        return Write("none", say="write none: the loss brings the softmax")
    if share := share_of(value):
        return Write(share, say="write a percentage as a number: {}")
    return nearest(value, re.split(", | or ", expected), is_value=True) if isinstance(value, str) else ""


def form_hint(model: type[Model], node: Node) -> Hint:
    """The remedy for a value instead of a mapping."""
    slip = re.fullmatch(r"([A-Za-z_]\w*) *[:=] *([\w.%-]+)", node.value) if isinstance(node.value, str) else None
    if slip and slip[1] in names_of(model):
        return Write(f"{{{slip[1]}: {slip[2]}}}", say="put a colon and a space after the name: {}")
    if model.MEANT and not node.is_list:
        shown = shorten(node.value, 60) if isinstance(node.value, str) else show(node.value)
        words = model.MEANT.format(shown)
        name = getattr(model, "MEANT_FIELD", "")
        return Write(f"{{{name}: {written(node.value)}}}", say=words) if name else words
    if node.is_list and "blocks" in model.model_fields:
        return Layout("list without a key", "blocks", say="put {}: before its list of blocks")
    return f"its fields are {', '.join(names_of(model))}"


def missing_hint(name: str, model: type[Model]) -> Hint:
    if name in (samples := getattr(model, "SAMPLES", {})):
        sample, words = samples[name]
        return Change({name: sample}, say=f"say {words}: {{}}", guess=True)
    example = getattr(model, "EXAMPLE", "")
    if example and "\n" not in example:
        return f"as in {example}"
    field = next(info for key, info in model.model_fields.items() if name in (key, info.alias))
    if not field.examples:
        return f"add {name}: ... ({field.description})"
    return Change({name: str(field.examples[0])}, say="add {}", guess=get_origin(field.annotation) is not Literal)


def unknown_field_hint(name: str, model: type[Model], taken: Collection[str], env: Env) -> Hint:
    """The remedy for an unknown field of a model; `taken` are the fields that are already given."""
    if reason := getattr(model, "LEFT_OUT", {}).get(name):
        return Change(drop=(name,), say=f"remove it: {reason}")
    names = names_of(model)
    elsewhere = "" if synonym(name, names) else env.elsewhere(name, model)
    hint = elsewhere or unknown_hint(name, names)
    if isinstance(hint, Rename) and hint.to in taken:  # after renaming, it would occur twice
        return f"{hint.to} is also given: keep one of the two"
    return hint


def is_known_elsewhere(name: str, model: type[Model], env: Env) -> bool:
    """Whether a model has a similar field, deliberately lacks this one, or another section has it."""
    return bool(like(name, names_of(model)) or name in getattr(model, "LEFT_OUT", {}) or env.elsewhere(name, model))


VALUED = r"([A-Za-z_][\w.]*)(?: *= *| +|( *\( *))([A-Za-z0-9_.]+%?)(?(2)\))"  # conv=16, conv 16 or conv(16)


def unknown_hint(name: str, known: Sequence[str]) -> Hint:
    """The remedy for an unknown name: a corrected spelling, or the most similar known name."""
    if ":" in name:
        return Rename(name.replace(":", ": ", 1), say="put a space after the colon: {}")
    if "{" in name:
        return Rename(name.replace(" {", ": {"), say="put a colon before the bracket: {}")
    if (valued := re.fullmatch(VALUED, name)) and valued[1] in known:
        return Rename(f"{valued[1]}: {valued[3]}", say="put a colon after the name: {}")
    return did_you_mean(name, known)


def names_of(model: type[Model]) -> list[str]:
    """The fields of a model as a user writes them."""
    return [info.alias or key for key, info in model.model_fields.items()]
