"""Real signals to real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.training import Interrupted, train

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
def test_killed_runs_resume_to_the_same_end():
    """Three random moments; `python tests/training/kill.py --times N` tries more."""
    program = [sys.executable, str(Path(__file__).with_name("kill.py")), "--times", "3"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 killed runs ended like the uninterrupted one" in done.stdout


def hear_ctrl_c() -> None:
    """A program that a shell starts in the background ignores SIGINT, and so do its children: this one does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_cleanly_and_keeps_the_run(tiny: str, tmp_path: Path):
    (tmp_path / "net.yaml").write_text(tiny.replace("epochs: 4", "epochs: 2000"))
    command = [
        sys.executable,
        "-m",
        "archbuilder",
        "train",
        "net.yaml",
        "--threads",
        "1",
        "--device",
        "cpu",
        "--no-report",
    ]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_ctrl_c,
    )
    deadline = time.monotonic() + 100
    while not list(tmp_path.glob("runs/tiny/*/last.pt")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
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
