"""What is to be written at a place in a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archbuilder.lsp.places import Path

Kind = Literal["key", "value", "item", "none"]


@dataclass
class Context:
    """What is to be written at the cursor: a key or an item at `path`, or the value of `path`.

    `word` is what stands before the cursor of it, `siblings` the keys that its mapping has already, `own`
    the key that the cursor is in, and `names` every key of the file by the path to its mapping.
    """

    kind: Kind = "none"
    path: Path = ()
    word: str = ""
    siblings: set[str] = field(default_factory=set)
    own: str | None = None
    names: dict[Path, list[str]] = field(default_factory=dict)
