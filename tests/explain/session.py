"""Runs the sessions of the manual: commands as they would be typed, in a folder with a small network."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from archbuilder.cli import main
from archbuilder.manual.examples import FILES
from tests import programs

CODE = re.compile(r": (AB[0-9]{3}) ")  # as a diagnostic shows it behind its place


class Outcome(NamedTuple):
    """The result of a session: the exit status of its last command and the output of all commands."""

    status: int
    output: str

    @property
    def codes(self) -> set[str]:
        return set(CODE.findall(self.output))


def commands(session: str) -> list[str]:
    """The commands of a session, each with the lines of its here-document."""
    found: list[str] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        else:
            found[-1] += f"\n{line}"
    return found


def play(session: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> Outcome:
    """Run a session in a folder; only its last command may fail."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    status, output = 0, ""
    for command in commands(session):
        assert status == 0, output
        status = _run(command)
        output += "".join(capfd.readouterr())
    return Outcome(status, output)


def _run(command: str) -> int:
    """archbuilder in this process, python in a forked one: torch is imported already; anything else in a shell."""
    program, _, arguments = command.partition(" ")
    if program in ("archbuilder", "python") and not _has_operators(arguments):
        words = _words(arguments)
        return main(words) if program == "archbuilder" else programs.run([sys.executable, *words]).returncode
    python = shlex.quote(sys.executable)
    script = f'archbuilder() {{ {python} -m archbuilder "$@"; }}\npython() {{ {python} "$@"; }}\n{command}\n'
    return subprocess.run(["sh", "-c", script], check=False).returncode


def _has_operators(arguments: str) -> bool:
    """Pipes, lists of commands, redirections."""
    return any(not set(token) - set("|&;<>") for token in shlex.shlex(arguments, posix=True, punctuation_chars="|&;<>"))


def _words(arguments: str) -> list[str]:
    """What a shell makes of arguments: quotes, patterns of files, $(...) and comments are its own to know."""
    found = subprocess.run(["sh", "-c", f"printf '%s\\0' {arguments}\n"], capture_output=True, text=True, check=True)
    return found.stdout.split("\0")[:-1]
