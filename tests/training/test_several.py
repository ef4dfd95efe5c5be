"""One run of two processes: what it ends in, what it says, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.run.processes import Processes
from archbuilder.spec.data import Data
from archbuilder.training import Interrupted, train
from archbuilder.training.parallel import check_batch, join
from tests.programs import Program, crew, free_port, until
from tests.training.same import load, metrics

ROOT = Path(__file__).parents[2]

# BatchNorm's statistics are those of each process's own images: group norm has none
GROUP = """\
archbuilder: 1
name: group
input: [1, 8, 8]
classes: 10
defaults: {norm: {kind: group, groups: 2}}
network: [conv: {out: 6}, depthwise_separable: {out: 12}, strided: {out: 12}, gap, classifier]
data: {dataset: digits, batch_size: 129, engine: tensor, augment: [{random_crop: {padding: 1}}]}
train: {epochs: 3, optimizer: {sgd: {lr: 0.2, nesterov: true}}}
"""
TOLERANCE = 1e-5  # of weights, after 33 steps: sums of two halves round otherwise than one sum


ALONE = ("--device", "cpu", "--no-report")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(GROUP)
    return path


def test_two_processes_end_where_one_does(net: Path, tmp_path: Path):
    """Batches of odd size: their two parts are not equally large, and count as much as they have images."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # wherever the tests are started from
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", f"--master-port={free_port()}"]
    done = subprocess.run(
        [*launcher, "-m", "archbuilder", "train", "net.yaml", *ALONE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        timeout=120,
    )
    out = done.stdout
    assert done.returncode == 0, out + done.stderr
    assert out.count("epoch 3/3") == 1 and "2 processes" in out  # one of them speaks
    (two,) = tmp_path.glob("runs/group/*")
    one = train(net, out=tmp_path / "one", device="cpu", threads=1, report=False).path
    first, second = load_file(two / "weights.safetensors"), load_file(one / "weights.safetensors")
    assert max(float((first[name] - second[name]).abs().max()) for name in second) < TOLERANCE
    for here, there in zip(metrics(two), metrics(one), strict=True):
        assert here["test_accuracy"] == there["test_accuracy"]
        assert here["train_loss"] == pytest.approx(there["train_loss"], rel=TOLERANCE)
    assert len(load(two / "last.pt")["processes"]) == 2


def test_sigterm_ends_both_and_one_alone_goes_on(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    both, run = endless(net, tmp_path)
    for process in both:
        os.kill(process.pid, signal.SIGTERM)
    (status, out, err), second = (process.wait() for process in both)
    assert (status, *second) == (143, 143, "", ""), out + err
    state = load(run / "midway.pt")
    assert (
        f"ended by SIGTERM: {state['epoch']} of 2000 epochs and {state['batch']} batches of the next one are kept"
        in err
    )

    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=f"{state['epoch'] + 1} of 2000"):
        train(resume=run, on_epoch=stop)
    assert "note: processes was 2 when the run started, and is 1 now" in capsys.readouterr().out
    assert len(metrics(run)) == state["epoch"] + 1


def test_a_process_that_loses_the_other_says_so(net: Path, tmp_path: Path):
    (first, second), _ = endless(net, tmp_path)
    os.kill(second.pid, signal.SIGKILL)
    status, out, err = first.wait()
    assert status == 1, out + err
    assert "AB734 another process of this run has ended" in err and "Traceback" not in err


def test_what_diverges_is_said_once_and_the_next_seed_is_trained(net: Path, tmp_path: Path):
    """Epochs long enough that each process looks at its own loss in the middle of them."""
    net.write_text(GROUP.replace("lr: 0.2", "lr: 1.0e+30").replace("129", "2").replace("epochs: 3", "epochs: 1"))
    both = crew(2, tmp_path, "train", "net.yaml", "--repeat", "2", *ALONE)
    (first, _, said_first), (second, _, said_second) = (process.wait() for process in both)
    assert (first, second) == (1, 1), said_first + said_second
    words = " ".join(said_first.split())  # where a line breaks depends on the length of the folder's name
    assert words.count("AB712 the training loss of epoch 1 is nan") == 2 and words.count("AB7") == 2
    assert said_second == ""


def endless(net: Path, folder: Path) -> tuple[list[Program], Path]:
    """Two processes that train, and their run once it has a checkpoint."""
    net.write_text(GROUP.replace("epochs: 3", "epochs: 2000"))
    both = crew(2, folder, "train", "net.yaml", *ALONE)
    until(lambda: list(folder.glob("runs/group/*/last.pt")), both)
    (run,) = folder.glob("runs/group/*")
    return both, run


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (("epochs: 3", "epochs: 0"), 1, "AB103"),  # found by each for itself
        (("digits", "none.npz"), 2, "AB603"),  # found by both together
    ],
)
def test_what_is_wrong_is_said_once(net: Path, tmp_path: Path, change: tuple[str, str], status: int, said: str):
    net.write_text(GROUP.replace(*change))
    both = crew(2, tmp_path, "train", "net.yaml", *ALONE)
    (first, _, said_first), (second, _, said_second) = (process.wait() for process in both)
    assert (first, second) == (status, status), said_first + said_second
    assert said in said_first and said_second == "" and "Traceback" not in said_first
    assert not list(tmp_path.glob("runs/*/*"))


@pytest.mark.raises_code("AB735")
def test_a_batch_has_an_image_for_every_process():
    processes = Processes()
    processes.count = 4
    check_batch(Data(dataset="digits", batch_size=4), processes)
    with pytest.raises(ArchbuilderError, match="AB735 batch_size: 3 counts over all 4 processes"):
        check_batch(Data(dataset="digits", batch_size=3), processes)


@pytest.mark.raises_code("AB732", "AB733")
def test_devices_are_counted_before_anybody_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(torch.cuda.device_count() + 1))
    with pytest.raises(ArchbuilderError, match=r"AB732 \d+ processes on this machine, and \d+ GPU") as error:
        join(torch.device("cuda"), sync_batch_norm=False)
    assert error.value.exit_status == 2
    with pytest.raises(ArchbuilderError, match="AB733 torch's SyncBatchNorm needs GPUs, and this runs on cpu"):
        join(torch.device("cpu"), sync_batch_norm=True)


def test_rounding_and_synchronised_norms_do_not_go_together(net: Path, monkeypatch: pytest.MonkeyPatch):
    net.write_text(GROUP.replace("{kind: group, groups: 2}", "batch"))
    monkeypatch.setenv("WORLD_SIZE", "2")  # nobody is waited for before this is told
    with pytest.raises(ArchbuilderError, match=r"AB733 .* the ranges of int8 are calibrated on the CPU"):
        train(net, overrides=["train.quantize=int8"], device="cpu", report=False, sync_batch_norm=True)


def test_the_sums_of_processes_are_those_of_all_images():
    """Another number of processes takes the sums over."""
    from archbuilder.training.learning.loop import Meter

    parts = []
    for images in (3, 5):
        meter = Meter(torch.device("cpu"))
        meter.add(torch.tensor(1.0 * images), torch.eye(10)[:images], torch.arange(images))
        parts.append(meter.state())
    whole = Meter(torch.device("cpu"))
    for part in parts:
        whole.merge(part)
    score = whole.score()
    assert (score.images, score.accuracy, score.loss) == (8, 100.0, (9 + 25) / 8)
