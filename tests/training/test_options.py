"""An option of training is one field, from the command line to a run's notes and back."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import archbuilder
from archbuilder.cli._options import add_training_options, training_options
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.run.options import Keywords, Options

SAID: dict[str, tuple[list[str], Any]] = {  # how each is typed, and what it then is
    "device": (["--device", "cpu"], "cpu"),
    "threads": (["--threads", "2"], 2),
    "data_dir": (["--data-dir", "/images"], Path("/images")),
    "init": (["--init", "/runs/a"], Path("/runs/a")),
    "keep": (["--keep", "5"], 5),
    "minutes": (["--checkpoint-minutes", "0"], 0.0),
    "log": (["--tracker", "tensorboard", "--log", "wandb"], ("tensorboard", "wandb")),
    "sync_batch_norm": (["--sync-batch-norm"], True),
    "report": (["--no-report"], False),
}


def parsed(words: list[str]) -> Options:
    parser = ArgumentParser()
    add_training_options(parser)
    return Options.of(**training_options(parser.parse_args(words)))


def test_the_keywords_are_the_fields():
    fields = list(Options.model_fields)
    assert list(get_type_hints(Keywords)) == fields == list(SAID)
    for function in (archbuilder.train, archbuilder.repeat):
        shown = signature(function).parameters
        assert {name: shown[name].default for name in fields} == dict(Options())
        assert all(f"{name}: " in function.__doc__ for name in fields) and "{options}" not in function.__doc__
        assert get_type_hints(function).keys() == {*shown, "return"}


@pytest.mark.parametrize("name", SAID)
def test_each_comes_from_the_command_line_and_back_from_a_runs_notes(name: str):
    words, value = SAID[name]
    said = parsed(words)
    assert said == Options(**{name: value}) != Options()
    assert Options.noted(json.loads(json.dumps(said.model_dump()))) == said
    again = list(said.words())
    assert again == (words if name in ("device", "threads", "data_dir", "init", "sync_batch_norm") else [])


def test_nothing_said_is_the_default():
    assert parsed([]) == Options() and not list(Options().words())


def test_what_is_said_stands_over_what_was_noted():
    noted = Options(device="cpu", threads=4, keep=5, minutes=2.0, report=False, sync_batch_norm=True, log=("wandb",))
    assert Options().over(noted) == noted
    assert Options(threads=2, minutes=0.0).over(noted) == noted.model_copy(update={"threads": 2, "minutes": 0.0})
    assert Options.of(noted, keep=1) == noted.model_copy(update={"keep": 1})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"keep": 0}, "keep: expected at least 1, found 0"),
        ({"device": "gpu"}, "device: expected auto, cpu, cuda or mps, found 'gpu'"),
        ({"data_dir": "a\0b"}, "data_dir: has a character that is not allowed in paths"),
        ({"minutes": float("inf")}, "minutes: expected a finite number, found inf"),
        ({"sync_batch_norm": "no"}, "sync_batch_norm: expected true or false, found 'no'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_before_anything_is_made(
    wrong: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchbuilderError) as error:
        archbuilder.train("net.yaml", **wrong)
    (found,) = error.value.diagnostics
    assert (found.code.id, found.message) == ("AB790", message)
    assert found.exit_status == 2 and not list(tmp_path.iterdir())


def test_a_name_that_there_is_not():
    with pytest.raises(TypeError, match="no option treads: device, threads"):
        archbuilder.train("net.yaml", treads=2)
