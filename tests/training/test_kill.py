"""Real signals to real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.training import Interrupted, RunResult, train, trainer
from tests.training.same import load

SameEnd = Callable[[Path, Path], None]

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
@pytest.mark.parametrize(("times", "processes"), [(3, 1), (2, 2)])
def test_killed_runs_resume_to_the_same_end(times: int, processes: int):
    """Some random moments; `python -m tests.training.kill --times N` tries more."""
    program = [sys.executable, "-m", "tests.training.kill", "--times", str(times), "--processes", str(processes)]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{times} of {times} killed runs ended like the uninterrupted one" in done.stdout


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
    said = f"ended by SIGTERM: 2 of 4 epochs and 1 batches of the next one are kept in {run}\ncontinue with: "
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


def test_a_program_that_is_terminated_returns_143(tiny: str, tmp_path: Path):
    (tmp_path / "net.yaml").write_text(
        tiny.replace("epochs: 4", "epochs: 2000").replace("size: 256", "size: 256\n  workers: 1")
    )
    process = started(tmp_path, "train", "net.yaml", "--threads", "1", "--device", "cpu", start_new_session=True)
    wait_for(process, tmp_path, "runs/tiny/*/last.pt")
    os.killpg(process.pid, signal.SIGTERM)  # to its workers too
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, out + err
    (run,) = tmp_path.glob("runs/tiny/*")
    assert f"of 2000 epochs and {load(run / 'midway.pt')['batch']} batches of the next one are kept in" in err
    assert "Traceback" not in out + err


def hear_ctrl_c() -> None:
    """A program that a shell starts in the background ignores SIGINT, and so do its children: this one does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """`archbuilder` with these arguments, in a folder."""
    command = [sys.executable, "-m", "archbuilder", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment(), text=True, **pipes, **options)


def wait_for(process: subprocess.Popen[str], folder: Path, pattern: str) -> None:
    """Until there is such a file."""
    deadline = time.monotonic() + 100
    while not list(folder.glob(pattern)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def test_ctrl_c_ends_cleanly_and_keeps_the_run(tiny: str, tmp_path: Path):
    (tmp_path / "net.yaml").write_text(tiny.replace("epochs: 4", "epochs: 2000"))
    process = started(tmp_path, "train", "net.yaml", "--threads", "1", "--device", "cpu", preexec_fn=hear_ctrl_c)
    wait_for(process, tmp_path, "runs/tiny/*/last.pt")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    (run,) = tmp_path.glob("runs/tiny/*")
    epoch = torch.load(run / "last.pt", weights_only=True)["epoch"]
    assert f"interrupted: {epoch} of 2000 epochs are kept in {run.relative_to(tmp_path)}" in err
    assert f"archbuilder train --resume {run.relative_to(tmp_path)}" in err
    assert "Traceback" not in out + err
    said = [line for line in out.splitlines() if line.startswith("epoch ")]
    assert len(said) in (epoch - 1, epoch)  # Ctrl-C may come between an epoch's checkpoint and its line
    assert len((run / "metrics.jsonl").read_text().splitlines()) == epoch
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


def environment() -> dict[str, str]:
    """The package is found wherever the tests are started from."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
