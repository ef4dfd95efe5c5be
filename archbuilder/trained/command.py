"""The command that trains a run's network again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from archbuilder.run.options import Options
from archbuilder.sources import ARCHITECTURE, SOURCES
from archbuilder.trained.open import Run


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
    options = Options.noted(environment)
    if file:
        init = Path(options.init.name) if options.init else None
        options = options.model_copy(update={"data_dir": None, "init": init})
    parts += options.words()
    parts += [] if run.plan.report.ok else ["--no-check"]
    return shlex.join(parts)


def _places(run: Run) -> Iterator[str]:
    """Overrides for paths that count from the YAML's own folder: from its copy they would lead elsewhere."""
    written, plan = run.plan.report.spec, run.plan
    assert written is not None and written.data is not None  # a plan has them
    if plan.data.dataset != written.data.dataset:
        yield f"data.dataset={json.dumps(plan.data.dataset)}"
    if plan.train.distill and written.train and plan.train.distill != written.train.distill:
        yield f"train.distill={json.dumps(plan.train.distill.model_dump())}"
