"""Values drawn from a JSON Schema: whatever field the language gets, it is drawn from then on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

from archbuilder.manual.jsonschema import schema

Form = dict[str, Any]

FAR = (1e-300, 1e-39, 1.2e-38, 1e-30, 1e-12, 1e-5, 1e3, 1e8, 1e30, 1e38, 3.4e38, 1e39, 1e300)  # about float32's ends
NEAR_ONE = (1 - 1e-9, 1 - 2**-53)
TOGETHER = {"fields of coarse_dropout": (("height", "width"), ("max_height", "max_width"))}  # which no schema can say
NAMES = ("a", "b", "c")
DEEPEST = 3  # lists of blocks inside each other


class Drawer:
    """Draws what a form of the language's schema takes.

    wild: numbers come from the ends of their ranges as well, and from beyond what float32 holds.
    most: the largest whole number that is drawn where the form sets no narrower bound.
    """

    def __init__(self, random: Random, wild: bool, most: int) -> None:
        self.random, self.wild, self.most = random, wild, most

    def draw(self, form: Form, depth: int = 0) -> Any:
        form = resolved(form)
        if "const" in form:
            return form["const"]
        if "enum" in form:
            return self.random.choice(form["enum"])
        if "anyOf" in form:
            return self._one_of(form, depth)
        kinds = form["type"] if isinstance(form["type"], list) else [form["type"]]
        if "array" in kinds and (len(kinds) == 1 or self.random.random() < 0.3):
            return self._list(form, depth)
        return {
            "object": lambda: self._mapping(form, depth),
            "number": lambda: self._number(form),
            "integer": lambda: self._whole(form),
            "boolean": lambda: self.random.random() < 0.5,
            "string": lambda: self._text(form),
            "null": lambda: None,
        }[kinds[0]]()

    def of_family(self, form: Form) -> Callable[[], Any]:
        """Draw one member of a family first; otherwise the members with many constraints would be rare."""
        members = resolved(form)["anyOf"][0]["properties"]
        name = self.random.choice(list(members))
        return lambda: {name: self.draw(members[name], 1)}

    def _one_of(self, form: Form, depth: int) -> Any:
        """A default says how large the numbers of an alternative are."""
        forms = [each for each in form["anyOf"] if resolved(each).get("type") != "null"]
        chosen = self.random.choice(forms if forms and self.random.random() < 0.9 else form["anyOf"])
        return self.draw({**chosen, **({"default": form["default"]} if "default" in form else {})}, depth)

    def _mapping(self, form: Form, depth: int) -> dict[str, Any]:
        fields: dict[str, Form] = form["properties"]
        if form.get("maxProperties") == 1:  # one of a family
            names = [name for name in fields if depth < DEEPEST or not holds_blocks(fields[name])]
            chosen = [self.random.choice(names)]
        else:
            required = form.get("required", [])
            share = self.random.choice((0.1, 0.3, 0.6))
            together = self.random.choice(TOGETHER.get(form.get("title", ""), ((),)))
            chosen = [name for name in fields if name in (*required, *together) or self.random.random() < share]
        return {name: self.draw(fields[name], depth) for name in chosen}

    def _list(self, form: Form, depth: int) -> list[Any]:
        least = form.get("minItems", 0)
        count = self.random.randint(least, min(form.get("maxItems", least + 2), least + 2))
        return [self.draw(form["items"], depth + 1) for _ in range(count)]

    def _number(self, form: Form) -> float:
        low = form.get("minimum", form.get("exclusiveMinimum", -math.inf))
        high = form.get("maximum", form.get("exclusiveMaximum", math.inf))
        ends = [end for end in (form.get("minimum"), form.get("maximum")) if end is not None]
        if self.wild and self.random.random() < 0.4:
            near = [-n for n in FAR] + list(FAR + NEAR_ONE)
            return float(self.random.choice(ends + [number for number in near if low < number < high]))
        usual = form.get("default")
        if isinstance(usual, (int, float)) and not isinstance(usual, bool):
            return float(min(max(usual * self.random.choice((0.5, 1, 1, 1.5)), low), high))
        ordinary = [end for end in ends if abs(end) <= 10]  # a factor of a million is allowed, and diverges
        if ordinary and self.random.random() < 0.1:
            return float(self.random.choice(ordinary))
        low = max(low, -1.0)
        return round(self.random.uniform(low, min(high, low + self.random.choice((0.2, 1.0)))), 3)

    def _whole(self, form: Form) -> int:
        low = int(form.get("minimum", 0))
        high = min(int(form.get("maximum", 10**6)), self.most)
        if self.wild and self.random.random() < 0.2:
            return self.random.choice([low, max(low, high)])
        usual = form.get("default")
        near = [usual] * 3 if isinstance(usual, int) and not isinstance(usual, bool) and usual <= high else []
        return int(self.random.choice([*near, low, low + 1, low + 1, low + 2, low + 3]))

    def _text(self, form: Form) -> str:
        known = [*form.get("examples", []), *([form["default"]] if isinstance(form.get("default"), str) else [])]
        return str(self.random.choice(known or NAMES))


_schema: Form = {}


def language() -> Form:
    """The schema of the whole language."""
    if not _schema:
        _schema.update(schema())
    return _schema


def resolved(form: Form) -> Form:
    """A form with what it refers to."""
    while "$ref" in form:
        name = form["$ref"].rpartition("/")[2]
        form = {**language()["$defs"][name], **{key: value for key, value in form.items() if key != "$ref"}}
    return form


def named(name: str) -> Form:
    """A form of the schema by its name."""
    form: Form = language()["$defs"][name]
    return form


def holds_blocks(form: Form) -> bool:
    """Does a block of this form have blocks of its own?"""
    return '"#/$defs/block"' in json.dumps(resolved(form)) or any(
        '"#/$defs/block"' in json.dumps(resolved(each)) for each in form.get("anyOf", [])
    )
