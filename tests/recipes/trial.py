"""What a clean file must stand: two epochs or so, an evaluation, a checkpoint, and the same end from there."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.modules import build
from archbuilder.run import checkpoint, plan
from archbuilder.run.options import Options
from archbuilder.run.plan import Plan
from archbuilder.run.result import Score
from archbuilder.trained.evaluation import assess, figures, predictions
from archbuilder.trained.open import images_of, open_run
from archbuilder.training import train
from archbuilder.training.learning.trainer import Trainer
from archbuilder.training.parallel import trial as settings
from tests.recipes.files import File
from tests.training.same import TIMES

# what only the images or the device can tell: training may refuse it, with a diagnostic
LATER = {"AB611", "AB620", "AB640", "AB711", "AB743", "AB744"}
DIVERGED = "AB712"


def fault(file: File, folder: Path, device: str = "cpu", whole: bool = False) -> str:
    """The problem in training a file without findings; empty if there is none.

    whole: is it also to become a run folder with its report, as `train` makes one?  That takes a second or two.
    The last line of the answer tells one fault from another.
    """
    try:
        found = _fault(plan.new(file.text, (), folder, Options(device=device, threads=1), check=True), folder)
        if whole and not found:
            _run(file, folder / "runs", device)
        return found
    except ArchbuilderError as error:
        codes = {found.code.id for found in error.diagnostics}
        if codes <= LATER or (codes == {DIVERGED} and not file.ordinary):
            return ""
        return f"check is clean, and training says:\n{error}"
    except Exception as error:
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/archbuilder/" in frame.filename]
        where = "".join(f" in {Path(frame.filename).name}, {frame.name}" for frame in ours[-1:])
        return f"{traceback.format_exc()}\n{type(error).__name__}{where}"


def _fault(plan: Plan, folder: Path) -> str:
    splits = images_of(plan)
    kept = folder / "kept.pt"
    kept.unlink(missing_ok=True)
    with settings(plan) as place:
        trainer = Trainer(plan, splits, place)

        def keep() -> None:
            if not kept.exists():
                kept.write_bytes(checkpoint.dump(trainer.state(), plan))

        _train(trainer, keep)
        if not all(math.isfinite(value) for record in trainer.metrics for value in record.values()):
            return f"a record that is no number: {trainer.metrics}"
        resumed = Trainer(plan, splits, place)
        checkpoint.restore(resumed, checkpoint.load(kept, plan) or {}, kept)
        _train(resumed)
        if _end(trainer) != _end(resumed):
            return "a resumed run ends elsewhere"
        network = build(plan.graph)
        network.load_state_dict(trainer.state()["model"])
        found = predictions(network.to(place), splits.test, plan.data, splits.mean, splits.std, place)
        figures(found, splits.class_names)
        return "" if bool(torch.from_numpy(found.losses).isfinite().all()) else "the network kept gives no numbers"


def _run(file: File, folder: Path, device: str) -> None:
    with redirect_stdout(StringIO()):
        path = train(file.text, out=folder, device=device, threads=1).path
        assess(open_run(path), torch.device(device), mirrored=True)
        train(resume=path)
    rmtree(folder)


def _train(trainer: Trainer, between: Callable[[], None] = lambda: None) -> None:
    def watch(epoch: int, score: Score) -> None:
        pass

    while trainer.done < trainer.plan.train.epochs:
        trainer.epoch(watch, between)
    trainer.check_finite()


def _end(trainer: Trainer) -> str:
    """The results of a run, except measured times."""
    state: dict[str, Any] = {key: value for key, value in trainer.state().items() if key not in ("seconds", "waited")}
    records = [{key: value for key, value in record.items() if key not in TIMES} for record in trainer.metrics]
    return checkpoint.digest({**state, "metrics": records})
