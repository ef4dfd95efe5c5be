"""What can be written where, taken from the JSON Schema: completions and their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from archbuilder.live.editing.places import Path

Schema = dict[str, Any]


@cache
def language() -> Vocabulary:
    """The vocabulary of the language, with every block that is installed."""
    from archbuilder.blocks import BLOCKS
    from archbuilder.blocks._external import load_all_installed
    from archbuilder.manual.jsonschema import schema

    load_all_installed()
    return Vocabulary(schema(BLOCKS.names()))


class Vocabulary:
    """A schema that is followed along a path of keys."""

    def __init__(self, schema: Schema) -> None:
        self.definitions: Schema = schema["$defs"]
        self.root = schema

    def at(self, path: Path) -> list[Schema]:
        """Every schema that applies to the value at a path; nothing if it is unknown."""
        found = list(self._alternatives(self.root))
        for step in path:
            inner = (schema for parent in found for schema in _below(parent, step))
            found = list(_once(leaf for schema in inner for leaf in self._alternatives(schema)))
        return found

    def properties(self, path: Path) -> dict[str, Schema]:
        """The keys that a mapping at a path may have, each with its first description."""
        found: dict[str, Schema] = {}
        for schema in self.at(path):
            for key, value in schema.get("properties", {}).items():
                found.setdefault(key, value if isinstance(value, dict) else {})
                if "description" not in found[key] and isinstance(value, dict):
                    found[key] = value
        return found

    def required(self, path: Path) -> set[str]:
        """The keys that a mapping at a path must have."""
        return {key for schema in self.at(path) for key in schema.get("required", ()) if "properties" in schema}

    def values(self, path: Path) -> list[str]:
        """The possible words for the value at a path, as YAML."""
        words: list[Any] = []
        for schema in self.at(path):
            words += schema.get("enum", []) + ([schema["const"]] if "const" in schema else [])
            words += [True, False] if schema.get("type") == "boolean" else schema.get("examples", [])
        return list(dict.fromkeys(_written(word) for word in words if isinstance(word, (str, int, float))))

    def takes_arithmetic(self, path: Path) -> bool:
        """Whether the value at a path may be an expression over variables."""
        return any({"integer", "string"} <= set(schema.get("type", ())) for schema in self.at(path))

    def single(self, path: Path) -> bool:
        """Whether a mapping at a path has one key only: the name of a block."""
        return any(schema.get("maxProperties") == 1 for schema in self.at(path))

    def own_blocks(self, path: Path) -> bool:
        """Whether a mapping at a path may name a block that the file defines."""
        return any(
            isinstance(s.get("additionalProperties"), dict) and s.get("maxProperties") == 1 for s in self.at(path)
        )

    def manual(self, path: Path) -> str:
        """The description of a key, in Markdown; empty if there is none."""
        if not path or path[-1] is None:
            return ""
        found = self.properties(path[:-1]).get(path[-1], {})
        text: str = found.get("markdownDescription") or found.get("description") or ""
        return text

    def _alternatives(self, schema: Schema) -> Iterator[Schema]:
        """A schema and all alternatives that it refers to, with references resolved."""
        if "$ref" in schema:
            yield from self._alternatives(self.definitions[schema["$ref"].rpartition("/")[2]])
        yield schema
        parts = [*schema.get("anyOf", []), *(schema[key] for key in ("then", "else") if key in schema)]
        for part in parts:
            yield from self._alternatives(part)


def _below(schema: Schema, step: str | None) -> Iterator[Schema]:
    """The schemas for one key, or for the items of a list (None)."""
    if step is None:
        items = schema.get("items")
        found = [items] if items else []
    else:
        found = [schema.get("properties", {}).get(step, schema.get("additionalProperties"))]
    yield from (one for one in found if isinstance(one, dict))


def _once(schemas: Iterable[Schema]) -> Iterator[Schema]:
    return iter({id(schema): schema for schema in schemas}.values())


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
