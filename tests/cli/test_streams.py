"""Every command with standard streams that lead nowhere: its exit status and its files are what they are elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archbuilder.training import train
from tests.cli import every
from tests.programs import program
from tests.training.same import metrics

# `data download` asks the network, `live` serves until it is interrupted
LINES = [line for word in every.commands() for line in every.plain(word) if not {"download", "live"} & set(line)]
linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    every.files(folder)
    made = train(every.NET, out=folder / "runs", device="cpu", threads=1, report=False).path
    made.rename(made.with_name("first"))
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "here"))


def written(folder: Path) -> list[str]:
    """The names of all files; a new run is called by its time."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@linux
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_status_and_files_stay_right(line: list[str], prepared: Path, tmp_path: Path):
    found = {}
    for streams in ("files", "closed", "unread"):
        here = Path(shutil.copytree(prepared, tmp_path / streams))
        status, _, err = program(here, *line, streams=streams).wait()
        found[streams] = status, written(here)
        assert "Traceback" not in err, err
    assert found["closed"] == found["files"] and found["unread"] == found["files"]
    assert found["files"][0] in (0, 1, 2)


@linux
def test_a_full_disk_under_standard_output_ends_no_training(folder: Path):
    words = ["train", "net.yaml", "--device", "cpu", "--threads", "1", "--set", "train.epochs=3"]
    status, _, err = program(folder, *words, streams="full").wait()
    (run,) = set(folder.glob("runs/net/*")) - {folder / "runs/net/first"}
    assert status == 0 and err == "archbuilder: [Errno 28] No space left on device\n"
    assert len(metrics(run)) == 3 and (run / "report.html").exists()


@linux
def test_what_is_printed_for_its_own_sake_must_be_written(folder: Path):
    status, _, err = program(folder, "rf", "net.yaml", streams="full").wait()
    assert status == 2 and err == "archbuilder: [Errno 28] No space left on device\n"


def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path: Path):
    """What a library prints would go into it."""
    code = (
        "import os\nfrom archbuilder.cli import _streams\n_streams.prepare()\n"
        "with open('file', 'w') as file:\n    os.system('echo of a library')\n    os.write(1, b'x')\n"
        "    os._exit(0 if file.fileno() > 2 else 1)\n"
    )
    (tmp_path / "code.py").write_text(code)
    words = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "code.py"]
    assert subprocess.run(words, cwd=tmp_path, timeout=60).returncode == 0
    assert (tmp_path / "file").read_bytes() == b""


SAME = ["--help", "check --help", "blocks", "blocks conv", "schema", "explain AB301", "check net.yaml"]


@pytest.mark.parametrize("words", SAME)
def test_nothing_is_lost_without_docstrings(words: str, folder: Path):
    """PYTHONOPTIMIZE=2 drops them, and they are the manuals."""
    shown = []
    for level in ("", "2"):
        environment = {**os.environ, "PYTHONOPTIMIZE": level, "PYTHONDONTWRITEBYTECODE": "1"}
        result = subprocess.run(
            [sys.executable, "-m", "archbuilder", *words.split()], cwd=folder, env=environment, capture_output=True
        )
        assert result.returncode == 0, result.stderr.decode()
        shown.append(result.stdout)
    assert shown[0] == shown[1] != b""


def imported(words: list[str]) -> Iterator[str]:
    """The modules that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "archbuilder", *words]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    yield from (line.rpartition("|")[2].strip() for line in result.stderr.splitlines())


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_no_command_is_imported_to_be_named(word: str):
    found = set(imported([word]))
    assert not found & {"pydantic", "yaml", "torch", "numpy", *every.commands().values()}
