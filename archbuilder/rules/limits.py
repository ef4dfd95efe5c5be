"""Limits compared with the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.memory import BYTES, DTYPE
from archbuilder.diagnostics import Diagnostic, declare, did_you_mean
from archbuilder.spec.limits import LIMIT, Limit

if TYPE_CHECKING:
    from archbuilder.device.arena import Arena  # imported only for a limit on the arena

UNKNOWN_LIMIT = declare(
    "AB502",
    "a limit on an unknown quantity",
    why="Every network would satisfy a misspelt limit. The language reference lists the quantities that are measured.",
    bad='limits: {parameters: "< 200k"}',
    good='limits: {params: "< 200k"}',
)
MISSED = declare(
    "AB503",
    "a limit that is missed",
    verdict=True,
    why=(
        "The network can be built, but it does not meet a limit of the file. The message names the three layers that "
        "cost most, and `archbuilder check --suggest` searches for the cheapest edits after which every limit holds."
    ),
    bad='limits: {params: "< 400"}',
    good='limits: {params: "< 500"}',
)
UNPROVEN = declare(
    "AB504",
    "a limit that is compared with an upper bound",
    severity="warning",
    why=(
        "After upsampling, or after an adaptive pool with bins of unequal size, the receptive field depends on the "
        "position, and only an upper bound is known. A lower limit may then hold for some units and not for others."
    ),
    bad="""\
limits: {receptive_field: "> 5"}
network: [{conv: 8}, {upsample: {factor: 2, mode: bilinear}}, {conv: 8}]""",
    good="""\
limits: {receptive_field: "> 4"}
network: [{conv: 8}, {conv: 8}, {conv: 8}]""",
)
NO_ARENA = declare(
    "AB590",
    "a limit on the arena of a network that the runtime cannot run",
    verdict=True,
    why=(
        "The arena is the memory of TensorFlow Lite for Microcontrollers, in int8. If the runtime has no kernel for a "
        "layer, the network does not run there and has no arena; a network with thousands of tensors in memory at the "
        "same time does not fit a microcontroller."
    ),
    bad="""\
limits: {arena: "< 64 KiB"}
network: [{conv: {out: 8, activation: gelu}}]""",
    good="""\
