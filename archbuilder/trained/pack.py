"""A trained network in one file: its weights as safetensors, and in their metadata all that it takes to use them.

The metadata has one entry, `archbuilder`, a JSON object:

format        1
sha256        of all the rest, tensors included
epoch         that the weights are of: the run's last; 0 of a network that was trained elsewhere
architecture  the values of the YAML, with what it extends and with the run's overrides
images        names of the classes, mean and deviation of the channels, how many images each split has; an imported
              network may lack them, and then can only be exported
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from os.path import exists
from pathlib import Path
from statistics import harmonic_mean
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from archbuilder import pipeline
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import MAX_TEXT, MAX_WEIGHTS, read_regular, regular
from archbuilder.modules.weights import FORMAT, KEY, checksum, loaded, tensors, unreadable, weights
from archbuilder.reporting import json as reports
from archbuilder.run import json_files
from archbuilder.run import plan as plans
from archbuilder.run.folder import RunFolder
from archbuilder.run.options import Options
from archbuilder.run.plan import Plan
from archbuilder.run.result import typed
from archbuilder.sources import REPEAT
from archbuilder.trained.command import command
from archbuilder.trained.open import LAST, DataCard, Run, images_of

if TYPE_CHECKING:
    from archbuilder.data.arrays import Splits
    from archbuilder.modules import Network


UNLIKE = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")  # JSON may have these as they are, YAML must escape them
IMPORTED = 0  # the epoch of weights that were trained elsewhere
REMEDY = "name a run folder, or make such a file from one: archbuilder weights RUN"

LACKING = declare(
    "AB764",
    "a weights file without the network's description",
    exit_status=2,
    why=(
        "Tensors alone do not say what the network is, which classes it has and how its images are normalised. A file "
        "made by `archbuilder weights RUN` does; it has the weights of the last epoch only."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ archbuilder evaluate runs/net/*/weights.safetensors""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder weights runs/net/*
$ archbuilder evaluate net.safetensors""",
)


@dataclass(frozen=True)
class Packed:
    """A trained network, as its file describes it; `state` has been verified by its checksum."""

    path: Path
    plan: Plan
    card: DataCard
    epoch: int
    state: Mapping[str, Tensor] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.plan.report.name

    @cached_property
    def splits(self) -> Splits:
        """The images that it was trained and tested on."""
        return images_of(self.plan)

    def epoch_of(self, which: str) -> int:
        """The epoch that the weights are of.  Raises ArchbuilderError AB764 for others than the last."""
        if which != LAST:
            message = f"this file has the weights of the last epoch, not of the {which} one"
            raise ArchbuilderError(LACKING.at(Span(str(self.path)), message, "name the folder of the run"))
        return self.epoch

    def network(self, which: str = LAST) -> Network:
        """The module with its weights, on the CPU, in evaluation mode.  Raises ArchbuilderError AB764, AB856."""
        self.epoch_of(which)
        return loaded(self.plan.graph, self.state, self.path, REMEDY)


def open_packed(path: Path, data_dir: Path | None = None) -> Packed:
    """The network of a file that `packing` made.

    Raises ArchbuilderError AB855 (missing, damaged), AB764 (weights alone), and what is wrong with its architecture.
    """
    state, facts = tensors(path, REMEDY)
    if facts is None:
        message = "these are only weights, without a description of their network"
        raise ArchbuilderError(LACKING.at(Span(str(path)), message, REMEDY))
    if "architecture" not in facts:
        raise unreadable(path, "it does not say to which network it belongs", REMEDY)
    if "images" not in facts and facts.get("epoch") == IMPORTED:
        message = "this does not say which images the network takes, and how they are normalised"
        raise ArchbuilderError(LACKING.at(Span(str(path)), message, "import it again, with --data NAME"))
    plan = plans.trained(pipeline.check_text(_yaml(facts["architecture"]), str(path)), Options(data_dir=data_dir))
    try:
        card = DataCard.read({**facts["images"], "dataset": plan.data.dataset})
        if card.fits(plan):
            return Packed(path, plan, card, int(facts["epoch"]), state)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise unreadable(path, "what it says of its images does not fit the network", REMEDY)


def _yaml(value: Any) -> str:
    """JSON is YAML but for a few characters.  Not ensure_ascii: it halves those beyond U+FFFF, which YAML refuses."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    return UNLIKE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


TOTALS = ("params", "frozen_params", "macs", "receptive_field", "receptive_field_with_gap", "receptive_field_status")
VERSIONS = ("archbuilder", "python", "torch", "torchvision", "numpy", "albumentations")
MACHINE = ("device", "device_name", "threads", "processes")

UNFINISHED = declare(
    "AB765",
    "weights of a run that is not finished",
    why=(
        "Only the result of a finished run is packed: the weights and the accuracy after its last epoch. After a kill, "
        "or after a file was restored, the log and the weights may be of different epochs."
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
    "a file of other origin in the place of trained weights",
    why=(
        "Weights and their facts are written to NAME.safetensors and NAME.json, and replace older ones of the same "
        "network. Any other file is never overwritten."
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
            message = f"this is not a file that archbuilder made from a run of {name}"
            raise ArchbuilderError(
                FOREIGN.at(Span(str(file)), message, "move it away, or choose another folder: --out")
            )
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
        message = f"its log has all {epochs} epochs, but its weights are those of epoch {epoch}"
    hint = f"train the rest: {typed('train', '--resume', run.path)}"
    raise ArchbuilderError(UNFINISHED.at(Span(str(run.path)), message, hint))


def _name(run: Run) -> str:
    """The network's; where its YAML has none, that of the YAML's file."""
    return str(json_files.facts(run.path)["name"])


def name_in(file: Path) -> str | None:
    """The name of the network that one of the two files holds; None for any other file."""
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
        **({"subset_of": run.card.subset_of} if run.card.subset_of else {}),
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
    """For a run of `--repeat`: the seeds, and the results of all of them; the weights are those of one."""
    outer = run.path.resolve().parent
    noted = json_files.seeds(outer) if (outer / REPEAT).is_file() else {}
    return {key: noted[key] for key in ("seeds", "test_accuracy")} if noted.get("test_accuracy") else None
