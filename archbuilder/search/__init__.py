"""Search: find the best network of a space under its limits. Candidates are first judged, then trained step by step.

`start` creates a folder and searches, `proceed` resumes one; `judge` and `survey` need neither torch nor Optuna.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import Report, check_opened
from archbuilder.schema.model import VALUE
from archbuilder.search.course import Course, Watch, costs_of
from archbuilder.search.folder import START, SearchFolder, Settings, create, digest_of, reopen
from archbuilder.search.halving import rungs_of
from archbuilder.search.judge import Judge, opened
from archbuilder.search.steps import engine_of, knock
from archbuilder.search.survey import survey
from archbuilder.search.writing import start_of
from archbuilder.sources import Opened

MOST = 10_000  # networks of a sweep
SEARCH = "give ranges a larger step, vary fewer fields, or let archbuilder search draw from the space"
VALIDATION = 0.1  # share of the training images for validation, if the file keeps none


@dataclass(frozen=True)
class Means:
    """The resources of a search; they do not affect its result."""

    executor: str = "local"
    workers: int | None = None  # None: one per core
    address: str | None = None
    seconds: float | None = None

    @property
    def processes(self) -> int:
        return self.workers or len(os.sched_getaffinity(0) if sys.platform == "linux" else range(os.cpu_count() or 1))


def start(
    report: Report,
    means: Means,
    overrides: Sequence[str] = (),
    *,
    out: Path = Path("searches"),
    rules: Sequence[str] = (),
    blocks: Sequence[str] = (),
    minimise: Sequence[str] = ("params",),
    rungs: Sequence[int] = (),
    complete: bool = False,
    whole: bool = False,
    on_test: bool = False,
    watch: Watch = lambda seen: None,
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Course:
    """Search the space of a file that was checked with these overrides, in a new folder.

    rungs:    epochs at which candidates are compared; they end at the last one, which is train.epochs unless each rung
              is a complete run.
    whole:    train every candidate to its end, as in a sweep.
    on_test:  nothing is chosen (several seeds of one network), so no validation split is kept.
    settings: fields of `folder.Settings`: sampler, seed, generation, factor, trials, epochs.

    Raises ArchbuilderError if the search cannot start, AB564 if no candidate is valid.
    """
    judge = opened(report, rules)
    assert report.document and report.opened and report.spec
    costs_of(minimise)
    for name in ("torch", *(() if whole else ("optuna",))):
        if find_spec(name) is None:  # before anything is made
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    survey(judge, samples=300).insist(judge.place)
    if whole:
        if judge.space.size is None or judge.space.size > MOST:
            raise ArchbuilderError(
                VALUE.at(judge.place, f"{judge.space.words}: a sweep takes at most {MOST:,}", SEARCH)
            )
        settings |= {"sampler": "grid", "generation": judge.space.size}
    if means.executor == "ray" and means.address is not None:
        knock(means.address)
    text = start_of(report.document, (*report.opened.overrides, *overrides))
    train, data = report.spec.train, report.spec.data
    epochs = train.epochs if train else 10
    folder = create(
        out,
        Settings(
            file=str(report.opened.read_from(report.file)),
            name=report.name,
            digest=digest_of(text),
            rules=tuple(rules),
            blocks=tuple(str(Path(file).absolute()) for file in blocks),
            rungs=(epochs,) if whole else tuple(sorted({min(rung, epochs) for rung in rungs} or rungs_of(epochs))),
            complete=complete,
            minimise=costs_of(minimise),
            overrides=() if (data and data.validation) or on_test else (f"data.validation={VALIDATION}",),
            options=options or {},
            **settings,
        ),
        text,
    )
    return _run(folder, means, watch)


def proceed(
    path: Path,
    means: Means,
    watch: Watch = lambda seen: None,
    trials: int | None = None,
    epochs: int | None = None,
) -> Course:
    """Resume a search, with other bounds if they are given. Raises ArchbuilderError AB861."""
    return _run(reopen(path), means, watch, trials=trials, epochs=epochs)


def _run(folder: SearchFolder, means: Means, watch: Watch, **bounds: int | None) -> Course:
    settings = folder.settings()
    settings = settings.model_copy(update={name: bound for name, bound in bounds.items() if bound is not None})
    course = Course(folder, settings, judge_of(folder, settings), watch)
    with engine_of(means.executor, means.processes, means.address) as engine:
        try:
            course.run(engine, means.seconds)
        except KeyboardInterrupt:
            course.interrupted = True
        finally:
            course.write()
    course.conclude()
    return course


def judge_of(folder: SearchFolder, settings: Settings) -> Judge:
    """The judge of the file that a search started from; paths in it are relative to its original folder."""
    text = folder.read(START).decode()
    report = check_opened(Opened(settings.file, text), rules=settings.rules)
    if report.document is None or report.spec is None:
        raise ArchbuilderError(*report.errors)
    return opened(report, settings.rules)
