"""Real signals to real processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.training import Interrupted, RunResult, train, trainer
from tests.training import kill
from tests.training.programs import Program, program, until
from tests.training.same import load, metrics

SameEnd = Callable[[Path, Path], None]

OPTIONS = ("--threads", "1", "--device", "cpu", "--no-report")


@pytest.mark.parametrize(("processes", "times"), [(1, 3), (2, 2)])
def test_killed_runs_resume_to_the_same_end(processes: int, times: int, capsys: pytest.CaptureFixture[str]):
    """Some random moments; `python -m tests.training.kill --times N` tries more."""
    assert kill.run(times, processes, seed=os.getpid()) == 0
    assert f"{times} of {times} killed runs of {processes} ended like the" in capsys.readouterr().out


def terminate() -> None:
    """As a scheduler does."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_saves_the_middle_of_an_epoch(quick, whole: RunResult, same_end: SameEnd):
    """It comes after the second epoch, and is heard after the first batch of the third."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as stop:
        quick(on_epoch=lambda record: terminate() if record["epoch"] == 2 else None)
    assert signal.getsignal(signal.SIGTERM) is before
    run = stop.value.path
    assert stop.value.status == 143
    said = f"ended by SIGTERM: 2 of 4 epochs and 1 batch of the next one are kept in {run}\ncontinue with: "
    assert str(stop.value).startswith(said)
    state = load(run / "midway.pt")
    assert (state["epoch"], state["batch"]) == (2, 1)
    assert train(resume=run).path == run
    same_end(run, whole.path)


def test_sigterm_in_an_evaluation_keeps_the_trained_epoch(
    quick, whole: RunResult, same_end: SameEnd, monkeypatch: pytest.MonkeyPatch
):
    real = trainer.evaluate

    def evaluate(*args: Any) -> None:
        terminate()
        real(*args)

    monkeypatch.setattr(trainer, "evaluate", evaluate)
    with pytest.raises(Interrupted, match="0 of 4 epochs and 6 batches of the next one are kept") as stop:
        quick()
    monkeypatch.undo()
    train(resume=stop.value.path)
    same_end(stop.value.path, whole.path)


def endless(
    tiny: str, folder: Path, change: tuple[str, str] = ("", ""), start: str | None = None
) -> tuple[Program, Path]:
    """A program that trains, and its run once it has a checkpoint."""
    (folder / "net.yaml").write_text(tiny.replace("epochs: 4", "epochs: 2000").replace(*change))
    process = program(folder, "train", "net.yaml", *OPTIONS, start=start)
    until(lambda: list(folder.glob("runs/tiny/*/last.pt")), [process])
    (run,) = folder.glob("runs/tiny/*")
    return process, run


@pytest.mark.parametrize("start", ["fork", "forkserver"])
def test_a_program_that_is_terminated_returns_143(tiny: str, tmp_path: Path, start: str):
    process, run = endless(tiny, tmp_path, ("engine: tensor", "workers: 1"), start)
    os.killpg(process.pid, signal.SIGTERM)  # its workers hear it too, and the server that they are forked from
    status, out, err = process.wait()
    assert status == 143, out + err
    kept = load(run / "midway.pt")["batch"]
    said = f" and {kept} batch" if kept else " are kept in"  # none where the workers' server was faster than a batch
    assert f"of 2000 epochs{said}" in err and "are kept in runs/tiny/" in err
    assert "Traceback" not in out + err


def test_a_worker_that_is_gone_when_the_signal_comes_changes_nothing(quick, tmp_path: Path):
    """There is no batch any more after which the signal could be heard.

    The signal first: what torch raises once it hears of the worker's end comes at any moment.
    """
    mine = set(multiprocessing.active_children())

    def end(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            (worker,) = set(multiprocessing.active_children()) - mine
            terminate()
            worker.kill()
            worker.join()

    with pytest.raises(Interrupted, match="ended by SIGTERM: 2 of 4 epochs are kept") as stop:
        quick("data.engine=albumentations", "data.workers=1", on_epoch=end)
    assert stop.value.status == 143 and load(stop.value.path / "midway.pt")["epoch"] == 2
    assert len(train(resume=stop.value.path).metrics) == 4


@pytest.mark.raises_code("AB715")
def test_a_worker_that_is_killed_is_explained_and_the_run_goes_on_later(quick, tiny: str, tmp_path: Path):
    """As the system does where memory runs out."""
    mine = set(multiprocessing.active_children())

    def end(record: dict[str, Any]) -> None:
        (worker,) = set(multiprocessing.active_children()) - mine
        worker.kill()

    with pytest.raises(ArchbuilderError, match=r"AB715 a process that reads images .*DataLoader worker") as error:
        quick("data.engine=albumentations", "data.workers=1", on_epoch=end)
    (found,) = error.value.diagnostics
    assert "lower workers (1 now) or batch_size (256 now), or take engine: tensor" in found.hint
    (run,) = tmp_path.glob("runs/tiny/*")
    assert load(run / "last.pt")["epoch"] == 1 and len(train(resume=run).metrics) == 4


def children(parent: int) -> Iterator[int]:
    """The processes that a process has started, as Linux tells."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended since
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(status.parent.name)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the server is found as Linux tells of it")
def test_a_killed_server_of_workers_is_explained(tiny: str, tmp_path: Path):
    """Its workers end with it: they are its children."""
    process, run = endless(tiny, tmp_path, ("engine: tensor", "workers: 1"), "forkserver")
    (server,) = (pid for pid in children(process.pid) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(server, signal.SIGKILL)
    status, out, err = process.wait()
    assert status == 1 and "AB715" in err and "Traceback" not in out + err, out + err
    assert load(run / "last.pt")["epoch"] >= 1


def test_ctrl_c_ends_cleanly_and_keeps_the_run(tiny: str, tmp_path: Path):
    process, run = endless(tiny, tmp_path)
    os.kill(process.pid, signal.SIGINT)
    status, out, err = process.wait()
    assert status == 130, out + err
    epoch = load(run / "last.pt")["epoch"]
    assert f"interrupted: {epoch} of 2000 epochs are kept in {run.relative_to(tmp_path)}" in err
    assert f"archbuilder train --resume {run.relative_to(tmp_path)}" in err
    assert "Traceback" not in out + err
    said = [line for line in out.splitlines() if line.startswith("epoch ")]
    assert len(said) in (epoch - 1, epoch)  # Ctrl-C may come between an epoch's checkpoint and its line
    assert len(metrics(run)) == epoch
    assert (run / "curves.png").exists() and not list(run.glob("*.tmp"))
    goes_on(run, epoch)


def goes_on(run: Path, epoch: int) -> None:
    seen = []

    def stop(record: dict[str, Any]) -> None:
        seen.append(record["epoch"])
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(resume=run, on_epoch=stop)
    assert seen == [epoch + 1]
