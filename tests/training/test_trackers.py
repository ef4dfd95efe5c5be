"""`--tracker tensorboard`: what a tracker gets, and that a run needs none."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.distributed.run import get_args_parser

from archbuilder.cli.train import configure
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.training import Interrupted, RunResult, train


def logged(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard reads: (step, value) of every curve."""
    events = EventAccumulator(str(run / "log" / "tiny"))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_gets_every_record_also_of_a_resumed_run(quick):
    def stop(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        quick(log=["tensorboard"], on_epoch=stop)
    result = train(resume=stopped.value.path)
    found = logged(result.path)
    for name in ("test_accuracy", "train_loss", "lr"):
        assert [step for step, _ in found[name]] == [1, 2, 3, 4]
        assert [value for _, value in found[name]] == pytest.approx([record[name] for record in result.metrics])


def test_a_tracker_changes_nothing(quick, whole: RunResult):
    result = quick("train.epochs=4", log=["tensorboard"])
    assert [r["test_loss"] for r in result.metrics] == [r["test_loss"] for r in whole.metrics]


def test_a_tracker_that_is_not_there_is_named(quick, tmp_path: Path):
    with pytest.raises(ArchbuilderError, match="AB737 there is no tracker tensorbord") as error:
        quick(log=["tensorbord"])
    assert "did you mean tensorboard?" in str(error.value) and error.value.exit_status == 2
    with pytest.raises(ArchbuilderError, match="AB737 the package of aim is not installed"):
        quick(log=["tensorboard", "aim"])
    assert not list(tmp_path.rglob("*.pt"))


def test_a_tracker_that_fails_is_done_without(quick, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    def fail(*args: Any, **options: Any) -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(SummaryWriter, "add_scalar", fail)
    assert len(quick(log=["tensorboard"]).metrics) == 4
    said = "warning: a tracker has failed and is no longer used (OSError: the disk is away)"
    assert capsys.readouterr().out.count(said) == 1


def test_torchrun_takes_no_option_of_ours_for_its_own():
    """torchrun accepts abbreviated options, also after the name of the program that it starts."""
    launcher, parser = get_args_parser(), ArgumentParser(add_help=False)
    configure(parser)
    theirs = [word for action in launcher._actions for word in action.option_strings]
    for action in parser._actions:
        free = [word for word in action.option_strings if not any(each.startswith(word) for each in theirs)]
        assert free or not action.option_strings, f"torchrun takes {action.option_strings} for its own"
    assert parser.parse_args(["x", "--log", "tensorboard", "--tracker", "aim"]).log == ["tensorboard", "aim"]
    words = ["--nproc-per-node", "2", "-m", "archbuilder", "train", "net.yaml", "--tracker", "tensorboard"]
    assert launcher.parse_args(words).training_script_args == words[4:]
