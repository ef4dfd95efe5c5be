"""What a first architecture is asked to be."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from archbuilder.spec.limits import Limit


@dataclass(frozen=True)
class Wish:
    """What a first file must be: its name, images, classes, parameters, and the rule packs it satisfies.

    `packs` are as the command line names them, `rules` as the file does: a path counts from where it stands."""

    name: str
    input: tuple[int, int, int]
    classes: int
    limit: Limit
    packs: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    @property
    def params(self) -> str:
        return self.limit.text

    @property
    def command(self) -> str:
        """The command that makes the same file again; as a comment it stays on its line."""
        words = [word for pack in self.packs for word in ("--rules", pack)]
        bound = self.params.removeprefix("<").strip() if self.limit.relation == "<" else self.params
        words += ["--params", bound, "--classes", str(self.classes), "--input", "x".join(map(str, self.input))]
        return "".join(c if c.isprintable() else "?" for c in shlex.join(["archbuilder", "init", *words]))
