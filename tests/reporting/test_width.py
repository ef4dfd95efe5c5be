"""What is printed fits on a screen of 80 columns, and says the same on a wide one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archbuilder import check
from archbuilder.reporting import compare, derivation, text
from archbuilder.reporting.style import Style
from archbuilder.reporting.width import narrowed, width_of, wrapped
from archbuilder.run.progress import line

ROOT = Path(__file__).parents[2]
NETWORKS = sorted((ROOT / "architectures").rglob("*.yaml"))
SCREEN = Style(width=80)


def widest(shown: str) -> int:
    return max(len(each) for each in shown.splitlines() if not re.match(r" *\d* \| ", each))


@pytest.mark.parametrize("file", NETWORKS, ids=lambda path: path.stem)
def test_a_check_and_a_derivation_fit(file: Path):
    report = check(file)
    assert report.facts is not None
    for shown in (
        text.render(report, SCREEN),
        text.render(report, SCREEN, per_op=True),
        derivation.text(report.name, report.facts, SCREEN),
        wrapped(compare.render([report, check(NETWORKS[0])], SCREEN), 80),
    ):
        assert widest(shown) <= 80
    assert len(text.layer_table(report.facts, SCREEN)) == len(text.layer_table(report.facts))


def test_a_table_keeps_its_numbers_and_cuts_its_words_in_their_middle():
    rows = [("layer", "spare", "n"), ("a" * 30 + "b" * 30, "x" * 10, "1,234,567")]
    assert narrowed(rows, {"layer"}, 200) == rows
    (_, cells) = narrowed(rows, {"layer"}, 40, ["spare"])
    assert cells[-1] == "1,234,567" and sum(map(len, cells)) + 2 * (len(cells) - 1) <= 40
    assert re.fullmatch("a+…b+", cells[0])


def test_a_long_title_over_short_numbers_is_cut_and_the_numbers_are_not():
    rows = [("", "runs/a/2026-11-28T15-58-19", "runs/a/2026-11-28T15-58-20"), ("MACs", "472,720", "78,496,123,456")]
    titles, numbers = narrowed(rows, {""}, 30)
    assert numbers == rows[1] and re.fullmatch(r"r\S+…\S+9", titles[1]) and re.fullmatch(r"r\S+…\S+0", titles[2])


def test_a_long_line_goes_on_under_its_last_column_in_its_colour():
    said = "rules pack       name  \x1b[32mok\x1b[0m  " + "word " * 20
    first, *rest = wrapped(said.rstrip(), 60).splitlines()
    assert first.startswith("rules pack       name  \x1b[32mok\x1b[0m  word")
    assert rest and all(re.match(" {27}word", each) and len(each) <= 60 for each in rest)
    assert wrapped("  3 | " + "x " * 60, 80) == "  3 | " + "x " * 60  # an excerpt is no prose
    assert wrapped(said, None) == said


RECORD = {"epoch": 3, "lr": 0.0123, "seconds": 61.5, "images_per_second": 1234.0, "waiting": 0.25}
SPLITS = ["train"], ["train", "test"], ["train", "validation", "test"]


@pytest.mark.parametrize("splits", SPLITS, ids=" ".join)
def test_the_line_of_an_epoch_fits(splits: list[str]):
    record = RECORD | {f"{split}_{what}": 98.76 for split in splits for what in ("loss", "accuracy")}
    whole, short = line(record, 20), line(record, 20, 80)
    assert "waiting for data 25%" in whole and "images/s" in whole
    assert len(short) <= 80 and short.startswith("epoch  3/20") and all(split in short for split in splits)


def test_the_width_of_a_screen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert width_of(None) == 72
    monkeypatch.setenv("COLUMNS", "nonsense")
    assert width_of(None) is None
