"""What of a pack no network, and no run, can satisfy together: its author is told, not those it is held against.

Each kind of rule says what it demands, what it forbids, and what a total is at least then; what more it knows of
another kind stands in its `excludes`.  What cannot be decided so is no contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archbuilder.diagnostics import Diagnostic, declare
from archbuilder.rules.packs.rule import Rule
from archbuilder.rules.packs.words import with_what_needs
from archbuilder.spec.goals import Goal

CONTRADICTION = declare(
    "AB546",
    "a rule pack that contradicts itself",
    why="No network can satisfy both of two rules, so every submission would fail. Correct the pack, not the networks.",
    bad="""\
$ cat > pack.yaml <<'END'
archbuilder_rules: 1
name: course
rules: [{without: max_pool}, {has: max_pool}]
END
$ archbuilder check net.yaml --rules pack.yaml""",
    good="""\
$ cat > pack.yaml <<'END'
archbuilder_rules: 1
name: course
rules: [{without: max_pool}, {has: conv}]
END
$ archbuilder check net.yaml --rules pack.yaml""",
)

_HINT = "change one of the two, or leave it out"


def contradictions(rules: Sequence[Rule], goals: Sequence[Goal]) -> Iterator[Diagnostic]:
    """Each rule, and each goal, that cannot be satisfied, by itself or together with one before it."""
    possible: list[Rule] = []  # a rule that contradicts itself says nothing about the others
    for rule in rules:
        if reason := rule.excludes(rule):
            yield CONTRADICTION.at(
                rule.span(), f"{rule.title} contradicts itself: {reason}", "change it, or leave it out"
            )
            continue
        for other in possible:
            if reason := _apart(rule, other) or _apart(other, rule):
                message = f"{rule.title} and {other.title} (line {other.span().line}) exclude each other: {reason}"
                yield CONTRADICTION.at(rule.span(), message, _HINT)
                break
        possible.append(rule)
    has_a_name = any(rule.KIND == "dataset" for rule in possible)
    for number, goal in enumerate(goals):
        for rule in possible:
            if reason := rule.precludes(goal):
                message = f"{goal.words} and {rule.title} (line {rule.span().line}) exclude each other: {reason}"
                yield CONTRADICTION.at(goal.span(), message, _HINT)
                break
        for another in goals[:number] if has_a_name else ():
            if _need_two_splits(goal, another) or _need_two_splits(another, goal):
                reason = "where a validation split is kept, the test images are used once, after the last epoch"
                message = f"{goal.words} and {another.words} (line {another.span().line}) exclude each other: {reason}"
                yield CONTRADICTION.at(goal.span(), message, _HINT)
                break


def _apart(rule: Rule, other: Rule) -> str:
    """Why no network satisfies both, by what the first one demands or knows."""
    forbidden = with_what_needs(other.forbids())
    lost = next((demand for demand in rule.demands() if demand.words <= forbidden), None)
    return " or ".join(sorted(lost.words)) if lost else rule.excludes(other)


def _need_two_splits(goal: Goal, another: Goal) -> bool:
    """Whether one needs a validation split, which a data set with a name has only of its training images, and the other
    the test images after several epochs."""
    several = goal.over.kind == "best" or (goal.over.kind == "each_of_last" and goal.over.epochs > 1)
    return goal.of == "test_accuracy" and several and another.of == "validation_accuracy"
