"""The requirements of a first architecture, parsed from answers."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.document.nodes import Document, Node
from archbuilder.rules.packs.kinds.image import Image
from archbuilder.rules.packs.kinds.layout import Layout, channels_of
from archbuilder.rules.packs.kinds.limit import LimitRule
from archbuilder.rules.packs.pack import Pack, is_path, load, shipped
from archbuilder.rules.packs.rule import Rule
from archbuilder.schema.env import Env
from archbuilder.schema.fields import MAX_INTEGER, MAX_PIXELS
from archbuilder.spec.architecture import channels_first
from archbuilder.spec.limits import Limit, read_limits
from archbuilder.spec.rules import PackName

R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class Wish:
    """The requirements of a first file: its name, images, classes, parameters, and rule packs.

    `packs` are named as on the command line, `names` as in the file: a path there is relative to the file."""

    name: str
    input: tuple[int, int, int]
    classes: int
    limit: Limit
    packs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def params(self) -> str:
        return self.limit.text

    @cached_property
    def asked(self) -> tuple[Pack, ...]:
        """The packs themselves."""
        return joined(map(packs, self.packs)).packs

    def rules(self, kind: type[R]) -> list[R]:
        """The rules of one kind in the packs."""
        return [rule for pack in self.asked for rule in pack.rules if isinstance(rule, kind)]

    @property
    def command(self) -> str:
        """The command that makes the same file again, on one line for a comment."""
        words = [word for pack in self.packs for word in ("--rules", pack)]
        bound = self.params.removeprefix("<").strip() if self.limit.relation == "<" else self.params
        words += ["--params", bound, "--classes", str(self.classes), "--input", "x".join(map(str, self.input))]
        return "".join(c if c.isprintable() else "?" for c in shlex.join(["archbuilder", "init", *words]))


PARAMS = "200k"
LARGE = "10M"  # if a pack fixes the widths of layers but not the number of parameters
INPUT = (3, 32, 32)
CLASSES = 10
NAME = "network"


@dataclass(frozen=True)
class Packs:
    """Rule packs by name, and as read."""

    texts: tuple[str, ...] = ()
    packs: tuple[Pack, ...] = ()

    @property
    def image(self) -> tuple[tuple[int, int, int], int]:
        """The input and the classes that the packs require, else those of CIFAR-10."""
        rules = [rule for pack in self.packs for rule in pack.rules if isinstance(rule, Image)]
        inputs = [rule.input for rule in rules if rule.input]
        classes = [rule.classes for rule in rules if rule.classes]
        return (inputs or [INPUT])[0], (classes or [CLASSES])[0]

    @property
    def params(self) -> str:
        """The parameters that the packs allow."""
        rules = [rule for pack in self.packs for rule in pack.rules if isinstance(rule, LimitRule)]
        bounds = [rule.bound.text for rule in rules if rule.of == "params" and "<" in rule.bound.relation]
        layouts = (rule for pack in self.packs for rule in pack.rules if isinstance(rule, Layout))
        usual = LARGE if any(map(channels_of, (token for rule in layouts for token in rule.order))) else PARAMS
        return (bounds or [usual])[0].removeprefix("<").strip()


def packs(text: str) -> Packs:
    """Parse `era-s9`, `mcu, ./mine.yaml` or `none`. Raises ValueError if one cannot be used."""
    names = tuple(name.strip() for name in text.split(",") if name.strip() not in ("", "none"))
    found: list[Diagnostic] = []
    asking = Document("--rules", "", Node(None, Span("--rules")))  # named in no file
    read = [load(PackName(name, Span("--rules")), asking, found) for name in names]
    if found:
        raise ValueError("; ".join(f"{d.message} ({d.hint})" if d.hint else d.message for d in found))
    return Packs(names, tuple(pack for pack in read if pack))


def joined(all: Iterable[Packs]) -> Packs:
    """Several answers as one."""
    found = list(all)
    return Packs(tuple(t for each in found for t in each.texts), tuple(p for each in found for p in each.packs))


def choices() -> str:
    """The choices of the question about packs."""
    return f"{', '.join(shipped())}, a file, or none"


def params(text: str) -> Limit:
    """`100k`, `0.1M`, `< 100k` or `<= 98_560`: an upper bound.  Raises ValueError."""
    bound = text.strip() if text.strip()[:1] in "<>=" else f"< {text.strip()}"
    env = Env()
    node = Node({"params": Node(bound, Span("--params"))}, Span("--params"))
    limits = read_limits(node, env)
    if env.diagnostics or "<" not in limits[0].relation or limits[0].bound < 1:
        raise ValueError(f"{text!r} is not a number of parameters; write 100k, 0.2M or 98_560")
    limit: Limit = limits[0]
    return limit


def image(text: str) -> tuple[int, int, int]:
    """`3x32x32` or `3, 32, 32`: channels, height, width.  Raises ValueError."""
    numbers = re.fullmatch(r"\s*\[?\s*(\d{1,7})\s*[x,]\s*(\d{1,7})\s*[x,]\s*(\d{1,7})\s*\]?\s*", text)
    if not numbers:
        raise ValueError(f"{text!r} is not channels x height x width; write 3x32x32")
    channels, height, width = map(int, numbers.groups())
    if not 1 <= channels <= MAX_INTEGER or not all(1 <= side <= MAX_PIXELS for side in (height, width)):
        raise ValueError(f"{text!r} is out of range: sides from 1 to {MAX_PIXELS:,}")
    if meant := channels_first(channels, height, width):
        raise ValueError(f"{text!r} has its channels last; write {'x'.join(map(str, meant))}")
    return channels, height, width


def classes(text: str) -> int:
    """A whole number of at least 2.  Raises ValueError."""
    if not re.fullmatch(r"\s*\d{1,7}\s*", text) or not 2 <= int(text) <= MAX_INTEGER:
        raise ValueError(f"{text!r} is not a number of classes, which are at least 2")
    return int(text)


def name_of(file: str | None) -> str:
    """The name that a network has by default: that of its file."""
    try:
        return name(Path(file or "").stem)
    except ValueError:
        return NAME


def name(text: str) -> str:
    """A name of a network.  Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text.strip()):
        raise ValueError(f"{text!r} is not a name; use letters, digits, dots, dashes and underscores")
    return text.strip()


def beside(text: str, file: Path) -> str:
    """A pack as named in a file: a path is relative to the folder of the file."""
    if not is_path(text):
        return text
    relative = Path(os.path.relpath(text, file.parent)).as_posix()
    return relative if relative.startswith(".") or Path(relative).is_absolute() else f"./{relative}"
