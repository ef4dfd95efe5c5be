"""Opens the argument of a command: a path, `-`, a YAML text or the folder of a run.

The `architecture.yaml` of a run has the values that were trained. The original files are kept as well if they differ
from it (they extend a file, name the user's own rule packs, were changed by overrides, or give the network its name by
their file name):

sources/NAME.yaml    each file as it was read
sources/index.json from where each was read, the trained one first, and which file each name in a file refers to
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import yaml

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document.extends import extend
from archbuilder.document.nodes import Document
from archbuilder.document.overrides import apply
from archbuilder.document.parser import parse
from archbuilder.document.scalars import NUMBER
from archbuilder.document.text import Reading, TextOf, read_text, stem_of
from archbuilder.files import MAX_TEXT, json_of, read_regular

ARCHITECTURE, ENVIRONMENT, METRICS = "architecture.yaml", "environment.json", "metrics.jsonl"  # files of a run
REPEAT = "repeat.json"  # of a folder of runs with several seeds
SOURCES, INDEX = "sources", "index.json"  # a folder of a run and its table of contents
VERSION = 1  # of the index
BRING_BACK = "bring the run's own file back from a copy, or start a new run"
TYPED_IN = "folder"  # key in environment.json: the current folder at the start of the run

NO_RUN = declare(
    "AB702",
    "a folder that is not a run",
    exit_status=2,
    why=(
        "A run is resumed from its folder, OUT/NAME/TIME, with the architecture and the environment that were recorded "
        "when it began."
    ),
    bad="$ archbuilder train --resume runs",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --resume runs/net/*""",
)

Links = Mapping[tuple[str, str], str]  # (a file or an option, a name in it) -> the file it refers to


@dataclass(frozen=True)
class Opened:
    """An opened YAML text with its origin.

    file: its name in messages; paths in it are relative to its folder.
    overrides: the `--set` values of its run; those of the command are applied after them.
    blocks: files with the user's own blocks that its run was trained with; loading them runs their code.
    run: the folder of its run; None if it does not belong to one.
    links: files that its files name and that are not found by their paths; origins: from where each was read.
    within: only files in this folder may be read; empty for no limit.
    text_of: reads the files that it names if they are not on the disk.
    """

    file: str
    text: str
    overrides: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    run: Path | None = None
    links: Links = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    within: str = ""
    text_of: TextOf | None = None

    def document(self, overrides: Sequence[str]) -> Document:
        """Its values, with its bases and these overrides applied. Raises ArchbuilderError."""
        found = parse(self.text, self.file, Reading(within=self.within, text_of=self.text_of))
        found.links.update(self.links)
        extend(found)
        apply(found, overrides)
        return found

    def read_from(self, file: str) -> Path:
        """From where one of its files was read originally; for an option, the file that it applies to."""
        return Path(self.origins.get(file) or self.origins.get(self.file) or file).absolute()

    def folder_of(self, place: Span) -> Path:
        """The folder that a path at a place is relative to: that of its file, or for an option the current folder."""
        typed_in = self.origins.get(TYPED_IN)
        return Path(typed_in) if place.is_option and typed_in else self.read_from(place.file).parent


def open_source(source: str | os.PathLike[str]) -> Opened:
    """A path, `-` (standard input), a string with a line break (YAML itself), or the folder of a run.

    Raises ArchbuilderError AB001, AB002, AB007 (the text cannot be read), AB702 (the run is damaged)."""
    if is_run(source):
        return open_run_source(Path(source))
    try:
        name, text = read_text(source)
    except ArchbuilderError as error:
        if run := newest_run_below(source):
            raise ArchbuilderError(
                *(replace(found, hint=f"did you mean the run {run}?") for found in error.diagnostics)
            ) from None
        raise
    return Opened(name, text)


def seeds_of(folder: Path) -> list[Path]:
    """The runs of a folder of `train --repeat`, in the order in which they are trained, also those that are no longer
    there; empty for another folder. Raises ArchbuilderError AB702."""
    file = folder / REPEAT
    if not file.is_file():
        return []
    seeds = note(file).get("seeds")
    if not isinstance(seeds, list) or not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
        raise ArchbuilderError(NO_RUN.at(Span(str(file)), "this does not say which seeds there are", BRING_BACK))
    return [folder / name_of_seed(seed) for seed in seeds]


def name_of_seed(seed: int) -> str:
    """The folder of its run, in that of `train --repeat`."""
    return f"seed-{seed}"


def is_run(source: str | os.PathLike[str]) -> bool:
    """Whether this is the folder of a run: it records how it was trained, and its architecture or its results."""
    if source == "-" or (isinstance(source, str) and (not source or "\n" in source)):
        return False
    folder = Path(source)
    try:
        return (folder / ENVIRONMENT).is_file() and any((folder / name).is_file() for name in (METRICS, ARCHITECTURE))
    except (OSError, ValueError):  # a name that is too long, a folder without permission
        return False


def newest_run_below(folder: str | os.PathLike[str]) -> Path | None:
    """The newest run in a folder or one level below: names of runs are times, and the last name wins."""
    runs: list[Path] = []
    with suppress(OSError, ValueError):  # a name that is too long
        runs = [path.parent for form in ("*", "*/*") for path in Path(folder).glob(f"{form}/{ARCHITECTURE}")]
    return max((run for run in runs if run.name[0] != "."), default=None, key=lambda run: run.name)


