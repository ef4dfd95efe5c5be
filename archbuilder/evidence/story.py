"""What a report says about the run itself: how it went, with what, and how to get the same again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archbuilder.evidence.curves import panels
from archbuilder.run import differences, notes
from archbuilder.run.differences import Setting, words
from archbuilder.run.result import Record, best_of, chosen_on
from archbuilder.sources import ARCHITECTURE, SOURCES
from archbuilder.trained.open import Run
from archbuilder.training.progress import line


@dataclass(frozen=True)
class StoryPart:
    """How a run went.

    log:       a line per epoch, as it was printed; curves: SVGs.
    recipe:    every setting of `data:` and `train:`, defaults filled in.
    command:   trains it again; typed: what was typed to start it.
    """

    epochs: int
    finished: bool
    last: Record
    best: Record
    chosen_on: str
    seconds: float
    log: tuple[str, ...]
    curves: tuple[str, ...]
    recipe: tuple[Setting, ...]
    environment: tuple[Setting, ...]
    resumed: int
    command: str
    typed: str
    yaml: str


def story_part(run: Run) -> StoryPart:
    """The run's part of the evidence."""
    epochs, environment = run.plan.train.epochs, run.environment
    best = best_of(run.metrics)
    noted = {name: value for name, value in environment.items() if name not in ("resumed", "command", "overrides")}
    return StoryPart(
        epochs=epochs,
        finished=run.finished,
        last=run.metrics[-1],
        best=best,
        chosen_on=chosen_on(best),
        seconds=sum(record["seconds"] for record in run.metrics),
        log=tuple(line(record, epochs) for record in run.metrics),
        curves=panels(run.metrics),
        recipe=tuple(settings(run)),
        environment=tuple((name, words(value)) for name, value in noted.items() if value is not None),
        resumed=len(environment.get("resumed", ())),
        command=command(run),
        typed=str(environment.get("command", "")),
        yaml=run.plan.text,
    )


def settings(run: Run) -> Iterator[Setting]:
    """The recipe of a run as dotted names."""
    return differences.settings(notes.facts(run.path))


def command(run: Run, file: str | None = None) -> str:
    """What trains the same network again, from the run's own copy of its YAML; where that is more than one file, from
    its folder, which brings the overrides along.

    file: another one with that text, on another machine: the places of this one are left out, but for their last part.
    """
    environment, processes = run.environment, run.environment.get("processes", 1)
    parts = ["torchrun", "--nproc-per-node", str(processes), "-m"] if processes != 1 else []
    whole = (run.path / SOURCES).is_dir()
    parts += ["archbuilder", "train", file or str(run.path if whole else run.path / ARCHITECTURE)]
    for override in (*(run.plan.overrides if file or not whole else ()), *(() if file or whole else _places(run))):
        parts += ["--set", override]
    for blocks in environment.get("blocks", ()):
        parts += ["--blocks", Path(blocks).name if file else str(blocks)]
    parts += ["--device", str(environment["device"]), "--threads", str(environment["threads"])]
    if environment.get("data_dir") and not file:
        parts += ["--data-dir", str(environment["data_dir"])]
    if environment.get("init"):
        parts += ["--init", Path(environment["init"]).name if file else str(environment["init"])]
    parts += ["--sync-batch-norm"] if environment.get("sync_batch_norm") else []
    parts += [] if run.plan.report.ok else ["--no-check"]
    return shlex.join(parts)


def _places(run: Run) -> Iterator[str]:
    """Overrides for paths that count from the YAML's own folder: from that of its copy they would lead elsewhere."""
    written, plan = run.plan.report.spec, run.plan
    assert written is not None and written.data is not None  # a plan has them
    if plan.data.dataset != written.data.dataset:
        yield f"data.dataset={json.dumps(plan.data.dataset)}"
    if plan.train.distill and written.train and plan.train.distill != written.train.distill:
        yield f"train.distill={json.dumps(plan.train.distill.model_dump())}"
