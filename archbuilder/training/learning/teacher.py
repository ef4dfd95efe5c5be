"""The trained network that another one learns from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import nn

from archbuilder.data.arrays import Splits
from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.rules.recipe import at_side
from archbuilder.run.plan import Plan
from archbuilder.spec.train.objectives import Distill
from archbuilder.trained.open import Run, open_run

TEACHER = declare(
    "AB744",
    "a teacher that knows other classes or other images",
    why=(
        "A network learns from its teacher's logits, one for each class, on the very images that it sees itself. "
        "Of other classes, sizes or normalisations they would mean something else."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report --set data.normalize=false
$ archbuilder train net.yaml --no-report --set "train.distill.run=$(echo runs/*/*)\"""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train net.yaml --no-report --set "train.distill.run=$(echo runs/*/*)\"""",
)


def load(plan: Plan, distill: Distill, splits: Splits) -> nn.Module:
    """The teacher of a plan, on the CPU, in evaluation mode, for good.

    Raises ArchbuilderError AB744 where it was trained on something else, AB7xx where it cannot be opened.
    """
    run = open_run(folder(distill))
    if problem := next(_misfits(run, plan, splits), None):
        message, hint = problem
        raise ArchbuilderError(TEACHER.at(distill.span("run"), f"the teacher {run.name} {message}", hint))
    return run.network().requires_grad_(False)


def folder(distill: Distill) -> Path:
    """The run's folder: beside the file that names it, else from the current folder, as train prints it."""
    beside = Path(distill.span("run").file).parent / distill.run
    return beside if beside.exists() else Path(distill.run)


def _misfits(run: Run, plan: Plan, splits: Splits) -> Iterator[tuple[str, str]]:
    """(message, hint) for whatever makes the teacher's logits mean something else."""
    theirs, card = run.plan, run.card
    if theirs.classes != plan.classes:
        yield f"has {theirs.classes} classes, the network {plan.classes}", "distil from a run on the same classes"
    elif card.classes != splits.class_names:
        found = f"knows the classes {_listed(card.classes)}, the images are of {_listed(splits.class_names)}"
        yield found, "distil from a run on the same data set"
    if theirs.graph.input != plan.graph.input:
        found = f"takes images of {theirs.graph.input}, the network {plan.graph.input}"
        yield found, "distil from a run on images of the same size"
    for _, side in plan.train.resolution:
        if misfit := at_side(theirs.graph, side)[0]:
            found = f"does not run on images of side {side}: {misfit}"
            yield found, "leave resolution out, or distil from a network that ends in gap"
    if theirs.data.normalize != plan.data.normalize or (card.mean, card.std) != (splits.mean, splits.std):
        yield (
            "was trained on images that were normalised otherwise",
            "use the same data set, subset: and normalize: for both",
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + ("..." if len(names) > 3 else "")
