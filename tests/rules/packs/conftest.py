"""Networks and packs that the tests of rules change a little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from archbuilder.pipeline import Report, check
from archbuilder.rules.packs import Verdict

ROOT = Path(__file__).parent.parent.parent.parent
CLEAN = (ROOT / "architectures" / "c1c2c3c40.yaml").read_text().replace("\n\nvars:", "\n\nrules: era-s9\n\nvars:")


class Held(NamedTuple):
    """A network held against one rule: the verdict, and "line:column code" of what is missing."""

    verdict: Verdict
    found: list[str]
    hints: list[str]
    report: Report

    @property
    def ok(self) -> bool:
        assert self.verdict.ok == (not self.found)
        return self.verdict.ok

    @property
    def by(self) -> list[str]:
        return [each.name for each in self.verdict.by]


Hold = Callable[[str, str], Held]


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    """hold("gap", text) -> what the rule in a pack of its own says of a network."""

    def run(rule: str, text: str) -> Held:
        pack = tmp_path / "pack.yaml"
        pack.write_text(f"archbuilder_rules: 1\nname: test\nrules:\n  - {rule}\n")
        report = check(text, rules=[str(pack)])
        assert report.facts, report.diagnostics
        (verdict,) = [verdict for verdict in report.rules if verdict.pack == "test"]
        mine = [d for d in report.diagnostics if d.message.startswith("test, ")]
        places = [f"{d.span.line}:{d.span.column} {d.code.id}" for d in mine]
        return Held(verdict, places, [d.hint for d in mine], report)

    return run


def network(*blocks: str, head: str = "") -> str:
    """A network of blocks, one to a line, from line 5 on (a line more for each of the head's)."""
    top = "archbuilder: 1\ninput: [3, 32, 32]\nclasses: 10\n" + head
    return top + "network:\n" + "".join(f"  - {block}\n" for block in blocks)


def changed(old: str, new: str, text: str = CLEAN) -> str:
    """The text with one thing changed."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)
