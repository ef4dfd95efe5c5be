"""dataset: the images that the network is trained on."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.diagnostics import did_you_mean
from archbuilder.remedy import Change
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.kinds.image import Image, bytes_of
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import DATA, Evidence, Outcome, Rule, missed
from archbuilder.schema.fields import Check, Variables, failure, reads
from archbuilder.spec.data import DATASETS
from archbuilder.spec.limits import Limit


@reads(enum=list(DATASETS))
def _known(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or value not in DATASETS:
        raise failure(f"there is no data set {value!r}"[:100], did_you_mean(str(value), DATASETS, is_value=True))
    return value


@register
class Dataset(Rule):
    """The file must use this data set, by its name; a file or folder of images counts as another one, whatever it
    contains."""

    POSITIONAL: ClassVar[str] = "called"
    EXAMPLE: ClassVar[str] = "dataset: cifar10"
    REJECTS: ClassVar[dict[str, str]] = {"dataset": "AB102", "dataset: cifar": "AB103", "dataset: ./photos": "AB103"}

    called: Annotated[str, Check(_known), Field(description=f"one of {', '.join(DATASETS)}")]

    def excludes(self, other: Rule) -> str:
        shape, classes = DATASETS[self.called]
        if isinstance(other, Dataset) and other.called != self.called:
            return f"{self.called} and {other.called}"
        if isinstance(other, Image) and shape and other.input and other.input != shape:
            return f"{self.called} has images of {list(shape)}"
        if isinstance(other, Image) and other.classes and other.classes != classes:
            return f"{self.called} has {classes} classes"
        return ""

    def least(self, of: Limit) -> int:
        shape, _ = DATASETS[self.called]
        return bytes_of(shape, of)

    def judge(self, net: Network) -> Outcome:
        data = net.spec.data
        if data is None:
            add = Change({"data": f"{{dataset: {self.called}}}"}, at=(), say="add {}")
            return missed(DATA, f"there is no data: section, {self.called} is required", add)
        if data.dataset != self.called:
            message = f"the data set is {data.dataset}, but {self.called} is required"
            return missed(DATA, message, Change({"dataset": self.called}, say="set {}"), data.span("dataset"))
        return Outcome((Evidence(data.dataset, data.span("dataset").line),))
