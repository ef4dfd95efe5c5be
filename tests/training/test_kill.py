"""Real signals to real processes."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.evidence import report
from archbuilder.run.signals import Ending
from archbuilder.training import Interrupted, RunResult, session, train
from archbuilder.training.learning import trainer
from tests.programs import Program, program, until
from tests.training import kill
from tests.training.conftest import ALONE
from tests.training.same import load, metrics

SameEnd = Callable[[Path, Path], None]

OPTIONS = ("--threads", "1", "--device", "cpu", "--no-report")


@pytest.mark.parametrize(("processes", "times"), [(1, 3), pytest.param(2, 2, marks=pytest.mark.needs("time"))])
def test_ended_runs_resume_to_the_same_end(processes: int, times: int, capsys: pytest.CaptureFixture[str]):
    """Some random moments; `python -m tests.training.kill --times N` tries more."""
    assert kill.run(times, processes, seed=os.getpid()) == 0
    assert f"{times} of {times} ended runs of {processes} came out like the" in capsys.readouterr().out


def send(number: signal.Signals) -> None:
    """To this very process, as a terminal or a scheduler does."""
    os.kill(os.getpid(), number)


ENDINGS = [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "ended by SIGTERM", 143)]


@pytest.mark.parametrize(("number", "how", "status"), ENDINGS)
def test_a_signal_saves_the_middle_of_an_epoch(
    number: signal.Signals, how: str, status: int, quick, whole: RunResult, same_end: SameEnd
):
    """The signal comes after the second epoch and is handled after the first batch of the third."""
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as stop:
        quick(on_epoch=lambda record: send(number) if record["epoch"] == 2 else None)
    assert signal.getsignal(number) is before
    run = stop.value.path
    assert stop.value.status == status
    said = f"{how}: 2 of 4 epochs and 1 batch of the next one are kept in {run}\ncontinue with: "
    assert str(stop.value) == f"{said}archbuilder train --resume {run}"
    state = load(run / "midway.pt")
    assert (state["epoch"], state["batch"]) == (2, 1)
    assert train(resume=run).path == run
    same_end(run, whole.path)


def in_evaluation(monkeypatch: pytest.MonkeyPatch, *numbers: signal.Signals) -> None:
    """Signals that come when the first evaluation begins."""
    real = trainer.evaluate

    def evaluate(*args: Any) -> None:
        for number in numbers:
            send(number)
        real(*args)

    monkeypatch.setattr(trainer, "evaluate", evaluate)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("overrides", [(), ("train.accumulate=4",), ("data.validation=0.15", "train.accumulate=4")])
def test_a_signal_in_an_evaluation_keeps_the_trained_epoch(
    number: signal.Signals, overrides: Sequence[str], quick, same_end: SameEnd, monkeypatch: pytest.MonkeyPatch
):
    """This also holds if the number of batches of an epoch (6 or 5) is not a multiple of the optimizer's steps."""
    whole, count = quick(*overrides), 5 if len(overrides) > 1 else 6
    in_evaluation(monkeypatch, number)
    with pytest.raises(Interrupted, match=f"0 of 4 epochs and {count} batches of the next one are kept") as stop:
        quick(*overrides)
    monkeypatch.undo()
    train(resume=stop.value.path)
    same_end(stop.value.path, whole.path)


def test_a_second_ctrl_c_ends_at_once(quick, whole: RunResult, same_end: SameEnd, monkeypatch: pytest.MonkeyPatch):
    """The files that were written before are kept."""
    in_evaluation(monkeypatch, signal.SIGINT, signal.SIGINT)
    with pytest.raises(Interrupted, match="interrupted: 0 of 4 epochs are kept") as stop:
        quick()
    monkeypatch.undo()
    train(resume=stop.value.path)
    same_end(stop.value.path, whole.path)


def test_a_launcher_may_repeat_a_signal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    ending = Ending()
    with ending.heard(), ending.between_batches():
        send(signal.SIGINT)
        send(signal.SIGINT)
        send(signal.SIGTERM)
    assert ending.asked is signal.SIGINT


