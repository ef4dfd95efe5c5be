"""The folder of a search, DIR/NAME/TIME: everything needed to resume it, and its results.

search.json            how it is done: what it started from, the seed, generations, rungs, objectives
start.yaml             the file that it started from, with its space, as it was read or with all overrides
study.log              Optuna's journal; none of a sweep
trials/0007/           a candidate: candidate.yaml, facts.json, its run, log.txt
table.csv              what was found, written anew as it comes
winner.yaml            the best candidate so far, written with the table
search.html            the page of all this, written at the end only
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.run.folder import RunFolder, created
from archbuilder.run.locks import locked
from archbuilder.version import __version__

SETTINGS, START, TRIALS, TABLE, WINNER, PAGE = (
    "search.json",
    "start.yaml",
    "trials",
    "table.csv",
    "winner.yaml",
    "search.html",
)
VERSION: Literal[1] = 1

NO_SEARCH = declare(
    "AB861",
    "a folder that is not a search, or belongs to another file or version",
    exit_status=2,
    why=(
        "A search is resumed from its folder, DIR/NAME/TIME, with the file and the seed that it was started with. If "
        "the file was changed, or another version of archbuilder wrote the folder, the old and new trials could not be "
        "compared."
    ),
    bad="$ archbuilder search --resume runs",
    good="$ archbuilder search net.yaml --dry-run --set 'space={train.seed: [0, 1]}'",
)


class Settings(BaseModel):
    """The settings of a search; its bounds may be changed when it is resumed.

    file:      what start.yaml stands for: paths in it count from there.  digest: of start.yaml.
    rungs:     the epochs at which candidates are looked at; of a sweep the last one alone.
    complete:  whether each rung is a short run of its own, with a schedule that ends there.
    minimise:  the costs beside the accuracy.  choose_on: the split whose accuracy counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = VERSION
    archbuilder: str = __version__
    file: str
    name: str
    digest: str
    rules: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    seed: int = 0
    generation: int = Field(8, ge=1)
    rungs: tuple[int, ...]
    complete: bool = False
    factor: int = Field(3, ge=2)
    minimise: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    trials: int | None = None
    epochs: int | None = None


class SearchFolder(RunFolder):
    """The files of a search. A failed write raises ArchbuilderError AB701 and keeps the old file."""

    AGAIN = "search"

    def trial(self, number: int) -> Path:
        return self.path / TRIALS / f"{number:04}"

    def write_trial(self, number: int, files: Mapping[str, str]) -> None:
        """Write files of a trial in order, unless the last of them exists."""
        path = self.trial(number)
        for name, text in files.items() if not (path / [*files][-1]).is_file() else ():
            self.write(str((path / name).relative_to(self.path)), text)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder: only one program asks and tells at a time, others wait."""
        while True:
            with locked(self.path) as mine:
                if mine:
                    yield
                    return
            sleep(0.1)

    def settings(self) -> Settings:
        """The settings. Raises ArchbuilderError AB861 if this is not a search, or one of another file or version."""
        try:
            noted = json.loads(self.read(SETTINGS))
            settings = Settings.model_validate(noted)
        except ArchbuilderError as error:
            hint = "a search is a folder DIR/NAME/TIME, as archbuilder search printed it"
            raise _no_search(self.path, error.diagnostics[0].message, hint) from None
        except (ValueError, ValidationError):
            raise _no_search(self.path / SETTINGS, "this does not say how a search was started", "restore it") from None
        if settings.archbuilder != __version__:
            message = f"the search was started by archbuilder {settings.archbuilder}, but this is {__version__}"
            raise _no_search(self.path, message, "continue with that version, or start a new search")
        if settings.digest != digest_of(self.read(START).decode()):
            message = f"{START} is not the file that the search was started with"
            raise _no_search(self.path / START, message, "restore it, or start a new search with it")
        return settings

    @contextmanager
    def tabled(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[bool]:
        """Write the table, and hold the folder for what is written with it.

        Gives False, and writes nothing, where another program has written a table of a search that is further on."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        with self.held():
            is_newest = _trained(text.getvalue()) >= _trained(self._table())
            if is_newest:
                self.write(TABLE, text.getvalue())
            yield is_newest

    def _table(self) -> str:
        """The table as it was written last; empty where there is none, or it cannot be opened."""
        try:
            return self.read(TABLE).decode(errors="replace")  # another program may have saved it in its own encoding
        except ArchbuilderError:
            return ""


def _trained(table: str) -> tuple[int, int]:
    """How many epochs and trials a table is about, or less where it cannot be read."""
    try:
        epochs = [row.get("epochs") or "" for row in csv.DictReader(io.StringIO(table))]
        return sum(int(each) for each in epochs if each.isdecimal()), len(epochs)
    except (csv.Error, ValueError):  # a field that is too long, a number with too many digits
        return 0, 0


def _no_search(place: Path, message: str, hint: str) -> ArchbuilderError:
    return ArchbuilderError(NO_SEARCH.at(Span(str(place)), message, hint))


def digest_of(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def create(out: Path, settings: Settings, start: str) -> SearchFolder:
    """A new folder, named by the time, which can be resumed as soon as it exists."""
    with created(out / settings.name) as made:
        made.write(START, start)
        made.write(SETTINGS, settings.model_dump_json(indent=2) + "\n")
        (made.path / TRIALS).mkdir()
        made.publish()
        return SearchFolder(made.path, published=True)


def reopen(path: Path) -> SearchFolder:
    return SearchFolder(path, published=True)
