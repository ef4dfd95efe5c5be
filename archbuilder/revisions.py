"""Files of a git repository, at a revision and in the work tree.

Only git's objects (`rev-parse`, `ls-tree`, `cat-file`) and the names in its index (`ls-files`) are read: nothing is
checked out or written, and no filter, hook, pager or transport from the configuration of a repository is run. A file
may name other files by path; files outside of the repository are never read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from archbuilder.diagnostics import ArchbuilderError, Span, declare, shorten
from archbuilder.document.text import MAX_BYTES, MISSING, decode, read_text, too_large
from archbuilder.files import lies_within
from archbuilder.sources import ARCHITECTURE, ENVIRONMENT, METRICS, Opened, is_run

NO_REPOSITORY = declare(
    "AB950",
    "a comparison with a revision outside a git repository",
    exit_status=2,
    why=(
        "The other side of `compare --against` is read from git, so git must be installed, and the current folder must "
        "be in the work tree of a repository."
    ),
    bad="$ archbuilder compare --against HEAD net.yaml",
    good="""\
$ git init -q . && git add net.yaml
$ git -c user.name=me -c user.email=me@localhost commit -q -m net
$ archbuilder compare --against HEAD net.yaml""",
)
NO_REVISION = declare(
    "AB951",
    "a revision that git does not know",
    exit_status=2,
    why=(
        "A revision is a branch, a tag or a commit, as `git log` takes it. A clone in a CI job is usually shallow: it "
        "has only the newest commit, and no other branch."
    ),
    bad="""\
$ git init -q .
$ archbuilder compare --against main net.yaml""",
    good="""\
$ git init -q -b main . && git add net.yaml
$ git -c user.name=me -c user.email=me@localhost commit -q -m net
$ archbuilder compare --against main net.yaml""",
)

SUFFIXES = (".yaml", ".yml")

_OPTIONS = ("--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false")
_QUIET = {  # no programs from a configuration, no downloads, no lock files
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Repository:
    """The repository of the current folder; paths are relative to that folder.

    top: the root of the work tree.
    options: paths from the command line: these files are read from the disk, not from a revision.
    """

    top: Path
    options: frozenset[str]

    def below(self, folder: str) -> list[str]:
        """The YAML files in a folder of the work tree and its subfolders, without runs and files that git ignores."""
        listed = _names("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder)
        names = set(map(os.path.normpath, listed))
        found = [name for name in names if name.endswith(SUFFIXES) and os.path.isfile(name)]
        return sorted(name for name in found if not any(map(is_run, Path(name).parents)))

    def place(self, path: str) -> str:
        """A path relative to the root, from one relative to the current folder; empty for the root itself.

        Raises ArchbuilderError AB001 for a path outside of the repository."""
        place = os.path.relpath(os.path.normpath(os.path.join(os.path.realpath("."), path)), self.top)
        if place.split(os.sep)[0] == os.pardir:
            raise _outside(path)
        return "" if place == "." else Path(place).as_posix()

    def open(self, path: str) -> Opened:
        """A file of the work tree; it may read other files only in the work tree. Raises ArchbuilderError."""
        return Opened(*self._read(Path(path)), text_of=self._read)

    def _read(self, path: Path) -> tuple[str, str]:
        if str(path) not in self.options and not lies_within(path, self.top):
            raise _outside(str(path))
        return read_text(path)


@dataclass(frozen=True)
class Revision:
    """The files of a commit; their paths are `REF:./PATH`, as in git."""

    name: str
    commit: str
    repository: Repository
    objects: Objects

    @cached_property
    def files(self) -> dict[str, str]:
        """Every file: path relative to the current folder -> path relative to the root."""
        top, here = self.repository.top, os.path.realpath(".")
        listed = _names("ls-tree", "-r", "-z", "--full-tree", "--name-only", self.commit)
        return {os.path.relpath(top / name, here): name for name in listed}

    def below(self, folder: str) -> list[str]:
        """The YAML files in a folder and its subfolders, without runs."""
        place = self.repository.place(folder)
        prefix = f"{place}/" if place else ""
        found = [path for path, name in self.files.items() if name.startswith(prefix) and name.endswith(SUFFIXES)]
        return sorted(path for path in found if not any(map(self._is_run, Path(path).parents)))

    def _is_run(self, folder: Path) -> bool:
        """Like sources.is_run, at this revision."""
        there = {file for file in (ENVIRONMENT, METRICS, ARCHITECTURE) if str(folder / file) in self.files}
        return ENVIRONMENT in there and len(there) > 1

    def open(self, path: str) -> Opened:
        """A file at this revision, with the files that it names at this revision. Raises ArchbuilderError."""
        return Opened(*self._read(Path(f"{self.name}:./{path}")), text_of=self._read)

    def _read(self, path: Path) -> tuple[str, str]:
        name = str(path)
        own = name.removeprefix(f"{self.name}:./")
        if own == name and name in self.repository.options:
            return read_text(path)
        data = self.objects.read(f"{self.commit}:{self.repository.place(own)}", name)
        return name, decode(data, name)


class Objects:
    """A `git cat-file` process that reads several files; links are followed within the commit."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, wanted: str, name: str) -> bytes:
        """The bytes of a file. Raises ArchbuilderError AB001, AB007 with `name` as the place."""
        if "\n" in wanted:  # git would read two requests
            raise _missing(name, "a path with a line break cannot be read from git")
        process = self._process or self._begun()
        asked, told = _stream(process.stdin), _stream(process.stdout)
        asked.write(os.fsencode(wanted) + b"\n")
        asked.flush()
        header = told.readline().split()
        kind, size = header[-2:] if len(header) > 1 else (b"", b"")
        if not size.isdigit():
            raise _missing(name, "the file does not exist in that revision")
        if int(size) > MAX_BYTES:
            self.close()  # instead of reading the file
            raise too_large(name, f"the file is larger than {MAX_BYTES // 2**20} MiB")
        data = told.read(int(size))
        told.read(1)
        if kind != b"blob":
            raise _missing(name, _REASONS.get(kind, "this is not a file"))
        return data

    def _begun(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        command = _command("cat-file", "--batch", "--follow-symlinks")
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=os.environ | _QUIET
        )
        return self._process

    def close(self) -> None:
        """End git."""
        if process := self._process:
            process.kill()
            process.communicate()
            self._process = None


