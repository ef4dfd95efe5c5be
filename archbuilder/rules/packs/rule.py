"""The base class of rules, and the result of checking a network against a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from archbuilder.diagnostics import Code, Span, declare
from archbuilder.ir.graph import Node, block_path
from archbuilder.remedy import Hint
from archbuilder.rules.packs.network import Network
from archbuilder.schema.fields import Name
from archbuilder.schema.model import Model
from archbuilder.spec.goals import Goal
from archbuilder.spec.limits import Limit

STRUCTURE = declare(
    "AB511",
    "stages or convolutions that do not match a rule pack",
    verdict=True,
    of_pack=True,
    why=(
        "The pack asks for a certain structure: stages of these names, a number of convolutions in each, a certain "
        "kind of convolution at the end. The message says what is missing and where."
    ),
    bad="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{stages: [C1, C2]}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
    good="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{has: gap}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
)
FORBIDDEN = declare(
    "AB512",
    "a layer that a rule pack forbids",
    verdict=True,
    of_pack=True,
    why=(
        "The pack forbids this layer, because the assignment does not allow it or the target hardware has no kernel "
        "for it."
    ),
    bad="""\
rules: mcu
network: [{conv: {out: 8, activation: gelu}}, gap]""",
    good="""\
rules: mcu
network: [{conv: {out: 8, activation: relu}}, gap]""",
)
LACKING = declare(
    "AB513",
    "a layer that a rule pack requires",
    verdict=True,
    of_pack=True,
    why="The pack requires a kind of layer that the network does not have, or has only in a form that does not count.",
    bad="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{has: skip}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
    good="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{has: conv}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
)
TOTAL = declare(
    "AB514",
    "a total outside the bound of a rule pack",
    verdict=True,
    of_pack=True,
    why=(
        "The pack limits a total, such as the number of parameters or the peak memory, and the network exceeds it. "
        "`--suggest` searches for edits for rules as it does for limits."
    ),
    bad="""\
rules: mcu
input: [3, 96, 96]
network: [{conv: 32}, gap]""",
    good="""\
rules: mcu
input: [3, 96, 96]
network: [{strided: 8}, gap]""",
)
DATA = declare(
    "AB515",
    "a data: section that does not match a rule pack",
    verdict=True,
    of_pack=True,
    why="The pack also says how the images must be augmented, and the data: section does not do that.",
    bad="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{augment: [horizontal_flip]}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
    good="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{augment: [horizontal_flip]}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml --set data.augment='[horizontal_flip]'""",
)
IMAGE = declare(
    "AB516",
    "an input or a number of classes that does not match a rule pack",
    verdict=True,
    of_pack=True,
    why=(
        "The pack is for images of one size and for a fixed number of classes; totals for another input cannot be "
        "compared with it."
    ),
    bad="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{image: {input: [3, 32, 32], classes: 10}}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
    good="""\
$ echo '{archbuilder_rules: 1, name: course, rules: [{image: {input: [1, 8, 8], classes: 10}}]}' > pack.yaml
$ archbuilder check net.yaml --rules pack.yaml""",
)
RECIPE = declare(
    "AB545",
    "a recipe that does not match a rule pack",
    verdict=True,
    of_pack=True,
    why=(
        "The pack also limits how long and by which recipe the network may be trained; a result that took more epochs "
        "cannot be compared with the others."
    ),
    bad="""\
$ cat > pack.yaml <<'END'
archbuilder_rules: 1
name: course
rules: [{recipe: {epochs: "<= 15"}}]
END
$ archbuilder check net.yaml --rules pack.yaml --set train.epochs=30""",
    good="""\
$ cat > pack.yaml <<'END'
archbuilder_rules: 1
name: course
rules: [{recipe: {epochs: "<= 15"}}]
END
$ archbuilder check net.yaml --rules pack.yaml --set train.epochs=15""",
)


@dataclass(frozen=True)
class Evidence:
    """Something that satisfies a rule: a layer, a stage or an augmentation, and its line in the file."""

    name: str
    line: int

    @classmethod
    def of(cls, *nodes: Node) -> tuple[Evidence, ...]:
        """Evidence from layers: the blocks that they belong to."""
        return tuple(cls(block_path(node), node.span.line) for node in nodes)


@dataclass(frozen=True)
class Miss:
    """Something that a rule misses: the values found and a remedy. Without a place, the finding is where the pack is
    named."""

    code: Code
    message: str
    hint: Hint
    span: Span | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of checking one rule. `says` is a few words for the report on how it is satisfied."""

    by: tuple[Evidence, ...] = ()
    says: str = ""
    misses: tuple[Miss, ...] = ()


class Demand(NamedTuple):
    """A number of layers, at least, that match one of these words."""

    words: frozenset[str]
    number: int = 1


def missed(code: Code, message: str, hint: Hint, span: Span | None = None) -> Outcome:
    """The outcome of a rule that misses one thing."""
    return Outcome(misses=(Miss(code, message, hint, span),))


class Rule(Model):
    """Base class of every rule: one requirement of a pack.

    `judge` gets a network that was lowered without errors, and returns what satisfies the rule, or what is missing."""

    KIND: ClassVar[str] = ""  # the rule's word in YAML, set by `register`
    EXAMPLE: ClassVar[str] = ""
    REJECTS: ClassVar[dict[str, str]] = {}

    name: Annotated[Name | None, Field(description="the name of the rule in reports, by default its kind")] = None
    remedy: Annotated[str | None, Field(description="the hint to print instead of the rule's own")] = None

    @property
    def title(self) -> str:
        return self.name or self.KIND

    @property
    def limit(self) -> Limit | None:
        """The bound on a total, for a rule that is one."""
        return None

    def judge(self, net: Network) -> Outcome:
        """Check the network against the rule."""
        raise NotImplementedError

    def demands(self) -> Iterable[Demand]:
        """Layers that every network satisfying the rule has."""
        return ()

    def forbids(self) -> Iterable[str]:
        """Words that no layer of a network satisfying the rule matches."""
        return ()

    def least(self, of: Limit) -> int:
        """A lower bound for the total of a limit, in every network that satisfies the rule."""
        return max((demand.number for demand in self.demands()), default=0) if of.name == "layers" else 0

    def excludes(self, other: Rule) -> str:
        """Why no network can satisfy both rules (or this rule, if it is given itself); empty if one may.

        Covers only what `demands` and `forbids` do not express: see rules/packs/contradictions.py."""
        return ""

    def precludes(self, goal: Goal) -> str:
        """Why no run of a network that satisfies the rule can reach a goal; empty if one may."""
        return ""


def are_required(number: int) -> str:
    """... 1 is required, ... 3 are required."""
    return "is required" if number == 1 else "are required"


def listed(names: Iterable[str], most: int = 4) -> str:
    """A few names for a message; of more than `most`, the first ones and the number of others."""
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
