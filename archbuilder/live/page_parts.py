"""The parts of a page besides archbuilder itself: Python for the browser, and the packages that the analyser needs.

They are listed in one table; `fetched` downloads them once into the cache with the ordinary clients of their
registries, and the SHA-256 of every file is verified before it is used.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.files import cache_folder, read_regular, write_whole

LACKING = declare(
    "AB960",
    "parts of a page that are missing",
    exit_status=2,
    why=(
        "A page contains Python itself and the packages of the analyser. These are files of other projects that do not "
        "come with archbuilder. They are downloaded once, or taken from a folder, and each must have the checksum in "
        "the table of parts."
    ),
    bad="$ mkdir empty && archbuilder page net.yaml --out net.html --parts empty",
    good="$ archbuilder check net.yaml",
)

MAX_PART = 64 * 2**20  # bytes
PATIENCE = 300  # seconds that one download may take

_PYTHON = ("--python-version", "314", "--implementation", "cp", "--abi", "cp314")
_BROWSER = ("--platform", "pyemscripten_2026_0_wasm32", *_PYTHON)
# only its Python files are used, which are the same in the wheels of all platforms
_ANY = ("--platform", "manylinux2014_x86_64", *_PYTHON)


@dataclass(frozen=True)
class Part:
    """A file of another project; `options` are those of pip for a wheel that is not for this machine."""

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    client: Literal["npm", "pip"] = "pip"
    options: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """The command that downloads it into the current folder."""
        if self.client == "npm":
            return ("npm", "pack", f"{self.package}@{self.version}")
        wanted = f"{self.package}=={self.version}"
        return ("pip", "download", "--no-deps", "--only-binary=:all:", *self.options, wanted)


# The versions of the packages are those of constraints.txt, which the tests run with.
PYODIDE = Part(
    "pyodide", "314.0.7", "pyodide-314.0.7.tgz",
    "66b7949e5a0cba2250b586d7e368bf12fb482800748d182c4618254b685ffaa0",
    "MPL-2.0; the source is at github.com/pyodide/pyodide. It has CPython 3.14 inside (PSF-2.0)", "npm",
)  # fmt: skip
PACKAGES = (
    Part(
        "pydantic-core", "2.50.4", "pydantic_core-2.50.4-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        "e6da138a1ecc1341c8b788a5ee822670b03788e1f5decf7af9d461de6e508b8e", "MIT", options=_BROWSER,
    ),
    Part(
        "pydantic", "2.14.3", "pydantic-2.14.3-py3-none-any.whl",
        "3f7b347782ab7e4cf4c798496ae3a82787d9f21ec12676a9c564355eeef8daa8", "MIT",
    ),
    Part(
        "annotated-types", "0.8.0", "annotated_types-0.8.0-py3-none-any.whl",
        "f072f4d804ea359e4eaf198b1af7a8b0943881a87f31bb764f8bf219bb9419e0", "MIT",
    ),
    Part(
        "typing-extensions", "4.16.0", "typing_extensions-4.16.0-py3-none-any.whl",
        "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8", "PSF-2.0",
    ),
    Part(
        "typing-inspection", "0.4.5", "typing_inspection-0.4.5-py3-none-any.whl",
        "bc210535442b39e1bf2805e0c7a17dfd6a4ace760c84c7f7d16245d23a6b1c39", "MIT",
    ),
    Part(
        "pyyaml", "6.0.3",
        "pyyaml-6.0.3-cp314-cp314-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "c458b6d084f9b935061bc36216e8a69a7e293a2f1e68bf956dcd9e6cbcd143f5", "MIT", options=_ANY,
    ),
)  # fmt: skip
PARTS = (PYODIDE, *PACKAGES)


def parts_folder() -> Path:
    """Where fetched parts are kept."""
    return cache_folder() / "page"


def fetched(given: Path | None = None) -> dict[Part, bytes]:
    """The file of every part: from a folder, or from the cache, into which missing parts are downloaded.

    Raises ArchbuilderError AB960 with one finding per missing part."""
    found: dict[Part, bytes] = {}
    problems: list[Diagnostic] = []
    for part in PARTS:
        try:
            found[part] = _read(part, given) if given else _cached(part)
        except _Lacking as error:
            problems.append(LACKING.at(Span(f"{given or parts_folder()}"), f"{part.file}: {error}", _hint(part, given)))
    if problems:
        raise ArchbuilderError(*problems)
    return found


class _Lacking(Exception):
    """Raised if a part cannot be obtained."""


def _read(part: Part, folder: Path) -> bytes:
    try:
        data = read_regular(folder / part.file, MAX_PART)
    except OSError as error:
        raise _Lacking(error.strerror or str(error)) from None
    found = hashlib.sha256(data).hexdigest()
    if found != part.sha256:
        raise _Lacking(f"it is a different file: its SHA-256 is {found}, not {part.sha256}")
    return data


def _cached(part: Part) -> bytes:
    folder = parts_folder()
    try:
        return _read(part, folder)
    except _Lacking:
        data = _fetch(part)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / part.file, data)
    except OSError:
        pass  # the cache cannot be written: download again next time
    return data


def _fetch(part: Part) -> bytes:
    client = _client(part.client)
    if client is None:
        raise _Lacking(f"{part.client} is not installed, so it cannot be downloaded")
    with tempfile.TemporaryDirectory() as name:
        command = [*client, *part.command[1:]]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=name, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _Lacking(f"{part.client} could not fetch it: {error}") from None
        if done.returncode:
            last = next(_words(done.stderr), f"exit status {done.returncode}")
            raise _Lacking(f"{part.client} could not fetch it: {last}")
        return _read(part, Path(name))  # pip may download a different file than the expected one


def _words(text: str) -> Iterator[str]:
    """The error message of a client: its last lines that are not notices."""
    lines = (line.strip() for line in reversed(text.splitlines()))
    return (line for line in lines if line and "notice" not in line)


def _hint(part: Part, given: Path | None) -> str:
    if given:
        return "remove --parts to download it"
    return f"on a machine with a network: {' '.join(part.command)}; then archbuilder page ... --parts DIR"


def _client(name: str) -> list[str] | None:
    """The command of a client, None if there is none; an environment may have no pip of its own."""
    from importlib.util import find_spec

    if name == "pip" and find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which(name) or shutil.which(f"{name}3")
    return [found] if found else None
