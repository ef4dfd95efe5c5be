"""Networks that come with archbuilder, trained; and `open_trained`, which opens any trained network, wherever it lies.

archbuilder/weights/NAME.safetensors   the network, as `pack` writes it
archbuilder/weights/NAME.json          the facts of its run, as `pack.facts` has them
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Span, declare, did_you_mean
from archbuilder.reporting.text import columns
from archbuilder.run.folder import ARCHITECTURE
from archbuilder.run.listing import duration
from archbuilder.trained.open import Trained, open_run

FOLDER = Path(__file__).parents[1] / "weights"

HEADER = ("name", "data", "test", "params", "MACs", "RF", "epochs", "time")
LEFT = ("name", "data")

UNKNOWN = declare(
    "AB763",
    "an unknown trained network",
    exit_status=2,
    why=(
        "A bare name refers to a network that comes with archbuilder and its weights; anything else must be a run "
        "folder or a weights file."
    ),
    bad="$ archbuilder evaluate fast58",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder evaluate runs/net/*""",
)


def names() -> list[str]:
    """The trained networks that come with archbuilder."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def open_trained(trained: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None) -> Trained:
    """A run folder, a file of `archbuilder weights`, or by its name a network that comes with archbuilder.

    data_dir: where prepared data sets are kept.
    Raises ArchbuilderError AB763 for a name that is none of these, and what `open_run` and `open_packed` raise.

        >>> trained = archbuilder.open_trained("tiny")
        >>> trained.name, trained.card.classes[:2], sum(p.numel() for p in trained.network().parameters())
        ('tiny', ('airplane', 'automobile'), 49954)
    """
    path, name = Path(trained), str(trained)
    if path.suffix == ".safetensors":
        return _packed(path, data_dir)
    try:
        is_run, is_there = (path / ARCHITECTURE).is_file(), path.exists()
    except OSError:  # a name that is too long, or behind a folder that is closed: the opening says so
        is_run = is_there = True
    if name in names() and not is_run:
        return _packed(FOLDER / f"{name}.safetensors", data_dir)
    if is_there or len(path.parts) > 1:
        return open_run(path, data_dir)
    hint = did_you_mean(name, names()) or "a run is a folder OUT/NAME/TIME, as train printed it"
    raise ArchbuilderError(UNKNOWN.at(Span(name), "there is no such run, file or trained network", hint))


def _packed(file: Path, data_dir: str | os.PathLike[str] | None) -> Trained:
    from archbuilder.trained.pack import open_packed  # with torch

    return open_packed(file, Path(data_dir) if data_dir else None)


def listing() -> list[dict[str, Any]]:
    """The facts of every network that comes with archbuilder, by name; without torch."""
    return [json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in names()]


def table(shipped: list[dict[str, Any]]) -> list[str]:
    """For people: accuracies on the test images after the last epoch, times of the runs on their own machines."""
    return columns([HEADER, *map(_row, shipped)], LEFT)


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    field = facts["receptive_field"]
    return (
        facts["name"],
        facts["dataset"],
        f"{facts['test_accuracy']:.2f} %",
        f"{facts['params']:,}",
        f"{facts['macs']:,}",
        "x".join(map(str, field if len(set(field)) > 1 else field[:1])) if field else "unknown",
        str(facts["epochs"]),
        duration(facts["seconds"]),
    )