def open_run_source(run: Path) -> Opened:
    """The source of a run: its original files if they agree with its architecture.yaml, else architecture.yaml.

    Raises ArchbuilderError AB001, AB002, AB007, AB702."""
    trained = _trained(run)
    overrides = trained.overrides
    if not (run / SOURCES / INDEX).is_file():
        return trained
    try:
        kept = _kept(trained, run)
        if kept.document(overrides).root.plain() == trained.document(overrides).root.plain():
            return kept
    except (ArchbuilderError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # architecture.yaml was changed, or a copy is lost: architecture.yaml is used alone
    return trained


def log_of_run(run: Path) -> tuple[Any, ...]:
    """The lines of a run's metrics.jsonl as plain data; empty if no epoch is finished.

    Raises ArchbuilderError AB702 if it is not JSON or cannot be read."""
    file, hint = run / METRICS, "archbuilder train --resume writes it anew from the checkpoint"
    try:
        text = read_regular(file, MAX_TEXT) if file.exists() else b""
        log = tuple(map(json_of, text.splitlines()))
    except OSError as error:
        raise unreadable(file, error) from None
    except ValueError:
        log = (None,)
    if all(isinstance(record, dict) and record.get("epoch") == number for number, record in enumerate(log, 1)):
        return log
    raise ArchbuilderError(NO_RUN.at(Span(str(file)), "this is no log of epochs", hint))


def values_of_run(run: Path) -> Any:
    """The trained architecture as plain data. Raises ArchbuilderError."""
    trained = _trained(run)
    return trained.document(trained.overrides).root.plain()


def _trained(run: Path) -> Opened:
    """The architecture.yaml of a run; in older runs it lacks the overrides."""
    noted = note(run / ENVIRONMENT)
    overrides, blocks = (_texts(noted.get(key, []), run / ENVIRONMENT) for key in ("overrides", "blocks"))
    name, text = read_text(run / ARCHITECTURE)
    origins = {name: str(noted.get("source", "")), TYPED_IN: str(noted.get(TYPED_IN, ""))}
    return Opened(name, text, overrides, blocks, run, origins=origins)


def note(file: Path) -> dict[str, Any]:
    """A small JSON object from a run, of limited size and depth. Raises ArchbuilderError AB702.

    `run/json_files.py` describes the content of each file; a check needs only a few of its values."""
    try:
        found = json_of(read_regular(file, MAX_TEXT))
    except OSError as error:
        raise unreadable(file, error) from None
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise ArchbuilderError(NO_RUN.at(Span(str(file)), "this is no JSON object", BRING_BACK))


def unreadable(file: Path, error: OSError) -> ArchbuilderError:
    message = f"{file.name} cannot be read: {error.strerror or error}"
    return ArchbuilderError(NO_RUN.at(Span(str(file)), message, BRING_BACK))


def _texts(value: Any, file: Path) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ArchbuilderError(NO_RUN.at(Span(str(file)), "this does not say how the run was started", BRING_BACK))


def _kept(trained: Opened, run: Path) -> Opened:
    """The original files of a run. An invalid index may raise any exception."""
    index = json_of(read_regular(run / SOURCES / INDEX, MAX_TEXT))

    def copy(name: str) -> str:
        if name not in index["files"] or PurePath(name).name != name:
            raise ValueError(name)  # never read a file outside of the folder, whatever the index says
        return str(run / SOURCES / name)

    first, *_ = index["files"]
    links = {
        (copy(here) if here in index["files"] else here, called): copy(meant) for here, called, meant in index["links"]
    }
    file, text = read_text(Path(copy(first)))
    origins = {**trained.origins, **{copy(name): str(origin) for name, origin in index["files"].items()}}
    return Opened(file, text, trained.overrides, trained.blocks, run, links, origins)


def trained_text(document: Document, overrides: Sequence[str]) -> str:
    """The trained values as one file: the original text if no base or override changes its values."""
    if not overrides and len(document.sources) == 1:
        return document.text
    head = f"# what was trained, with all that it extends and all overrides; as it was written: {SOURCES}/\n"
    return head + written_out(document)


def written_out(document: Document) -> str:
    """The values of a document, with its bases applied, as YAML without comments."""
    return str(yaml.dump(document.root.plain(), Dumper=_dumper(), sort_keys=False, default_flow_style=None, width=110))


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """PyYAML's writer (YAML 1.1), which also quotes texts that YAML 1.2 would read as numbers."""

    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(NUMBER), list("+-.0123456789"))
    return Dumper


def copies(document: Document, overrides: Sequence[str], origins: Mapping[str, str]) -> dict[str, str]:
    """The content of each file that a run keeps beside `trained_text`, by its path in the run's folder.

    origins: the original places of files that are copies themselves."""
    import json

    texts = document.sources | document.packs
    if not overrides and len(texts) == 1 and document.root.get("name"):
        return {}
    names = dict(zip(texts, _names(texts), strict=True))
    links = [
        [names.get(here, here), called, names[meant]]
        for (here, called), meant in document.links.items()
        if meant in names
    ]
    index = {
        "version": VERSION,
        "files": {name: str(Path(origins.get(file, file)).absolute()) for file, name in names.items()},
    }
    kept = {f"{SOURCES}/{names[file]}": text for file, text in texts.items()}
    return {**kept, f"{SOURCES}/{INDEX}": json.dumps({**index, "links": links}, indent=2) + "\n"}


def _names(files: Iterable[str]) -> Iterator[str]:
    """A unique name for each file in one folder, as close to its own name as possible."""
    taken: set[str] = set()
    for file in files:
        name, number = f"{stem_of(file)}.yaml", 2
        while name.lower() in taken:
            name, number = f"{stem_of(file)}-{number}.yaml", number + 1
        taken.add(name.lower())
        yield name
