"""recipe: how the network is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.diagnostics import Span, did_you_mean, show
from archbuilder.remedy import Change, Hint, Write, written
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import RECIPE, Evidence, Miss, Outcome, Rule
from archbuilder.schema.family import Family
from archbuilder.schema.fields import Check, Positive, Reading, Variables, failure, integer, reads
from archbuilder.schema.model import Model
from archbuilder.spec.data import Data
from archbuilder.spec.goals import Goal
from archbuilder.spec.limits import Limit
from archbuilder.spec.train import Train
from archbuilder.spec.train.optimizers import OPTIMIZERS
from archbuilder.spec.train.schedules import SCHEDULES, Cosine, OneCycle, Piecewise, Schedule

PEAKED = ("one_cycle", "cosine", "linear", "triangular")  # schedules whose peak the field warmup sets
_FIELDS = "write {}, with suitable fields"
NEAR = 0.05  # epochs: warmup is a share of the run, written with few digits

_count = integer(1)
_COUNT = re.compile(r"(<=|>=|<|>)\s*([0-9]{1,7})")


@reads(anyOf=[_count.form, {"type": "string", "pattern": rf"^\s*({_COUNT.pattern})\s*$"}])
def _bound(value: Any, variables: Variables) -> Limit:
    """A number, or a relation and a number: 24, "<= 15"."""
    found = _COUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found and int(found[2]) > (found[1] == "<"):  # nothing satisfies "< 1"
        return Limit("", f"{found[1]} {found[2]}", found[1], int(found[2]), Span(""))
    if isinstance(value, str):
        hint: Hint = Write(f'"<= {value.strip()}"') if value.strip().isdigit() else 'write 24, or "<= 15"'
        raise failure(f"{show(value, 40)} is not a bound", hint)
    return Limit("", str(value), "==", _count(value, variables), Span(""))


def _names_of(family: Family) -> Reading:
    @reads(anyOf=[{"enum": family.names()}, {"type": "array", "items": {"enum": family.names()}, "minItems": 1}])
    def read(value: Any, variables: Variables) -> tuple[str, ...]:
        found = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        for name in found or ("",):
            if not isinstance(name, str) or family.find(name) is None:
                hint = did_you_mean(str(name), family.names(), is_value=True)
                raise failure(f"there is no {family.noun} {show(name)}", hint)
        return found

    return read


Bounded = Annotated[Limit | None, Check(_bound)]


@register
class Recipe(Rule):
    """Bounds on the recipe in `train:`; a field that is not given is free.

    A bound is a number, or a relation and a number in quotes: `epochs: 24`, `epochs: "<= 15"`. `batch_size` is the
    number of images per step of the optimizer, so accumulated batches count as one. `peak` is the epoch at which the
    learning rate is highest: `warmup: 0.25` of 20 epochs has its peak at epoch 5.
    """

    EXAMPLE: ClassVar[str] = 'recipe: {epochs: "<= 15", optimizer: [sgd, adam], batch_size: 128}'
    REJECTS: ClassVar[dict[str, str]] = {
        "recipe: {epochs: 15 or so}": "AB103",
        "recipe: {optimizer: sdg}": "AB103",
        "recipe: {lr: 0.1}": "AB101",
    }

    epochs: Annotated[Bounded, Field(description="how many")] = None
    optimizer: Annotated[
        tuple[str, ...], Check(_names_of(OPTIMIZERS)), Field(description="one, or a list of allowed ones")
    ] = ()
    schedule: Annotated[
        tuple[str, ...], Check(_names_of(SCHEDULES)), Field(description="one, or a list of allowed ones")
    ] = ()
    peak: Annotated[Positive | None, Field(description="the epoch at which the learning rate is highest")] = None
    batch_size: Annotated[Bounded, Field(description="images per step")] = None

    def excludes(self, other: Rule) -> str:
        if not isinstance(other, Recipe):
            return ""
        for name in ("epochs", "batch_size"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine and theirs and max(mine.range[0], theirs.range[0]) > min(mine.range[1], theirs.range[1]):
                return f"{name} {mine.text} and {theirs.text}"
        for name, family in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine and theirs and not _kinds(family, mine) & _kinds(family, theirs):
                return f"{name} {' or '.join(mine)} and {' or '.join(theirs)}"
        if self.peak and other.peak and self.peak != other.peak:
            return f"a peak at epoch {self.peak} and at epoch {other.peak}"
        for one, another in ((self, other), (other, self)):
            if one.schedule and another.peak and not set(one.schedule) & {*PEAKED, "piecewise"}:
                return f"the schedule {' or '.join(one.schedule)} has no peak"
            if one.epochs and another.peak and another.peak > (most := one.epochs.range[1]):
                return f"a peak at epoch {another.peak} of {most:.0f}"
        return ""

    def precludes(self, goal: Goal) -> str:
        if not self.epochs or goal.over.kind != "each_of_last" or goal.over.epochs <= (most := self.epochs.range[1]):
            return ""
        return f"a run has {most:.0f} epochs at most"

    def judge(self, net: Network) -> Outcome:
        train, data = net.spec.train or Train(), net.spec.data or Data(dataset="digits")
        place = net.spec.span("train") if net.spec.train else net.place
        misses = list(self._misses(train, data, place))
        by = (Evidence("train", place.line),) if net.spec.train else ()
        return Outcome(by, ", ".join(self._says(train, data)), tuple(misses))

    def _says(self, train: Train, data: Data) -> Iterator[str]:
        if self.epochs:
            yield f"{train.epochs} epochs"
        if self.optimizer:
            yield _word(OPTIMIZERS, train.optimizer)
        if self.schedule or self.peak:
            yield _word(SCHEDULES, train.schedule)
        if self.batch_size:
            yield f"batches of {data.batch_size * train.accumulate}"

    def _misses(self, train: Train, data: Data, place: Span) -> Iterator[Miss]:
        def at(model: Model, field: str) -> Span:
            return model.span(field) if model._node else place

        if self.epochs and not self.epochs.holds(train.epochs):
            message = f"the run has {train.epochs} epochs, but {_asked(self.epochs)}"
            yield Miss(RECIPE, message, _set(train, epochs=str(_nearest(self.epochs))), at(train, "epochs"))
        if self.optimizer and not _is_one(OPTIMIZERS, self.optimizer, train.optimizer):
            message = f"the optimizer is {_word(OPTIMIZERS, train.optimizer)}, but {_or(self.optimizer)}"
            word = _bare(OPTIMIZERS, self.optimizer)
            hint: Hint = _set(train, optimizer=word) if word else _FIELDS.format(self.optimizer[0])
            yield Miss(RECIPE, message, hint, at(train, "optimizer"))
        if self.schedule and not _is_one(SCHEDULES, self.schedule, train.schedule):
            message = f"the schedule is {_word(SCHEDULES, train.schedule)}, but {_or(self.schedule)}"
            yield Miss(RECIPE, message, self._scheduled(train), at(train, "schedule"))
        elif self.peak:
            yield from self._peak(train, at(train, "schedule"))
        step = data.batch_size * train.accumulate
        if self.batch_size and not self.batch_size.holds(step):
            message = f"a step has {step} images, but {_asked(self.batch_size)}"
            number, rest = divmod(_nearest(self.batch_size), train.accumulate)
            hint = Change({"batch_size": str(number)}, at=("data",), say="set {}")
            yield Miss(RECIPE, message, "change batch_size" if rest else hint, at(data, "batch_size"))

    def _peak(self, train: Train, place: Span) -> Iterator[Miss]:
        found = _peak_of(train.schedule, train.epochs)
        if found is None:
            word = _word(SCHEDULES, train.schedule)
            message = f"the schedule {word} has no peak, but one at epoch {self.peak} is required"
            yield Miss(RECIPE, message, self._scheduled(train), place)
        elif self.peak and abs(found - self.peak) > NEAR:
            message = f"the rate is highest at epoch {found:g}, but its peak is required at epoch {self.peak}"
            yield Miss(RECIPE, message, self._scheduled(train), place)

    def _scheduled(self, train: Train) -> Hint:
        """The remedy: one of the required schedules with the required peak; the present one where it is among them."""
        wanted = tuple(word for word in self.schedule or PEAKED if word in PEAKED or not self.peak)
        word = _word(SCHEDULES, train.schedule)
        is_kept = word in wanted
        word = word if is_kept else _bare(SCHEDULES, wanted)
        if not word:
            return _FIELDS.format(" or ".join(self.schedule))
        fields = {name: getattr(train.schedule, name) for name in train.schedule.model_fields_set} if is_kept else {}
        if self.peak:
            epochs = train.epochs if not self.epochs or self.epochs.holds(train.epochs) else _nearest(self.epochs)
            if self.peak >= epochs:
                return f"train for more than {self.peak} epochs"
            fields["warmup"] = round(self.peak / epochs, 4)
        return _set(train, schedule=written({word: fields}) if fields else word)


def _asked(bound: Limit) -> str:
    return f"{bound.text} {'is' if bound.bound == 1 else 'are'} required"


def _or(wanted: tuple[str, ...]) -> str:
    return f"{' or '.join(wanted)} is required"


def _bare(family: Family, wanted: tuple[str, ...]) -> str:
    """The first word that may stand without fields, empty where none may."""
    kinds = ((word, family.find(word)) for word in wanted)
    return next((word for word, kind in kinds if kind and not _required(kind)), "")


def _required(kind: type[Model]) -> list[str]:
    return [name for name, field in kind.model_fields.items() if field.is_required()]


def _nearest(bound: Limit) -> int:
    """The number within the bound that is nearest to those outside."""
    least, most = bound.range
    return round(least if ">" in bound.relation else most)


def _set(train: Train, **fields: str) -> Change:
    """The remedy: fields of `train:`, with the section where there is none."""
    if train._node is None:
        return Change({"train": f"{{{', '.join(f'{name}: {text}' for name, text in fields.items())}}}"}, at=())
    return Change(fields, at=("train",), say="set {}")


def _is_one(family: Family, wanted: tuple[str, ...], found: Model) -> bool:
    return type(found) in _kinds(family, wanted)


def _kinds(family: Family, words: tuple[str, ...]) -> set[type[Model] | None]:
    """What the words mean: two words may mean one thing, such as `constant` and `none`."""
    return {family.find(word) for word in words}


def _word(family: Family, found: Model) -> str:
    """The word in YAML for a member of a family."""
    return next(name for name in family.names() if family.find(name) is type(found))


def _peak_of(schedule: Schedule, epochs: int) -> float | None:
    """The epoch at which the learning rate is highest; None if it never rises."""
    if isinstance(schedule, (OneCycle, Cosine)):  # and their subclasses: linear, triangular
        return schedule.warmup * epochs or None
    if isinstance(schedule, Piecewise):
        return max(schedule.points, key=lambda point: point[1])[0]
    return None
