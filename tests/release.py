"""What users install: sdist and wheel, built as for a release, and each used in environments of its own.

    python -m tests.release [--extras train onnx ...]

Builds both, then makes an environment for the wheel, one for the sdist, and one for the wheel with each extra, by `uv`
with the versions of constraints.txt.  Without an extra every command runs with every option and none may end in a
traceback.  With one what it asks for is imported, and the command of USED is run, which for live, lsp and mcp is no
more than their help; of notebook and docs only the imports are tried.  Needs the package indexes.
"""

from __future__ import annotations

import argparse
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cli import every

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2]))"
MADE_HERE = (
    ".*cache .git .hypothesis .venv* venv *.egg-info *.py[co] __pycache__ build dist node_modules runs searches".split()
)
IMPORTED = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "import-linter": "importlinter",
    "pytest-xdist": "xdist",
    "types-PyYAML": "yaml",
}
# a command that needs the extra; {net} is a network, {run} a folder with its run, {out} one for files
USED = {
    "train": "train {net} --set train.epochs=1 --out {run}",
    "onnx": "export {net} --to onnx --out {out}/net.onnx",
    "lsp": "lsp --help",
    "live": "live --help",
    "mcp": "mcp --help",
    "search": "search {space} --trials 1 --at 1 --epochs 1 --out {out}/searches",
    "ray": "search {space} --trials 1 --at 1 --epochs 1 --executor ray --workers 1 --out {out}/searches",
    "mcu": "export {net} --to tflite --dtype float32 --out {out}/net.tflite",
}
PROGRAM = """\
import io, json, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from archbuilder.cli import main

found = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(words)
        except SystemExit as stop:
            status = stop.code
        except BaseException:
            status = traceback.format_exc()
    found.append((words, status, out.getvalue(), err.getvalue()))
json.dump(found, sys.stdout)
"""  # archbuilder with several lines, one after the other


def copied(folder: Path) -> Path:
    """The checkout without what is made in it; the build leaves its own files there."""
    return shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(*MADE_HERE))


def built(kind: str, source: Path, out: Path) -> Path:
    """`sdist` or `wheel` of a folder, by the setuptools that is here."""
    command = [sys.executable, "-c", BUILD, kind, str(out)]
    made = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    return out / made.stdout.splitlines()[-1]


def both(folder: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it, as an index has them."""
    sdist = built("sdist", copied(folder / "checkout"), folder)
    shutil.unpack_archive(sdist, folder, filter="data")
    return sdist, built("wheel", folder / sdist.name.removesuffix(".tar.gz"), folder)


def requirements(extra: str) -> set[str]:
    """The distributions that setup.cfg asks for by an extra, without those of other extras."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.extras_require"][extra].split("\n")
    return {re.match(r"[\w.-]+", line)[0] for line in lines if line and "[" not in line}  # type: ignore[index]


class Environment:
    """A virtual environment with what is installed into it."""

    def __init__(self, folder: Path, what: str) -> None:
        self.python = folder / "bin" / "python"
        run(["uv", "venv", "-q", "--python", sys.executable, str(folder)])
        constraints = str(ROOT / "constraints.txt")
        run(["uv", "pip", "install", "-q", "--python", str(self.python), "-c", constraints, what])

    def archbuilder(self, *words: str) -> str:
        return run([str(self.python), "-m", "archbuilder", *words])


def run(command: Sequence[str], given: str | None = None) -> str:
    """The output of a command, run outside of the checkout; an error ends the program."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=tempfile.gettempdir(), env=kept)
    if done.returncode:
        raise SystemExit(f"$ {shlex.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def base(there: Environment, folder: Path) -> None:
    """Every command with every option, without torch."""
    every.files(folder)
    lines = [line for command in every.commands() for line in every.every(command)]
    program = [
        "import os, sys",
        f"os.chdir({str(folder)!r})",
        "assert not {'torch', 'numpy'} & set(sys.modules)",
        PROGRAM,
    ]
    found = json.loads(run([str(there.python), "-c", "\n".join(program)], json.dumps(lines)))
    broken = [(words, status) for words, status, _, _ in found if status not in (0, 1, 2)]
    if broken:
        raise SystemExit(f"{broken[0][0]}: {broken[0][1]}")
    worked = sorted({words[0] for words, status, _, _ in found if status == 0})
    print(f"base: {len(lines)} command lines, no traceback; of these work: {', '.join(worked)}", flush=True)


def with_extra(there: Environment, extra: str, folder: Path) -> None:
    marked = requirements(extra)
    modules = sorted(IMPORTED.get(name, name.replace("-", "_")) for name in marked)
    run([str(there.python), "-c", f"import {', '.join(modules)}" if modules else ""])
    said = f"{extra}: imported {', '.join(modules)}"
    if extra in USED:
        named = {"net": every.NET, "space": every.NET + "space: {network.0.out: [4, 6]}\n"}
        for name, text in named.items():
            (folder / f"{name}.yaml").write_text(text)
        places = {name: folder / f"{name}.yaml" for name in named} | {"run": folder / "runs", "out": folder}
        there.archbuilder(*USED[extra].format(**places).split())
        said += f"; ran: archbuilder {USED[extra]}"
    print(said, flush=True)


def main() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    known = list(config["options.extras_require"])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", nargs="*", choices=known, default=[name for name in known if name != "dev"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sdist, wheel = both(folder)
        for file in (sdist, wheel):
            there = Environment(folder / f"env-{file.suffix}", str(file))
            print(f"{file.name}: {there.archbuilder('--version').strip()}", flush=True)
        base(there, Path(tempfile.mkdtemp(dir=folder)))
        for extra in args.extras:
            there = Environment(folder / f"env-{extra}", f"{wheel}[{extra}]")
            with_extra(there, extra, Path(tempfile.mkdtemp(dir=folder)))
            shutil.rmtree(there.python.parents[1])


if __name__ == "__main__":
    main()
