"""The remedy of a problem as a value.

The printed hint, `--fix`, `--suggest` and the quick fixes of editors are all made from it: `archbuilder.remedies` can
write each kind into a text. A remedy without a known edit is prose, a plain `str`, which programs never parse.

    GROUPS.at(span, "groups=5 must divide 16 and 48", Change({"groups": "4"}, say="choose a common divisor: {}"))

A remedy applies to the place of its finding, unless it has its own path (`at`) from the root of the file.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, final

Path = tuple[str, ...]


@dataclass(frozen=True)
class Remedy(ABC):
    """One edit, as text and as a value.

    `say` is the hint, with {} for the written text, if the default words of the kind are not clear enough. A `guess`
    writes a value that is only an example (`classes: 10`): the user must decide."""

    say: str = field(default="", kw_only=True)
    guess: bool = field(default=False, kw_only=True)

    SAY: ClassVar[str] = "write {}"

    @property
    @abstractmethod
    def text(self) -> str:
        """The text that is written."""

    @property
    def is_guessed_name(self) -> bool:
        """Whether it is the most similar known name."""
        return (self.say or self.SAY).startswith("did you mean")

    def __str__(self) -> str:
        return (self.say or self.SAY).replace("{}", self.text)


Hint = str | Remedy


@final
@dataclass(frozen=True)
class Rename(Remedy):
    """Rename the key or bare word at the place."""

    to: str

    SAY: ClassVar[str] = "did you mean {}?"

    @property
    def text(self) -> str:
        return self.to


@final
@dataclass(frozen=True)
class Replace(Remedy):
    """Replace a word in the value at the place: the whole value, an item of a list, or a variable."""

    old: str
    new: str

    SAY: ClassVar[str] = "did you mean {}?"

    @property
    def text(self) -> str:
        return self.new


@final
@dataclass(frozen=True)
class Write(Remedy):
    """Replace the value at the place by this text."""

    value: str

    @property
    def text(self) -> str:
        return self.value


@final
@dataclass(frozen=True, init=False)
class Change(Remedy):
    """Set fields of the block or mapping at the place, remove others, and optionally change the block's word."""

    fields: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    word: str = ""
    at: Path | None = None

    def __init__(
        self,
        fields: Mapping[str, str] = {},
        drop: Sequence[str] = (),
        word: str = "",
        at: Path | None = None,
        *,
        say: str = "",
        guess: bool = False,
    ) -> None:
        values = {"fields": tuple(fields.items()), "drop": tuple(drop), "word": word, "at": at}
        for name, value in (values | {"say": say, "guess": guess}).items():
            object.__setattr__(self, name, value)

    @property
    def text(self) -> str:
        shown = ", ".join(f"{name}: {value}" for name, value in self.fields)
        if self.word:
            return f"{self.word}: {{{shown}}}" if shown else self.word
        return shown or f"without {', '.join(self.drop)}"


@final
class Remove(Remedy):
    """Remove the block at the place, or the block that has the field at the place."""

    SAY: ClassVar[str] = "remove it"

    @property
    def text(self) -> str:
        return ""


@final
@dataclass(frozen=True)
class Insert(Remedy):
    """Insert items (text after a dash): after or before the block at the place, or at the end of a list."""

    items: tuple[str, ...]
    before: bool = False
    at: Path | None = None

    SAY: ClassVar[str] = "add {}"

    @property
    def text(self) -> str:
        return " and ".join(self.items)


@final
@dataclass(frozen=True)
class Layout(Remedy):
    """A mistake of YAML layout at the place: missing quotes, spaces, dashes or indentation."""

    slip: Literal["limit without quotes", "tabs", "list without dashes", "list without a key", "item without a dash"]
    key: str = ""  # the key with the mistake, if there is one

    @property
    def text(self) -> str:
        return self.key


_PLAIN = r"(?:[A-Za-z]|~?/|\.\.?/)[\w./~+-]*(?: [\w./~+-]+)*"  # needs no quotes and is not a number
_WORDS = frozenset("true false null".split())


def written(value: object) -> str:
    """A value as YAML on one line."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{written(key)}: {written(item)}' for key, item in value.items())}}}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    if re.fullmatch(_PLAIN, value) and value.lower() not in _WORDS:
        return value
    import json  # imported late: only needed for errors

    return json.dumps(value, ensure_ascii=not value.isprintable())


def share_of(value: object) -> str:
    """10% as a number: 0.1; empty if the value is not a percentage."""
    number = value.strip().removesuffix("%").strip() if isinstance(value, str) and value.strip().endswith("%") else ""
    return f"{float(number) / 100:g}" if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", number) else ""


def number_of(value: object) -> str:
    """A number that was written as text: '0.1' in quotes, 0,1 with a comma; empty if it is not a number."""
    number = value.strip().replace(",", ".") if isinstance(value, str) else ""
    return number if re.fullmatch(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?(?:e-?[0-9]{1,2})?", number) else ""


def percent(value: object, most: float) -> str:
    """A note for a number between 1 and 100 instead of a share; empty otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or most != 1 or not 1 < value <= 100:
        return ""
    return f"; {value:g} % is {value / 100:g}"


def to_dict(remedy: Remedy) -> dict[str, Any]:
    """A remedy as plain data: its kind, and what it writes."""
    found: dict[str, Any] = {"kind": type(remedy).__name__.lower()}
    for each in fields(remedy):
        value = getattr(remedy, each.name)
        if each.name != "say" and value not in ("", (), None, False):
            found[each.name] = dict(value) if each.name == "fields" else list(value) if type(value) is tuple else value
    return found
