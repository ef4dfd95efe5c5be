"""Limits held against the facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.memory import BYTES, DTYPE
from archbuilder.diagnostics import Diagnostic, declare, did_you_mean
from archbuilder.spec.limits import LIMIT, Limit

UNKNOWN_LIMIT = declare(
    "AB502",
    "a limit on something that is not measured",
    why=(
        "A misspelt limit would be kept by every network. The quantities that are measured are listed in the "
        "reference of the language."
    ),
    bad='limits: {parameters: "< 200k"}',
    good='limits: {params: "< 200k"}',
)
MISSED = declare(
    "AB503",
    "a limit that is missed",
    verdict=True,
    why=(
        "The network can be built, but is not what the file asks for. The three layers that cost most are "
        "named, and `archbuilder check --suggest` looks for the cheapest edits after which every limit holds."
    ),
    bad='limits: {params: "< 400"}',
    good='limits: {params: "< 500"}',
)
UNPROVEN = declare(
    "AB504",
    "a limit that is held against a mere bound",
    severity="warning",
    why=(
        "After upsampling or uneven bins of an adaptive pool the receptive field depends on the place, and "
        "what is known is an upper bound. A limit from below may then hold for some units and not for others."
    ),
    bad="""\
limits: {receptive_field: "> 5"}
network: [{conv: 8}, {upsample: {factor: 2, mode: bilinear}}, {conv: 8}]""",
    good="""\
limits: {receptive_field: "> 4"}
network: [{conv: 8}, {conv: 8}, {conv: 8}]""",
)


def _worse_axis(facts: Facts, limit: Limit) -> int:
    """A limit is held against the axis that is worse for it."""
    return max(facts.field.size) if "<" in limit.relation else min(facts.field.size)


@dataclass(frozen=True)
class Quantity:
    """Something that can be limited: how to read it off the facts, and the dtypes that it can be stated in."""

    value: Callable[[Facts, Limit], int]
    dtypes: tuple[str, ...] = ()


FLOATS = tuple(dtype for dtype in BYTES if "float" in dtype)

QUANTITIES = {
    "params": Quantity(lambda facts, limit: facts.params),
    "trainable_params": Quantity(lambda facts, limit: facts.params - facts.frozen_params),
    "macs": Quantity(lambda facts, limit: facts.macs),
    "receptive_field": Quantity(_worse_axis),
    "layers": Quantity(lambda facts, limit: len(facts.layers)),
    "peak_activations": Quantity(lambda facts, limit: facts.memory.peak_bytes(limit.dtype or DTYPE), tuple(BYTES)),
    "training_activations": Quantity(lambda facts, limit: facts.memory.training_bytes(limit.dtype or DTYPE), FLOATS),
    "flash": Quantity(lambda facts, limit: facts.weight_bytes(limit.dtype or DTYPE), tuple(BYTES)),
}


@dataclass(frozen=True)
class Measured:
    """A limit and the value it was held against."""

    limit: Limit
    value: int

    @property
    def ok(self) -> bool:
        return self.limit.holds(self.value)

    @property
    def left(self) -> int:
        """How much is left of the budget; negative: by how much it is missed."""
        return self.limit.left(self.value)

    @property
    def unit(self) -> str:
        """What the value counts, to stand behind a number; empty where that is plain."""
        return f" bytes in {self.limit.dtype or DTYPE}" if QUANTITIES[self.limit.name].dtypes else ""


def measure(limits: Sequence[Limit], facts: Facts | None, diagnostics: list[Diagnostic]) -> tuple[Measured, ...]:
    """Every limit with its value; unknown and missed ones are reported.  Without facts only unknown ones."""
    measured = []
    for limit in limits:
        quantity = QUANTITIES.get(limit.name)
        if quantity is None:
            message = f"there is no limit on {limit.name}"
            diagnostics.append(UNKNOWN_LIMIT.at(limit.span, message, did_you_mean(limit.name, QUANTITIES)))
        elif limit.dtype and limit.dtype not in quantity.dtypes:
            message = f"{limit.name} cannot be stated in {limit.dtype}"
            hint = f"known here: {', '.join(quantity.dtypes)}" if quantity.dtypes else f"leave {limit.dtype} out"
            diagnostics.append(LIMIT.at(limit.span, message, hint))
        elif facts is not None:
            result = Measured(limit, quantity.value(facts, limit))
            measured.append(result)
            if not result.ok:
                diagnostics.append(_missed(result, facts))
            elif not _proven(limit, facts):
                message = f"the field is an upper bound: {result.value} at most, {min(facts.field.least)} at least"
                diagnostics.append(UNPROVEN.at(limit.span, message, f"{limit.text} need not hold for every unit"))
    return tuple(measured)


def _proven(limit: Limit, facts: Facts) -> bool:
    """Whether a kept limit is kept for certain: an upper bound says nothing from below."""
    if limit.name != "receptive_field" or facts.field.status != "upper bound":
        return True
    return limit.holds(_worse_axis(facts, limit)) and ("<" in limit.relation or limit.holds(min(facts.field.least)))


# what to do where a value is too small, and where it is too large
_REMEDIES = {
    "receptive_field": (
        "dilate or stride a conv early on, or add one: each adds (kernel - 1) x dilation x effective stride",
        "stride later, dilate less, or leave out a conv",
    ),
    "layers": ("add a layer", "leave a layer out"),
}


def _missed(measured: Measured, facts: Facts) -> Diagnostic:
    limit = measured.limit
    message = f"{limit.name} is {measured.value:,}{measured.unit}, the limit is {limit.text}"
    add, remove = _REMEDIES.get(limit.name) or ("widen a layer, or add one", _costliest(limit.name, facts))
    too_much = "<" in limit.relation or measured.value > limit.bound
    return MISSED.at(limit.span, message, remove if too_much else add)


def _costliest(name: str, facts: Facts) -> str:
    """The three layers, or the live tensors, that a missed budget should look at."""
    if name == "peak_activations":
        return _at_the_peak(facts)
    if name == "training_activations":
        values: Sequence[int] = facts.memory.kept
    else:
        values = [layer.macs if name == "macs" else layer.params for layer in facts.layers]
    costs = [(value, layer.node.name) for value, layer in zip(values, facts.layers, strict=True)]
    most = sorted(costs, key=lambda pair: -pair[0])[:3]
    return "the most expensive: " + ", ".join(f"{layer} ({cost:,})" for cost, layer in most if cost)


def _at_the_peak(facts: Facts) -> str:
    memory = facts.memory
    if not facts.layers:
        return "the image alone is more: allow at least that much"
    live = ", ".join(f"{name} ({scalars:,} values)" for name, scalars in memory.tensors)
    return f"live while {facts.layers[memory.peak].node.name} runs: {live}; stride earlier, or narrow what is there"