_REASONS = {
    b"symlink": "this is a link to a file outside of the repository",
    b"dangling": "this is a link to a file that does not exist",
    b"loop": "this is a link in a cycle of links",
    b"notdir": "a part of this path is not a folder",
    b"tree": "this is a folder",
}


@contextmanager
def at(name: str, options: Iterable[str] = ()) -> Iterator[Revision]:
    """A revision of the repository of the current folder.

    options: paths from the command line. Raises ArchbuilderError AB950, AB951."""
    place = Span(f"--against {shorten(name, 100)}")
    if shutil.which("git") is None:
        raise ArchbuilderError(NO_REPOSITORY.at(place, "git is not installed", "install it: https://git-scm.com"))
    top = _asked("rev-parse", "--show-toplevel")
    if not top:
        raise ArchbuilderError(NO_REPOSITORY.at(place, *_no_work_tree()))
    commit = _asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") if name else ""
    if not commit or "\0" in name:
        raise ArchbuilderError(NO_REVISION.at(place, *_unknown(name)))
    repository = Repository(Path(os.path.realpath(top)), frozenset(str(Path(option)) for option in options))
    with _closing(Objects()) as objects:
        yield Revision(name, commit, repository, objects)


def _no_work_tree() -> tuple[str, str]:
    said = subprocess.run(_command("rev-parse", "--git-dir"), capture_output=True, env=os.environ | _QUIET)
    if b"dubious ownership" in said.stderr:
        message = "git does not trust this repository, because its folder belongs to another user"
        return message, "if you trust it: git config --global --add safe.directory FOLDER"
    return "the current folder is not in the work tree of a git repository", "change into the repository"


# all branches: git fetch alone gets only one where only one was cloned
_BRANCHES = "'+refs/heads/*:refs/remotes/origin/*'"


def _unknown(name: str) -> tuple[str, str]:
    if _asked("rev-parse", "--is-shallow-repository") == "true":
        hint = f"fetch its history: git fetch --unshallow origin {_BRANCHES}; for actions/checkout set fetch-depth: 0"
        return f"git knows no revision {name}: this clone is shallow", hint
    if not _asked("rev-parse", "--verify", "--quiet", "HEAD"):
        return f"git knows no revision {name}: there is no commit yet", "commit first"
    hint = f"name a branch, a tag or a commit; git fetch origin {_BRANCHES} gets those of origin"
    return f"git knows no revision {name}", hint


@contextmanager
def _closing(objects: Objects) -> Iterator[Objects]:
    try:
        yield objects
    finally:
        objects.close()


def _outside(name: str) -> ArchbuilderError:
    return _missing(name, "the file is outside of the repository and is not read")


def _missing(name: str, message: str) -> ArchbuilderError:
    return ArchbuilderError(MISSING.at(Span(name), message, "check the path"))


def _command(*words: str) -> list[str]:
    return ["git", *_OPTIONS, *words]


def _names(*words: str) -> list[str]:
    """The names that git lists. Raises ArchbuilderError AB950 if git fails."""
    try:
        return [os.fsdecode(name) for name in _git(*words).split(b"\0") if name]
    except subprocess.CalledProcessError as error:
        said = os.fsdecode(error.stderr).strip().rpartition("\n")[2]
        message = f"git {words[0]} failed: {shorten(said, 200)}"
        raise ArchbuilderError(
            NO_REPOSITORY.at(Span(f"git {words[0]}"), message, "look for damage with git fsck")
        ) from None


def _asked(*words: str) -> str:
    """The output of git; empty if it fails."""
    try:
        return os.fsdecode(_git(*words)).rstrip("\n")
    except (subprocess.CalledProcessError, ValueError):  # ValueError: a NUL in an argument
        return ""


def _git(*words: str) -> bytes:
    return subprocess.run(_command(*words), check=True, capture_output=True, env=os.environ | _QUIET).stdout


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # a pipe
    return stream
