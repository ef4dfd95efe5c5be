"""The `goals:` of a file or a rule pack: requirements that need a run.

goals:
  - accuracy: ">= 85%"                                              # short for the test accuracy after the last epoch
  - {of: test_accuracy, bound: ">= 99.4%", over: {each_of_last: 3}}
  - {of: train_time, bound: "<= 10 min"}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.diagnostics import declare, did_you_mean, shorten, show
from archbuilder.document.nodes import Node
from archbuilder.remedy import Hint, Write
from archbuilder.schema.env import Env
from archbuilder.schema.fields import Check, Variables, expected, failure, integer, reads
from archbuilder.schema.model import FORM, INVALID, Model, validate

MAX_GOALS = 20

GOAL = declare(
    "AB540",
    "a goal that cannot be read",
    why=(
        "A goal is a relation and a number with its unit, in quotes: an accuracy in per cent (at least), a time in s, "
        "min or h (at most). A goal that cannot be read could not be checked."
    ),
    bad='goals: {accuracy: ">= 0.85"}',
    good='goals: {accuracy: ">= 85%"}',
)

ACCURACIES = ("test_accuracy", "validation_accuracy", "train_accuracy")
TIME = "train_time"
METRICS = (*ACCURACIES, TIME)
SHORT = "accuracy"  # of the test images after the last epoch

_SECONDS = {"s": 1, "min": 60, "h": 3600}
_BOUND = re.compile(r"(>=|<=|>|<)\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(%|s|min|h)")


@reads(enum=[*METRICS, SHORT])
def _metric(value: Any, variables: Variables) -> str:
    if value == SHORT:
        return "test_accuracy"
    if value not in METRICS:
        message = f"there is no goal on {value if isinstance(value, str) else show(value)}"
        raise failure(shorten(message, 100), did_you_mean(str(value), [*METRICS, SHORT], is_value=True))
    return str(value)


@dataclass(frozen=True)
class Bound:
    """A relation and a number: per cent, or seconds; `text` is as written, `unit` is %, s, min or h."""

    text: str
    relation: str
    value: float
    unit: str

    @property
    def is_time(self) -> bool:
        return self.unit in _SECONDS

    def holds(self, value: float) -> bool:
        if value == self.value:
            return "=" in self.relation
        return value > self.value if ">" in self.relation else value < self.value

    def show(self, value: float) -> str:
        """A value with its unit: 84.99 %, 9.52 min; with more digits if it would otherwise look equal to the bound."""
        unit = "s" if value < 60 else "min" if value < 3600 else "h"
        unit = unit if self.is_time else "%"
        bound, found = (number / _SECONDS.get(unit, 1) for number in (self.value, value))
        digits = next((n for n in range(2, 7) if value == self.value or round(found, n) != bound), 7)
        return f"{found:,.{digits}f} {unit}"


@reads(type="string", pattern=rf"^\s*({_BOUND.pattern})\s*$", examples=[">= 85%"])
def _bound(value: Any, variables: Variables) -> Bound:
    text = value.strip() if isinstance(value, str) else ""
    found = _BOUND.fullmatch(text)
    if not found:
        raise failure(f"{show(value, 40)} is not the bound of a goal", _bound_hint(value), GOAL)
    relation, number, unit = found.groups()
    return Bound(text, relation, float(number) * _SECONDS.get(unit, 1), unit)


def _bound_hint(value: Any) -> Hint:
    say = "write relation, number and unit: {}"
    text = "" if isinstance(value, bool) else str(value).strip()
    if re.fullmatch(r"[0-9.]+\s*(s|min|h)", text):
        return Write(f'"<= {text}"', say=say)
    number = re.fullmatch(r"(>=|>)?\s*([0-9]+(?:\.[0-9]+)?)\s*(%?)", text)
    if number and 0 < float(number[2]) <= 100:
        is_share = float(number[2]) < 1 and not number[3]
        percent = f"{100 * float(number[2]):.6g}" if is_share else number[2]
        return Write(f'"{number[1] or ">="} {percent}%"', say=say)
    return 'write a relation, a number and its unit, in quotes: ">= 85%", "<= 10 min"'


@dataclass(frozen=True)
class Over:
    """The epochs of a goal; `epochs` is the number after each_of_last and by_epoch."""

    kind: str
    epochs: int = 1

    @property
    def is_any(self) -> bool:
        """Whether one epoch among them is enough."""
        return self.kind in ("best", "by_epoch")

    def among(self, epochs: int) -> range:
        """The epochs, from 1, that count in a run of `epochs` epochs."""
        if self.kind == "by_epoch":
            return range(1, min(self.epochs, epochs) + 1)
        return range(1 if self.kind == "best" else max(1, epochs - self.epochs + 1), epochs + 1)

    @property
    def words(self) -> str:
        count = self.epochs
        if self.kind == "by_epoch":
            return "in the first epoch" if count == 1 else f"by epoch {count}"
        if self.kind == "best":
            return "in the best epoch"
        return "after the last epoch" if count == 1 else f"in each of the last {count} epochs"

    def __str__(self) -> str:
        return f"{{{self.kind}: {self.epochs}}}" if self.kind in _COUNTED else self.kind

    def plain(self) -> str | dict[str, int]:
        """As plain data."""
        return {self.kind: self.epochs} if self.kind in _COUNTED else self.kind


_count = integer(1)
_COUNTED = ("each_of_last", "by_epoch")
_WORDS = ("last", "best")
_OVER_FORM = {
    "anyOf": [
        {"enum": list(_WORDS)},
        *(
            {"type": "object", "properties": {key: _count.form}, "required": [key], "additionalProperties": False}
            for key in _COUNTED
        ),
    ]
}


@reads(**_OVER_FORM)
def _over(value: Any, variables: Variables) -> Over:
    if value in _WORDS:
        return Over(value)
    if isinstance(value, dict) and len(value) == 1:
        ((kind, count),) = value.items()
        if kind in _COUNTED:
            return Over(kind, _count(count, variables))
        value = kind
    hint = did_you_mean(value, [*_WORDS, *_COUNTED], is_value=True) if isinstance(value, str) else ""
    raise expected("last, best, {each_of_last: 3} or {by_epoch: 1}", value, hint)


class Goal(Model):
    """A goal needs a run: a lower bound on an accuracy in per cent, or an upper bound on the training time.

    `accuracy: ">= 85%"` is short for `{of: test_accuracy, bound: ">= 85%", over: last}`; other metrics can be written
    in the same way. Accuracies are those in the log of the run: on the test images; on the validation split if `data:`
    keeps one (the test images are then used once, after the last epoch); and on the training images as they were seen,
    augmented and while the weights were changing. `train_time` is the time of all epochs with their evaluations, as
    `runs` shows it, in `s`, `min` or `h`. `over` says which epochs count: the `last`; the `best`; `each_of_last: 3`;
    `by_epoch: 10`, any of the first ten. If several seeds are trained, each run is judged separately.
    """

    of: Annotated[str, Check(_metric), Field(description=f"one of {', '.join(METRICS)}; accuracy is test_accuracy")]
    bound: Annotated[Bound, Check(_bound), Field(description='a relation, a number, a unit: ">= 85%", "<= 10 min"')]
    over: Annotated[
        Over, Check(_over), Field(description="last, best, {each_of_last: 3} or {by_epoch: 1}: the epochs that count")
    ] = Over("last")

    EXAMPLE: ClassVar[str] = '{of: test_accuracy, bound: ">= 99.4%", over: {each_of_last: 3}}'

    @property
    def words(self) -> str:
        """The goal in one line: test accuracy >= 85% after the last epoch."""
        what = self.of.replace("_", " ")
        return f"{what} {self.bound.text}" + ("" if self.of == TIME else f" {self.over.words}")

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"of": self.of, "bound": self.bound.text, "over": self.over.plain()}


_SHORT = {
    "title": "goals for short",
    "type": "object",
    "properties": dict.fromkeys((SHORT, *METRICS), _bound.form),
    "additionalProperties": False,
}
_LIST = {"type": "array", "items": {"anyOf": [Goal, _SHORT]}, "maxItems": MAX_GOALS}
GOALS = {"anyOf": [_SHORT, _LIST, {"type": "null"}]}  # as JSON Schema


def read_goals(node: Node, env: Env) -> Any:
    """A tuple of Goal; invalid ones are reported."""
    if node.value is None:
        return ()
    if not node.is_mapping and not node.is_list:
        env.report(
            FORM, node.span, f"expected goals, found {show(node.value)}", 'write accuracy: ">= 85%" under goals:'
        )
        return INVALID
    goals = [goal for item in node.value for goal in _item(item, env)] if node.is_list else _short(node, env)
    if len(goals) > MAX_GOALS:
        env.report(FORM, node.span, f"{len(goals)} goals, at most {MAX_GOALS} are read")
        return INVALID
    return INVALID if INVALID in goals else tuple(goals)


def _item(node: Node, env: Env) -> list[Any]:
    if not node.is_mapping or node.value.keys() & Goal.model_fields.keys():
        return [_goal(node, env)]
    return _short(node, env)


def _short(node: Node, env: Env) -> list[Any]:
    """A goal for each key; a goal in full is an item of a list."""
    if inside := [key for key in node.value if key in Goal.model_fields]:
        env.report(FORM, node.place(inside[0]), "a goal with fields is an item of a list", "start it with a dash")
        return [INVALID]
    if places := [key for key in node.value if key.isdigit()]:
        message = f"these goals are no list, so that none of them has the place {places[0]}"
        env.report(FORM, node.place(places[0]), message, 'set goals.accuracy, or all: goals=[{accuracy: ">= 85%"}]')
        return [INVALID]
    return [_goal(_in_full(name, child, node), env) for name, child in node.value.items()]


def _in_full(name: str, bound: Node, node: Node) -> Node:
    """`accuracy: ">= 85%"` as a goal with all its fields; its place is the key."""
    place = node.place(name)
    return Node({"of": Node(name, place), "bound": bound}, place, {"of": place, "bound": place})


def _goal(node: Node, env: Env) -> Any:
    goal = validate(Goal, node, env)
    if isinstance(goal, Goal) and (misfit := _misfit(goal)):
        field, message, hint = misfit
        env.report(GOAL, node.value[field].span, message, hint)
        return INVALID
    return goal


def _misfit(goal: Goal) -> tuple[Literal["bound", "over"], str, str] | None:
    """(field, message, hint) if the bound does not fit the metric."""
    bound, what = goal.bound, goal.of.replace("_", " ")
    is_time = goal.of == TIME
    if bound.is_time != is_time:
        unit = "in s, min or h" if is_time else "in per cent"
        return (
            "bound",
            f"{what} is {unit}, not {bound.text}",
            f"write {'<= 10 min' if is_time else '>= 85%'}, for example",
        )
    if (">" in bound.relation) == is_time:
        kind = "an upper bound: <= or <" if is_time else "a lower bound: >= or >"
        return "bound", f"{bound.text} is not a goal for {what}", f"write {kind}"
    if not is_time and not (bound.value < 100 or bound.holds(100)):
        return "bound", f"{what} {bound.text} is more than all images", "write at most 100%: >= 85%"
    if is_time and not bound.holds(0):
        return "bound", f"{what} {bound.text} allows no time at all", "write a time over 0"
    if is_time and goal.over.kind != "last":
        return "over", f"{what} is that of the whole run", "remove over:"
    return None
