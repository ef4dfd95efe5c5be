"""archbuilder as a process: what is imported, colours, pipes, encodings, full disks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


def run(words: list[str], environment: dict[str, str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, env=environment, capture_output=True, timeout=60, **options)


def test_check_imports_neither_torch_nor_numpy_nor_rich(files: Path, environment: dict[str, str]):
    code = (
        "import sys; from archbuilder.cli import main\n"
        "status = main(['check', 'good.yaml', 'bad.yaml', 'warned.yaml', '--set', 'name=x'])\n"
        "main(['check', 'good.yaml', '--format', 'json'])\n"
        "heavy = {'torch', 'numpy', 'rich', 'torchvision', 'albumentations', 'matplotlib', 'cv2', 'PIL', 'scipy'}\n"
        "print(status, sorted(heavy & sys.modules.keys()))\n"
    )
    result = run([sys.executable, "-c", code], environment)
    assert result.stdout.decode().splitlines()[-1] == "1 []", result.stderr.decode()


def test_check_runs_where_torch_is_not_installed(files: Path, environment: dict[str, str]):
    code = (
        "import sys\n"
        "for name in ('torch', 'numpy', 'rich', 'torchvision', 'albumentations'): sys.modules[name] = None\n"
        "from archbuilder.cli import main\n"
        "raise SystemExit(main(['check', 'good.yaml']))\n"
    )
    result = run([sys.executable, "-c", code], environment)
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.parametrize(("name", "status"), [("good.yaml", 0), ("bad.yaml", 1), ("missing.yaml", 2), ("--what", 2)])
def test_exit_status(name: str, status: int, command: list[str], environment: dict[str, str], files: Path):
    result = run([*command, "check", name], environment)
    assert result.returncode == status and b"Traceback" not in result.stderr
    assert result.stdout or status == 2


def on_terminal(words: list[str], environment: dict[str, str]) -> str:
    """What a program prints to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, env=environment, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    process.wait(timeout=60)
    return b"".join(parts).decode()


def test_colours_on_a_terminal_and_nowhere_else(files: Path, command: list[str], environment: dict[str, str]):
    environment.pop("NO_COLOR", None)
    words = [*command, "check", "bad.yaml"]
    assert "\x1b[1;31mAB101\x1b[0m" in on_terminal(words, environment)
    assert "\x1b" not in on_terminal(words, {**environment, "NO_COLOR": "1"})
    assert b"\x1b" not in run(words, environment).stdout


def test_a_reader_that_goes_is_no_error(files: Path, command: list[str], environment: dict[str, str]):
    big = "archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{repeat: {times: 3000, blocks: [{conv: 8}]}}]\n"
    Path("big.yaml").write_text(big)
    process = subprocess.Popen(
        [*command, "check", "big.yaml"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    assert process.stdout.readline().startswith(b"big.yaml")
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(timeout=60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_said_in_one_line(files: Path, command: list[str], environment: dict[str, str]):
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*command, "check", "good.yaml"], env=environment, stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert result.returncode == 2
    assert result.stderr.decode().splitlines() == ["archbuilder: [Errno 28] No space left on device"]


HOSTILE = 'archbuilder: 1\ninput: [3, 8, 8]\nnetwork: ["größe ✓ \\u202e \\x1b[2J 😀"]\n'


@pytest.mark.parametrize(
    ("encoding", "format"), [("ascii", "text"), ("ascii", "json"), ("cp1252", "text"), ("utf-8", "text")]
)
def test_every_output_encoding(
    encoding: str, format: str, files: Path, command: list[str], environment: dict[str, str]
):
    Path("größe ✓.yaml").write_text(HOSTILE, encoding="utf-8")
    words = [*command, "check", "größe ✓.yaml", "--format", format]
    result = run(words, {**environment, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"})
    assert result.returncode == 1 and result.stderr == b""
    shown = result.stdout.decode(encoding)
    assert "AB101" in shown and "\x1b" not in shown and "\u202e" not in shown


def test_a_name_that_is_not_utf_8(files: Path, command: list[str], environment: dict[str, str]):
    name = b"\xff\xfe.yaml"
    Path(os.fsdecode(name)).write_text("archbuilder: 2\n")
    for arguments in ([name], [name, b"--format", b"json"], [b"good.yaml", b"--set", b"name=\xff"], [b"."]):
        result = run([*map(os.fsencode, command), b"check", *arguments], environment)  # type: ignore[list-item]
        assert result.returncode in (1, 2) and b"Traceback" not in result.stderr and result.stdout


def test_closed_standard_input(files: Path, command: list[str], environment: dict[str, str]):
    words = ["sh", "-c", '"$@" <&-', "sh", *command, "check", "-"]
    result = run(words, environment)
    assert result.returncode == 2 and b"standard input is closed" in result.stdout


def test_standard_input_without_end(files: Path, command: list[str], environment: dict[str, str]):
    start = time.monotonic()
    with open("/dev/zero", "rb") as endless:
        result = run([*command, "check", "-"], environment, stdin=endless)
    assert result.returncode == 1 and b"AB007" in result.stdout
    assert time.monotonic() - start < 20


def test_a_folder_as_a_module_runs_the_program(files: Path, command: list[str], environment: dict[str, str]):
    result = run([*command, "check", "-q", "."], environment)
    assert result.returncode == 1 and b"5 files checked" in result.stdout
