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

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from archbuilder import pipeline
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.modules.weights import loaded, tensors, unreadable
from archbuilder.run import plan as plans
from archbuilder.run.options import Options
from archbuilder.run.plan import Plan
from archbuilder.trained.open import LAST, DataCard, images_of

if TYPE_CHECKING:
    from archbuilder.data.arrays import Splits
    from archbuilder.modules import Network

UNLIKE = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")  # JSON has these as they are, YAML only escaped
IMPORTED = 0  # the epoch of weights that were trained elsewhere
REMEDY = "name a run folder, or make such a file of one: archbuilder weights RUN"

LACKING = declare(
    "AB764",
    "a file of weights that lacks what is asked for",
    exit_status=2,
    why=(
        "Tensors alone do not tell the network, its classes and how its images are normalised. A file of "
        "`archbuilder weights RUN` does; it has the weights of the last epoch and no others."
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
    """A trained network, as its file tells; `state` is what its checksum was held against."""

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
            message = f"this has the weights of the last epoch, not of the {which} one"
            raise ArchbuilderError(LACKING.at(Span(str(self.path)), message, "name the run's own folder"))
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
        message = "these are weights alone: they do not say what network they are of"
        raise ArchbuilderError(LACKING.at(Span(str(path)), message, REMEDY))
    if "architecture" not in facts:
        raise unreadable(path, "it does not say what network it is of", REMEDY)
    if "images" not in facts and facts.get("epoch") == IMPORTED:
        message = "this does not say which images the network takes, and how they are normalised"
        raise ArchbuilderError(LACKING.at(Span(str(path)), message, "import it once more, with --data NAME"))
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
