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


SHOWN = [
    "check good.yaml warned.yaml missed.yaml -v",
    "check missed.yaml --suggest",
    "compare good.yaml warned.yaml",
    "rules",
    "rules era-s9",
    "rf good.yaml",
    "init -",
    "blocks",
    "blocks --markdown",  # which has a ± in it
    "explain AB503",
    "check nothing.yaml",
]


@pytest.mark.parametrize("words", SHOWN)
def test_a_terminal_without_utf_8_reads_ascii(words: str, files: Path, command: list[str], environment: dict[str, str]):
    """No \\u2026 for an ellipsis: what we print has a reading in ASCII."""
    shown = {}
    for encoding in ("ascii", "utf-8"):
        result = run([*command, *words.split()], {**environment, "PYTHONIOENCODING": encoding}, input=b"")
        shown[encoding] = result.stdout + result.stderr
    text = shown["ascii"].decode("ascii")
    assert "\\u" not in text and "\\x" not in text
    assert len(text.splitlines()) == len(shown["utf-8"].decode().splitlines()) > 1


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"LC_ALL": "C"}, "gr\\xf6\\xdfe ok"),
        ({"LC_ALL": "POSIX"}, "gr\\xf6\\xdfe ok"),
        ({"LC_ALL": "C.UTF-8"}, "größe ✓"),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, "größe ✓"),
    ],
)
def test_the_locale_of_a_terminal(
    variables: dict[str, str], shown: str, files: Path, command: list[str], environment: dict[str, str]
):
    """Python takes a terminal in the locale C for one that knows UTF-8; who says C there, means ASCII."""
    Path("net.yaml").write_text(HOSTILE, encoding="utf-8")
    screen = on_terminal([*command, "check", "net.yaml"], {**environment, **variables})
    assert f"there is no block {shown}" in screen
    line, carets = screen.splitlines()[2:4]
    assert carets.index("^") == line.index('"gr') + len("\x1b[1;31m")


def test_what_another_program_reads_is_utf_8_whatever_the_terminal(
    files: Path, command: list[str], environment: dict[str, str]
):
    text = Path("warned.yaml").read_text() + "# größe ×\n"
    plain = {**environment, "PYTHONIOENCODING": "ascii"}
    fixed = run([*command, "check", "--fix", "-"], plain, input=text.encode())
    assert fixed.returncode == 0 and fixed.stdout.decode().endswith("# größe ×\n")
    schema = run([*command, "schema"], plain)
    assert schema.returncode == 0 and "±" in schema.stdout.decode()


def test_forced_colours(files: Path, command: list[str], environment: dict[str, str]):
    forced = {**environment, "FORCE_COLOR": "1"}
    forced.pop("NO_COLOR", None)
    assert b"\x1b[1;31mAB101" in run([*command, "check", "bad.yaml"], forced).stdout
    assert b"\x1b" not in run([*command, "check", "bad.yaml"], {**forced, "NO_COLOR": "1"}).stdout


def test_an_error_that_is_not_of_standard_output_leaves_it_alone(
    files: Path, command: list[str], environment: dict[str, str]
):
    """A command that fails with an OSError of its own: what it printed is there, and so is what follows."""
    code = (
        "import sys, archbuilder.cli.blocks as blocks; from archbuilder.cli import main\n"
        "def run(args):\n"
        "    print('before')\n"
        "    raise {}\n"
        "blocks.run = run\n"
        "status = main(['blocks'])\n"
        "print('after', status)\n"
    )
    for error in ("OSError(28, 'No space left on device')", "BrokenPipeError(32, 'Broken pipe')", "open('no/file')"):
        result = run([sys.executable, "-c", code.format(error).replace("raise open", "open")], environment)
        assert result.stdout.decode().splitlines() == ["before", "after 2"]
        (line,) = result.stderr.decode().splitlines()
        assert line.startswith("archbuilder: [Errno ")


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