def test_a_signal_that_is_ignored_stays_ignored():
    """The signal is ignored, as under nohup or with a shell's `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ending = Ending()
        with ending.heard():
            send(signal.SIGINT)
        assert ending.asked is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_after_the_last_batch_leaves_the_report_for_later(quick, whole: RunResult, same_end: SameEnd):
    with pytest.raises(Interrupted, match="interrupted: 4 of 4 epochs are kept in") as stop:
        quick(report=True, on_epoch=lambda record: send(signal.SIGINT) if record["epoch"] == 4 else None)
    run = stop.value.path
    assert not (run / "report.html").exists()
    assert metrics(run) == metrics(whole.path)
    train(resume=run)
    assert (run / "report.html").exists()


@pytest.mark.parametrize(("number", "how", "status"), ENDINGS)
def test_a_signal_while_the_report_is_written(
    number: signal.Signals, how: str, status: int, quick, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(report, "predictions", lambda *args: send(number))
    with pytest.raises(Interrupted, match=f"{how}: 4 of 4 epochs are kept in") as stop:
        quick(report=True)
    monkeypatch.undo()
    assert stop.value.status == status and (stop.value.path / "weights.safetensors").exists()
    train(resume=stop.value.path)
    assert (stop.value.path / "report.html").exists()


@pytest.mark.parametrize(("number", "how", "status"), ENDINGS)
def test_a_signal_before_the_first_batch(
    number: signal.Signals, how: str, status: int, quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A signal during the creation of a run leaves no files; a resumed run is unchanged."""
    monkeypatch.setattr(session, "describe", lambda *args: send(number))
    with pytest.raises((KeyboardInterrupt, SystemExit)) as ended:
        quick()
    assert not (tmp_path / "runs/tiny").exists() and not isinstance(ended.value, Interrupted)
    monkeypatch.undo()
    with pytest.raises(Interrupted) as stop:
        quick(on_epoch=lambda record: send(number))
    monkeypatch.setattr(session, "images_of", lambda *args: send(number))
    with pytest.raises(Interrupted, match=f"{how}: 1 of 4 epochs and 1 batch of the next one are kept in") as again:
        train(resume=stop.value.path)
    monkeypatch.undo()
    assert again.value.status == status
    assert len(train(resume=stop.value.path).metrics) == 4


def test_the_command_that_goes_on_can_be_typed(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command works for any folder name and in the first epoch; several processes need their launcher."""
    with pytest.raises(Interrupted) as stop:
        train(tiny, out=tmp_path / "my runs", on_epoch=lambda record: send(signal.SIGINT), **ALONE)
    command = str(stop.value).partition("continue with: ")[2]
    assert shlex.split(command) == ["archbuilder", "train", "--resume", str(stop.value.path)]
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    said = str(Interrupted(Path("runs/a"), "interrupted", "0 of 2 epochs are kept", 130))
    assert said.endswith("continue with: torchrun --nproc-per-node 2 -m archbuilder train --resume runs/a")


def endless(
    tiny: str, folder: Path, change: tuple[str, str] = ("", ""), start: str | None = None
) -> tuple[Program, Path]:
    """A program that trains, and its run once it has a checkpoint."""
    (folder / "net.yaml").write_text(tiny.replace("epochs: 4", "epochs: 2000").replace(*change))
    process = program(folder, "train", "net.yaml", *OPTIONS, start=start)
    until(lambda: list(folder.glob("runs/tiny/*/last.pt")), [process])
    (run,) = folder.glob("runs/tiny/*")
    return process, run


@pytest.mark.parametrize("start", ["fork", pytest.param("forkserver", marks=pytest.mark.needs("time"))])
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
            send(signal.SIGTERM)
            worker.kill()
            worker.join()

    with pytest.raises(Interrupted, match="ended by SIGTERM: 2 of 4 epochs are kept") as stop:
        quick("data.engine=albumentations", "data.workers=1", on_epoch=end)
    assert stop.value.status == 143 and load(stop.value.path / "midway.pt")["epoch"] == 2
    assert len(train(resume=stop.value.path).metrics) == 4


@pytest.mark.raises_code("AB715")
def test_a_worker_that_is_killed_is_explained_and_the_run_goes_on_later(quick, tiny: str, tmp_path: Path):
    """A kill by the system, as when the memory is full."""
    mine = set(multiprocessing.active_children())

    def end(record: dict[str, Any]) -> None:
        (worker,) = set(multiprocessing.active_children()) - mine
        worker.kill()

    with pytest.raises(ArchbuilderError, match=r"AB715 a worker process was killed: .*DataLoader worker") as error:
        quick("data.engine=albumentations", "data.workers=1", on_epoch=end)
    (found,) = error.value.diagnostics
    assert "lower workers (1 now) or batch_size (256 now), or use engine: tensor" in found.hint
    (run,) = tmp_path.glob("runs/tiny/*")
    assert load(run / "last.pt")["epoch"] == 1 and len(train(resume=run).metrics) == 4


def children(parent: int) -> Iterator[int]:
    """The child processes of a process, from /proc."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended since
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(status.parent.name)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the server is found as Linux tells of it")
@pytest.mark.needs("time")
def test_a_killed_server_of_workers_is_explained(tiny: str, tmp_path: Path):
    """The workers, which are its children, end with the process."""
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
    epoch, batch = load(run / "last.pt")["epoch"], load(run / "midway.pt")["batch"]
    more = f" and {batch} batch{'es' * (batch > 1)} of the next one"
    assert f"interrupted: {epoch} of 2000 epochs{more} are kept in {run.relative_to(tmp_path)}" in err
    assert f"archbuilder train --resume {run.relative_to(tmp_path)}" in err
    assert "Traceback" not in out + err
    said = [line for line in out.splitlines() if line.startswith("epoch ")]
    assert len(said) == len(metrics(run)) == epoch
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
