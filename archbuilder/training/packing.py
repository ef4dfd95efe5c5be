"""A finished run -> NAME.safetensors, the network in one file, and NAME.json, how it was trained and how well."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from statistics import harmonic_mean
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.reporting import json as reports
from archbuilder.training.evidence.story import command
from archbuilder.training.folder import FACTS, REPEAT, RunFolder
from archbuilder.training.packed import content
from archbuilder.training.runs import Run

TOTALS = ("params", "frozen_params", "macs", "receptive_field", "receptive_field_with_gap", "receptive_field_status")
VERSIONS = ("archbuilder", "python", "torch", "torchvision", "numpy", "albumentations")
MACHINE = ("device", "device_name", "threads", "processes")

UNFINISHED = declare(
    "AB765",
    "weights of a run that is not finished",
    why="What is handed on is the result of a run: the weights and the accuracy after its last epoch.",
    bad="""\
$ archbuilder train net.yaml --no-report
$ rm runs/net/*/metrics.jsonl
$ archbuilder weights runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder weights runs/net/*""",
)


def pack(run: Run, out: Path) -> Path:
    """Write both files into a folder; the .safetensors is returned.

    Raises ArchbuilderError AB765 (not finished), AB701 (cannot be written), and whatever `Run.network` raises.
    """
    if not run.finished:
        message = f"{len(run.metrics)} of {run.plan.train.epochs} epochs are trained"
        hint = f"train the rest: archbuilder train --resume {run.path}"
        raise ArchbuilderError(UNFINISHED.at(Span(str(run.path)), message, hint))
    data, folder = content(run), RunFolder(out, published=False)
    noted = facts(run, data)
    path = out / f"{noted['name']}.safetensors"
    folder.write(path.name, data)
    folder.write_json(path.with_suffix(".json").name, noted)
    return path


def facts(run: Run, data: bytes) -> dict[str, Any]:
    """How a finished run was trained and what came of it, version 1; no place on its machine is named.

    data:              the content of its .safetensors, whose SHA-256 ties the two together.
    seconds:           of training and evaluation, over all epochs.
    images_per_second: of training, in the mean over all epochs.
    """
    last, noted = run.metrics[-1], run.environment
    name = RunFolder(run.path, published=True).read_json(FACTS)["name"]
    totals = reports.to_dict(run.plan.report)["totals"]
    return {
        "version": 1,
        "name": name,
        "dataset": run.card.dataset,
        "test_accuracy": last["test_accuracy"],
        "test_images": run.card.test,
        "train_images": run.card.train,
        "flip_averaged_test_accuracy": last.get("flip_averaged_test_accuracy"),
        "seed": run.plan.train.seed,
        "all_seeds": _all_seeds(run),
        "epochs": len(run.metrics),
        "seconds": sum(record["seconds"] for record in run.metrics),
        "images_per_second": harmonic_mean([record["images_per_second"] for record in run.metrics]),
        **{key: totals[key] for key in TOTALS},
        "date": str(noted["started"])[:10],
        "versions": _some(VERSIONS, noted),
        "machine": {"system": str(noted["platform"]).split("-")[0], **_some(MACHINE, noted)},
        "resumed": len(noted.get("resumed", ())),
        "overrides": list(run.plan.overrides),
        "command": command(run, f"{name}.yaml"),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _some(keys: tuple[str, ...], noted: Mapping[str, Any]) -> dict[str, Any]:
    return {key: noted[key] for key in keys if noted.get(key) is not None}


def _all_seeds(run: Run) -> dict[str, Any] | None:
    """Of a run of `--repeat`: the seeds, and what all of them gave; the weights are one's."""
    outer = run.path.resolve().parent
    noted = RunFolder(outer, published=True).read_json(REPEAT) if (outer / REPEAT).is_file() else {}
    return {key: noted[key] for key in ("seeds", "test_accuracy")} if "test_accuracy" in noted else None
