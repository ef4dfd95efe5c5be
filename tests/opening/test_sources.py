"""A run keeps its YAML as it was read, with all that it names, and is opened from that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from archbuilder.blocks._external import forget, load_file
from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.parser import parse
from archbuilder.pipeline import Report, check, check_text
from archbuilder.sources import is_run, open_source, trained_text
from archbuilder.trained.open import open_run
from archbuilder.training import train
from tests.opening.conftest import ALONE, BASE, NET, PACK, VARIANT, WIDE

NUMBERS = [
    "1e3",
    "0o17",
    "0x1F",
    "+.5e1",
    "12",
    ".5",
    "1_000",
    "0b11",
    "1:30",
    "on",
    "null",
    "~",
    "2020-01-31",
    "1e3\n",
]


def params(report: Report) -> int:
    assert report.facts
    return report.facts.params


@pytest.fixture(scope="module")
def extended(folder: Path) -> Iterator[Path]:
    """A run of a file in another folder than its base and its pack, which are gone by now."""
    file = folder / "mine" / "variant.yaml"
    file.write_text(VARIANT.replace("{name}", "1e3"))
    path = train(file, overrides=[WIDE], out=folder / "runs", **ALONE).path
    for name in ("bases", "packs", "mine"):
        (folder / name).rename(folder / f"{name}-gone")
    yield path
    for name in ("bases", "packs", "mine"):
        (folder / f"{name}-gone").rename(folder / name)


def test_the_files_are_kept_as_they_were_read(extended: Path):
    kept = {path.name: path.read_text() for path in (extended / "sources").glob("*.yaml")}
    assert kept == {"variant.yaml": VARIANT.replace("{name}", "1e3"), "base.yaml": BASE, "mine.yaml": PACK}


def test_a_run_of_files_that_name_others_is_opened_without_them(extended: Path, program: Any):
    report = check(extended)
    assert report.ok and report.name == "1e3" and [d.code.id for d in report.ignored] == ["AB503"]
    assert [verdict.pack for verdict in report.rules] == ["mine"]
    assert params(report) == params(check_text(NET, "net.yaml", [WIDE]))
    assert program("evaluate", extended, "--device", "cpu", "--threads", "1").status == 0
    assert train(resume=extended, **ALONE).last["epoch"] == 1


def test_what_was_trained_stands_in_one_file(extended: Path, wide: Path, plain: Path):
    for run in (extended, wide):
        assert params(check(run / "architecture.yaml")) == params(check(run))
        assert yaml.safe_load((run / "architecture.yaml").read_text())["vars"] == {"width": 8}
    assert (plain / "architecture.yaml").read_text() == NET


def test_a_network_without_a_name_is_called_after_its_file(plain: Path, wide: Path):
    assert [open_run(run).plan.report.name for run in (plain, wide)] == ["net", "net"]


def test_a_run_of_a_version_that_kept_one_file_opens_as_before(wide: Path, tmp_path: Path):
    old = Path(shutil.copytree(wide, tmp_path / "old"))
    shutil.rmtree(old / "sources")
    (old / "architecture.yaml").write_text(NET)  # overrides were no part of it
    assert open_run(old).plan.values == open_run(wide).plan.values
    assert open_run(old).network().state_dict().keys() == open_run(wide).network().state_dict().keys()


@pytest.mark.parametrize("lost", ["index.json", "base.yaml"])
def test_without_a_copy_a_run_is_what_its_architecture_says(lost: str, extended: Path, tmp_path: Path):
    copy = Path(shutil.copytree(extended, tmp_path / "copy"))
    (copy / "sources" / lost).unlink()
    report = check(copy)
    assert report.name == "1e3" and report.facts and report.file == str(copy / "architecture.yaml")


@pytest.mark.parametrize(
    "index", ["", "[]", "{}", '{"files": {}}', '{"files": {"../net.yaml": ""}, "links": []}', "[" * 9**5]
)
def test_an_index_of_any_content_opens_no_other_file(index: str, wide: Path, tmp_path: Path):
    copy = Path(shutil.copytree(wide, tmp_path / "copy"))
    (copy / "net.yaml").write_text(NET)
    (copy / "sources" / "index.json").write_text(index)
    assert open_source(copy).file == str(copy / "architecture.yaml")


def test_an_architecture_that_was_changed_is_refused_at_its_line(wide: Path, tmp_path: Path):
    copy = Path(shutil.copytree(wide, tmp_path / "copy"))
    path = copy / "architecture.yaml"
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 2"))
    with pytest.raises(ArchbuilderError, match=r"AB731 train.epochs is 2, but last.pt was trained with 1") as error:
        train(resume=copy)
    assert error.value.diagnostics[0].span.file == str(path)


SCALARS = st.one_of(
    st.text(),
    st.sampled_from(NUMBERS),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4)))
@example(NUMBERS)
def test_values_are_read_as_they_were_written(value: Any):
    text = json.dumps({"value": value, "other": 1})
    try:
        first = parse(text)
    except ArchbuilderError:
        return  # a character that no file may have
    again = parse(trained_text(first, ["other=1"]))
    assert again.root.plain() == first.root.plain()


def test_a_run_is_told_from_other_folders(plain: Path, folder: Path, tmp_path: Path):
    assert is_run(plain) and is_run(str(plain))
    for other in (
        folder,
        plain.parent,
        plain / "architecture.yaml",
        tmp_path / "none",
        "-",
        "",
        "a\nb",
        "x" * 5000,
        "\0",
    ):
        assert not is_run(other)


@pytest.mark.raises_code("AB716")
def test_blocks_of_the_users_own_are_loaded_only_where_they_are_named(tmp_path: Path, program: Any):
    own, net = tmp_path / "twice.py", tmp_path / "net.yaml"
    own.write_text(
        "from archbuilder.blocks import register\nfrom archbuilder.blocks.conv import Conv\n\n\n"
        '@register\nclass Twice(Conv):\n    """A convolution of the user\'s own."""\n'
    )
    net.write_text(NET.replace("{conv: width}", "{twice: width}"))
    try:
        load_file(str(own))
        run = train(net, overrides=[WIDE], out=tmp_path / "runs", **ALONE).path
        forget()
        told = program("check", run)
        assert told.status == 2 and f"AB716 the run was trained with the blocks of {own}" in told.out
        assert f"--blocks {own}" in told.out
        for command in ("check", "rf", "summary"):
            assert program(command, run, "--blocks", own).status == 0
            forget()
    finally:
        forget()


@pytest.mark.parametrize("content", ["", "[]", '{"overrides": 3}', '{"overrides": ["a=1", 2]}', "[" * 9**5])
def test_a_run_that_does_not_say_how_it_was_trained_is_named(content: str, wide: Path, tmp_path: Path, capsys: Any):
    copy = Path(shutil.copytree(wide, tmp_path / "copy"))
    (copy / "environment.json").write_text(content)
    assert main(["rf", str(copy)]) == 2
    assert f"{copy / 'environment.json'}: AB702" in capsys.readouterr().err