limits: {arena: "< 64 KiB"}
network: [{conv: {out: 8, activation: hardswish}}]""",
)


Shares = Iterable[int]  # one per layer, in order


class Quantity(NamedTuple):
    """A quantity that can be limited: how to compute it from the facts, and the dtypes in which it can be stated.

    `value` is None if it is not known; `shares` are the parts of the layers, if the quantity is their sum.
    `dtype` applies if a limit names none.
    """

    value: Callable[[Facts, str], int | None]
    shares: Callable[[Facts, str], Shares] | None = None
    dtypes: tuple[str, ...] = ()
    dtype: str = DTYPE


def _sum(shares: Callable[[Facts, str], Shares], *dtypes: str) -> Quantity:
    """A quantity that is the sum over the layers."""
    return Quantity(lambda facts, dtype: sum(shares(facts, dtype)), shares, dtypes)


FLOATS = tuple(dtype for dtype in BYTES if "float" in dtype)
FIELD = "receptive_field"
ARENA, ARENA_TOTAL = "arena", "arena_total"


def _arena(read: Callable[[Arena], int]) -> Quantity:
    """A quantity of the arena on a microcontroller."""

    def value(facts: Facts, dtype: str) -> int | None:
        from archbuilder.device.arena import arena

        found = arena(facts.graph, dtype)
        return None if found is None else read(found)

    return Quantity(value, dtypes=("int8", "float32"), dtype="int8")


QUANTITIES = {
    "params": _sum(lambda facts, _: (layer.params for layer in facts.layers)),
    "trainable_params": _sum(lambda facts, _: (layer.params - layer.frozen_params for layer in facts.layers)),
    "macs": _sum(lambda facts, _: (layer.macs for layer in facts.layers)),
    FIELD: Quantity(lambda facts, _: None if facts.field.status == "unknown" else min(facts.field.size)),
    "layers": Quantity(lambda facts, _: len(facts.layers)),
    "peak_activations": Quantity(lambda facts, dtype: facts.memory.peak_bytes(dtype), dtypes=tuple(BYTES)),
    "training_activations": _sum(lambda facts, dtype: facts.memory.kept_by_layer(dtype), *FLOATS),
    ARENA: _arena(lambda arena: arena.head),
    ARENA_TOTAL: _arena(lambda arena: arena.total[1]),  # an estimate: its upper end counts
    "flash": _sum(lambda facts, dtype: (layer.weight_bytes(dtype) for layer in facts.layers), *BYTES),
}


def dtype_of(limit: Limit) -> str:
    """The dtype of a limit: the one it names, else that of its quantity."""
    return limit.dtype or QUANTITIES[limit.name].dtype


def value_of(limit: Limit, facts: Facts) -> int | None:
    """The value that a limit is compared with, None if it is not known; for a receptive field, the axis that is worse
    for the limit."""
    value = QUANTITIES[limit.name].value(facts, dtype_of(limit))
    return max(facts.field.size) if limit.name == FIELD and value and "<" in limit.relation else value


class Measured(NamedTuple):
    """A limit and its value; None if the value is not known, and then the limit does not hold."""

    limit: Limit
    value: int | None

    @property
    def ok(self) -> bool:
        return self.value is not None and self.limit.holds(self.value)

    @property
    def left(self) -> int | None:
        """How much of the budget is left; negative: by how much the limit is missed."""
        return None if self.value is None else self.limit.left(self.value)

    @property
    def unit(self) -> str:
        """The unit, to be printed after a number; empty if the name of the limit says it."""
        if not QUANTITIES[self.limit.name].dtypes:
            return ""
        estimated = ", estimated," * (self.limit.name == ARENA_TOTAL)
        return f" bytes{estimated} in {dtype_of(self.limit)}"

    @property
    def rest(self) -> str:
        """The distance of the value from the bound, in words; `< 200k` is also missed at exactly 200,000."""
        if self.left is None:
            return "unknown"
        return f"{self.left:,} left" if self.ok else f"missed by {-self.left:,}" if self.left else "at the bound"

    @property
    def words(self) -> str:
        """The value and its distance from the bound, in words."""
        return self.rest if self.value is None else f"{self.value:,}{self.unit}, {self.rest}"


def measure(limits: Sequence[Limit], facts: Facts | None, diagnostics: list[Diagnostic]) -> tuple[Measured, ...]:
    """Every limit with its value; unknown and missed limits are reported, without facts only unknown ones."""
    measured = []
    for limit in limits:
        quantity = QUANTITIES.get(limit.name)
        if quantity is None:
            message = f"there is no limit on {limit.name}"
            diagnostics.append(UNKNOWN_LIMIT.at(limit.span, message, did_you_mean(limit.name, QUANTITIES)))
        elif limit.dtype and limit.dtype not in quantity.dtypes:
            message = f"{limit.name} cannot be stated in {limit.dtype}"
            hint = f"known here: {', '.join(quantity.dtypes)}" if quantity.dtypes else f"remove {limit.dtype}"
            diagnostics.append(LIMIT.at(limit.span, message, hint))
        elif facts is not None:
            result = Measured(limit, value_of(limit, facts))
            measured.append(result)
            diagnostics += _problems(result, facts)
    return tuple(measured)


def _problems(measured: Measured, facts: Facts) -> Iterator[Diagnostic]:
    """The findings for a limit; none for an unknown receptive field, because its reason is already reported."""
    if measured.value is None and measured.limit.name in (ARENA, ARENA_TOTAL):
        yield _no_arena(measured.limit, facts)
    if measured.value is not None and not measured.ok:
        yield _missed(measured, measured.value, facts)
    elif measured.ok and not _is_proven(measured.limit, facts):
        limit, least = measured.limit, min(facts.field.least)
        message = f"the receptive field is only known to be between {least} and {measured.value}"
        yield UNPROVEN.at(limit.span, message, f"{limit.text} may not hold for every unit")


def _no_arena(limit: Limit, facts: Facts) -> Diagnostic:
    from archbuilder.device.kernels import program_of

    lacking = program_of(facts.graph, dtype_of(limit)).lacking
    if not lacking:
        message = f"{limit.name} is not known: too many tensors are in memory at the same time"
        return NO_ARENA.at(limit.span, message, "make the network smaller: no microcontroller can hold so many tensors")
    node, why = lacking[0]
    others = f", and {len(lacking) - 1:,} more layers" if len(lacking) > 1 else ""
    message = (
        f"{limit.name} is not known: {node.name} ({node.op.describe()}) does not run in this runtime: {why}{others}"
    )
    return NO_ARENA.at(node.span, message, why.hint)


def _is_proven(limit: Limit, facts: Facts) -> bool:
    """Whether a limit holds for certain: an upper bound of the value proves no lower limit."""
    if limit.name != FIELD or facts.field.status != "upper bound":
        return True
    return "<" in limit.relation or limit.holds(min(facts.field.least))


# the remedies for a value that is too small, and for one that is too large
_REMEDIES = {
    FIELD: (
        "dilate or stride an early conv, or add a conv: each adds (kernel - 1) x dilation x effective stride",
        "stride later, dilate less, or remove a conv",
    ),
    "layers": ("add a layer", "remove a layer"),
}


def _missed(measured: Measured, value: int, facts: Facts) -> Diagnostic:
    limit = measured.limit
    message = f"{limit.name} is {value:,}{measured.unit}, the limit is {limit.text}"
    add, remove = _REMEDIES.get(limit.name) or ("widen a layer, or add one", _costliest(limit, facts))
    too_much = "<" in limit.relation or value > limit.bound
    return MISSED.at(limit.span, message, remove if too_much else add)


def _costliest(limit: Limit, facts: Facts) -> str:
    """The three most expensive layers, or the live tensors, as a hint for a missed budget."""
    shares = QUANTITIES[limit.name].shares
    if limit.name in (ARENA, ARENA_TOTAL):
        return _in_the_arena(limit, facts)
    if shares is None:
        return _at_the_peak(facts)
    costs = zip(shares(facts, dtype_of(limit)), (layer.node.name for layer in facts.layers), strict=True)
    most = sorted(costs, key=lambda pair: -pair[0])[:3]
    return "the most expensive: " + ", ".join(f"{layer} ({cost:,})" for cost, layer in most if cost)


def _at_the_peak(facts: Facts) -> str:
    memory = facts.memory
    if not facts.layers:
        return "the image alone needs more: allow at least that much"
    live = ", ".join(f"{name} ({scalars:,} values)" for name, scalars in memory.tensors)
    return f"live while {facts.layers[memory.peak].node.name} runs: {live}; stride earlier, or use fewer channels there"


def _in_the_arena(limit: Limit, facts: Facts) -> str:
    from archbuilder.device.arena import arena

    found = arena(facts.graph, dtype_of(limit))
    assert found is not None
    operator, placed = found.peak
    there = ", ".join(f"{each.buffer.name} ({each.buffer.size:,})" for each in placed)
    at = f"while {operator.output} runs" if operator else "at the start"
    return f"needed {at}: {there}; stride earlier, or use fewer channels there"
