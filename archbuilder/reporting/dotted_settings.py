"""Sections of a file as dotted names: train.optimizer.sgd.lr and so on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Setting = tuple[str, str]  # a dotted name and its value


def flat(name: str, value: Any) -> Iterator[Setting]:
    """The values below a name, each on one line; nothing for empty values."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(f"{name}.{key}", inner)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, 1):
            yield from flat(f"{name}.{number}", item)
    elif value is not None:
        yield name, words(value)


def words(value: Any) -> str:
    """A plain value on one line."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
