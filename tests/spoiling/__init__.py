"""Spoilt files by the number: what `tests/fuzz_check.py` checks.

A case is a file, the base it may extend, a rule pack it may ask for, overrides and packs of the command line.
Each starts as something valid and is spoilt in a few places, as text (as_text.py) or as values (as_tree.py).
One in twenty is made to be large in what it stands for (large.py): those consist of many files, or of definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.spoiling import as_text, as_tree, large
from tests.spoiling.seeds import COMPOSED, EVERYTHING, ODD, RULES, VARIANT, corpus, words

BASE, PACK = "base.yaml", "pack.yaml"  # they lie beside the case


@dataclass(frozen=True)
class Case:
    """What one check is given."""

    file: bytes
    base: bytes = EVERYTHING
    pack: bytes = RULES
    overrides: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    others: Mapping[str, bytes] = field(default_factory=dict)  # further files, by their names

    def write(self, folder: Path) -> Path:
        """Put the files into a folder; the path of the one to check."""
        path = folder / "case.yaml"
        files = {BASE: self.base, PACK: self.pack, path.name: self.file, **self.others}
        for stale in {*(file.name for file in folder.glob("*.yaml"))} - files.keys():
            (folder / stale).unlink()
        for file, data in ((folder / name, data) for name, data in files.items()):
            if not file.exists() or file.read_bytes() != data:
                file.write_bytes(data)
        return path


def case(seed: int, number: int) -> Case:
    """The case of a number: the same seed gives the same cases."""
    random = Random(f"{seed}:{number}")
    overrides = tuple(_override(random) for _ in range(random.choice([0] * 8 + [1, 1, 2])))
    if random.random() < 0.05:
        others = {name: _often(random, text.encode()) for name, text in large.made(random).items()}
        return Case(others.pop(large.CASE), overrides=overrides, others=others)
    return Case(
        spoilt(random, random.choice([VARIANT, COMPOSED, RULES, *corpus()])),
        base=_often(random, random.choice([EVERYTHING, COMPOSED, VARIANT])),
        pack=_often(random, RULES),
        overrides=overrides,
        rules=random.choice([()] * 8 + [("era-s9",), ("mcu",), ("era-s9", "mcu")]),
    )


def spoilt(random: Random, data: bytes) -> bytes:
    """A valid text spoilt in one to five places."""
    times = random.choice([1, 1, 1, 1, 2, 2, 3, 5])
    if random.random() < 0.7:
        data = as_tree.spoil(random, data, times)
        times = random.choice([0, 0, 0, 0, 1])
    for _ in range(times):
        data = random.choice(as_text.SPOILS)(random, data)
    return data


def _often(random: Random, data: bytes) -> bytes:
    """What lies beside the case is mostly valid."""
    return spoilt(random, data) if random.random() < 0.1 else data


def _override(random: Random) -> str:
    path = ".".join(random.choice([*words(), "0", "1", "99"]) for _ in range(random.choice([1, 1, 2, 2, 3, 4, 120])))
    return random.choice(["{}={}"] * 9 + ["{}{}", "{}=={}", "{} = {}"]).format(path, random.choice(ODD))
