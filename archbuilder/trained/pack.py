"""A finished run -> NAME.safetensors, the network in one file, and NAME.json, how it was trained and how well."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from os.path import exists
from pathlib import Path
from statistics import harmonic_mean
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import MAX_TEXT, MAX_WEIGHTS, read_regular, regular
from archbuilder.modules.weights import FORMAT, KEY, checksum, weights
from archbuilder.reporting import json as reports
from archbuilder.run import notes
from archbuilder.run.folder import REPEAT, RunFolder
from archbuilder.run.result import typed
from archbuilder.trained.command import command
from archbuilder.trained.open import LAST, DataCard, Run

TOTALS = ("params", "frozen_params", "macs", "receptive_field", "receptive_field_with_gap", "receptive_field_status")
VERSIONS = ("archbuilder", "python", "torch", "torchvision", "numpy", "albumentations")
MACHINE = ("device", "device_name", "threads", "processes")

UNFINISHED = declare(
    "AB765",
    "weights of a run that is not finished",
    why=(
        "What is handed on is the result of a run: the weights and the accuracy after its last epoch. A kill, or a "
        "file that was brought back, may leave a log and weights of two epochs."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ rm runs/net/*/metrics.jsonl
$ archbuilder weights runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder weights runs/net/*""",
)
FOREIGN = declare(
    "AB766",
    "a file of another origin in the place of trained weights",
    why=(
        "Weights and their facts go to NAME.safetensors and NAME.json, and take the place of older ones of that name. "
        "Any other file stays as it is."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ echo '{}' > net.json
$ archbuilder weights runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder weights runs/net/*
$ archbuilder weights runs/net/*""",
)


def pack(run: Run, out: Path) -> Path:
    """Write both files into a folder; the .safetensors is returned.

    Raises ArchbuilderError AB765 (not finished), AB766 (another file has the name), AB701 (cannot be written), and
    whatever `Run.network` raises.
    """
    _check_finished(run)
    name = _name(run)
    path = out / f"{name}.safetensors"
    for file in (path, path.with_suffix(".json")):
        if exists(file) and name_in(file) != name:
            message = f"this is not a file that archbuilder has made of a run of {name}"
            raise ArchbuilderError(FOREIGN.at(Span(str(file)), message, "move it away, or name another folder: --out"))
    data, folder = content(run), RunFolder(out, published=False)
    folder.write(path.name, data)
    folder.write_json(path.with_suffix(".json").name, facts(run, data))
    return path


def _check_finished(run: Run) -> None:
    """Raises ArchbuilderError AB765 where the log or the weights are not those of the last epoch."""
    epochs, logged = run.plan.train.epochs, len(run.metrics)
    if logged == epochs == (epoch := run.epoch_of(LAST)):
        return
    message = f"{logged} of {epochs} epochs are trained"
    if logged == epochs:
        message = f"its log has all {epochs} epochs, its weights are those of epoch {epoch}"
    hint = f"train the rest: {typed('train', '--resume', run.path)}"
    raise ArchbuilderError(UNFINISHED.at(Span(str(run.path)), message, hint))


def _name(run: Run) -> str:
    """The network's; where its YAML has none, that of the YAML's file."""
    return str(notes.facts(run.path)["name"])


def name_in(file: Path) -> str | None:
    """Of the network that one of the two files was made of; None for any other file."""
    try:
        if file.suffix == ".json":
            noted = json.loads(read_regular(file, MAX_TEXT))
            return str(noted["name"]) if "sha256" in noted else None
        with safe_open(regular(file, MAX_WEIGHTS), "pt") as opened:
            return str(json.loads(opened.metadata()[KEY])["architecture"]["name"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        return None


def content(run: Run) -> bytes:
    """The .safetensors of a finished run."""
    architecture = {**run.plan.values, "name": _name(run)}
    return packed(run.network().state_dict(), run.epoch_of(LAST), architecture, run.card)


def packed(state: Mapping[str, Tensor], epoch: int, architecture: Mapping[str, Any], card: DataCard | None) -> bytes:
    """Floating point weights and buffers as float32, counters as they are; in the metadata what `packed` says."""
    state = {name: t.float() if t.is_floating_point() else t for name, t in state.items()}
    noted: dict[str, Any] = {"format": FORMAT, "epoch": epoch, "architecture": architecture}
    if card:
        noted["images"] = {
            key: value for key, value in asdict(card).items() if key != "dataset"
        }  # architecture says it
    noted = json.loads(json.dumps(noted))  # as it will be read
    return weights(state, KEY, json.dumps({**noted, "sha256": checksum(noted, state)}, ensure_ascii=False))


def facts(run: Run, data: bytes) -> dict[str, Any]:
    """How a finished run was trained and what came of it, version 1; no place on its machine is named.

    data:              the content of its .safetensors, whose SHA-256 ties the two together.
    seconds:           of training and evaluation, over all epochs.
    images_per_second: of training, in the mean over all epochs.
    """
    last, noted, name = run.metrics[-1], run.environment, _name(run)
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
        "date": noted.get("started", "")[:10],
        "versions": _some(VERSIONS, noted),
        "machine": {"system": noted.get("platform", "").split("-")[0], **_some(MACHINE, noted)},
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
    noted = notes.seeds(outer) if (outer / REPEAT).is_file() else {}
    return {key: noted[key] for key in ("seeds", "test_accuracy")} if noted.get("test_accuracy") else None
