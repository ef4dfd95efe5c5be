"""For every rule of every pack, and every pair of them: a network that misses just those gets a clean first proposal.

A network that satisfies a pack is spoiled by one mutation for each rule.  Each is written in one of two forms, lines
or brackets, in turn, so that both are held against every rule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import combinations, islice
from typing import Any

import pytest
import yaml

from archbuilder.pipeline import Report, check
from archbuilder.remedies import Budget, investigate
from archbuilder.rules.packs.pack import built_in

PLENTY = Budget(seconds=60, checks=200)  # a slow machine must find the same

Spec = dict[str, Any]
Spoil = Callable[[Spec], None]


def stage(name: str, *blocks: Any) -> Spec:
    return {"stage": {"name": name, "blocks": list(blocks)}}


HOLE = {"coarse_dropout": {"holes": 1, "height": 16, "width": 16, "fill": "mean"}}
GOOD: dict[str, Spec] = {
    "era-s9": {
        "archbuilder": 1,
        "input": [3, 32, 32],
        "classes": 10,
        "rules": "era-s9",
        "network": [
            stage("C1", {"conv": 16}, {"conv": 16}, {"strided": 24}),
            stage("C2", {"conv": 24}, {"depthwise_separable": 32}, {"strided": 32}),
            stage("C3", {"conv": 32}, {"conv": 32}, {"strided": 48}),
            stage("C4", {"dilated": {"out": 48, "kernel": 3, "dilation": 2}}),
            "gap",
            "classifier",
        ],
        "data": {"dataset": "./photos", "augment": ["horizontal_flip", "shift_scale_rotate", HOLE]},
    },
    "mcu": {
        "archbuilder": 1,
        "input": [3, 32, 32],
        "classes": 10,
        "rules": "mcu",
        "network": [
            {"strided": 16},
            {"depthwise_separable": 32},
            {"strided": 64},
            {"strided": 64},
            "gap",
            "classifier",
        ],
    },
}


MNIST, CIFAR = {"dataset": "mnist"}, {"dataset": "cifar10"}
SMALL = [{"conv": 8}, {"strided": 16}, {"depthwise_separable": 16}, {"strided": 16}, "gap", "classifier"]
ORDER = "C C c P C C C c P C C C".split()
NORMS = [{"C": {"conv": 16}, "c": {"pointwise": 16}, "P": {"max_pool": 2}}[letter] for letter in ORDER]
RESIDUAL = [
    {"conv": 64},
    {"conv": 128},
    {"max_pool": 2},
    {"skip": {"blocks": [{"conv": 128}, {"conv": 128}]}},
    {"conv": 256},
    {"max_pool": 2},
    {"conv": 512},
    {"max_pool": 2},
    {"skip": {"blocks": [{"conv": 512}, {"conv": 512}]}},
    {"max_pool": 4},
    {"classifier": "linear"},
]
CUT = {"coarse_dropout": {"holes": 1, "height": 8, "width": 8, "fill": "mean"}}
CROPPED = [{"random_crop": {"padding": 4}}, "horizontal_flip", CUT]
CYCLE = {"epochs": 24, "schedule": {"one_cycle": {"warmup": 0.2083}}}


def course(pack: str, shape: list[int], network: list[Any], classes: int = 10, **sections: Any) -> None:
    GOOD[pack] = {"archbuilder": 1, "input": shape, "classes": classes, "rules": pack, "network": network, **sections}


course("era-mnist", [1, 28, 28], SMALL, data=MNIST, train={"epochs": 15})
course(
    "era-mnist-20k",
    [1, 28, 28],
    [{"conv": 8}, {"strided": {"out": 16, "dropout": 0.1}}, {"conv": 16}, "gap", "classifier"],
    data=MNIST,
    train={"epochs": 9},
)
course("era-mnist-25k", [1, 28, 28], SMALL, data=MNIST)
course("era-cifar-norms", [3, 32, 32], [*NORMS, "gap", "classifier"], data=CIFAR, train={"epochs": 8})
course("cs231n-cifar", [3, 32, 32], SMALL, data={**CIFAR, "validation": 0.1})
course("mlperf-tiny-ic", [3, 32, 32], SMALL, data=CIFAR)
course("era-s10", [3, 32, 32], RESIDUAL, data={**CIFAR, "batch_size": 512, "augment": CROPPED}, train=CYCLE)
WAKE = [{"strided": 8}, {"depthwise_separable": {"out": 16, "stride": 2}}, {"depthwise_separable": 32}]
course("vww-2019", [3, 96, 96], [*WAKE, "gap", "classifier"], classes=2)
course("uno-r4", [3, 32, 32], [{"strided": 8}, {"depthwise_separable": 16}, {"strided": 32}, "gap", "classifier"])


def blocks(spec: Spec, number: int) -> list[Any]:
    found: list[Any] = spec["network"][number]["stage"]["blocks"]
    return found


def put(number: int, index: int, block: Any) -> Spoil:
    """A block in a stage, or among the top-level ones for -1."""
    return lambda spec: (spec["network"] if number < 0 else blocks(spec, number)).insert(index, block)


def last(spec: Spec) -> Iterator[Spec]:
    """The fields of the dilated conv of C4, wherever another mutation has put that."""
    for block in spec["network"]:
        for inner in block["stage"]["blocks"] if "stage" in block else ():
            if "dilated" in inner:
                yield inner


def undilated(spec: Spec) -> None:
    for block in list(last(spec)):
        if "dilated" in block:
            fields = block.pop("dilated")
            block["conv"] = {"out": fields["out"], "kernel": 5 if fields["kernel"] == 3 else [1, 5]}


def narrow(spec: Spec) -> None:
    for block in last(spec):
        for fields in block.values():
            if "out" in fields:
                fields["kernel"] = [1, 3]


def swapped(spec: Spec) -> None:
    for number, name in ((1, "C3"), (2, "C2")):
        spec["network"][number]["stage"]["name"] = name


def ends_inside(spec: Spec) -> None:
    """The output is in the last stage."""
    spec["network"][3:] = [stage("C4", *blocks(spec, 3), *spec["network"][4:])]


def dense(spec: Spec) -> None:
    for block in blocks(spec, 1):
        if "depthwise_separable" in block:
            block["conv"] = block.pop("depthwise_separable")


def without_gap(*instead: Any) -> Spoil:
    def spoil(spec: Spec) -> None:
        holder = spec["network"] if "classifier" in spec["network"] else blocks(spec, 3)
        holder[holder.index("gap") :] = list(instead)

    return spoil


def top(**values: Any) -> Spoil:
    return lambda spec: spec.update(values)


def section(name: str, **values: Any) -> Spoil:
    return lambda spec: spec.setdefault(name, {}).update(values)


def instead(start: int, stop: int, *others: Any) -> Spoil:
    """Other blocks in the place of some top-level ones."""
    return lambda spec: spec["network"].__setitem__(slice(start, stop), others)


def fields(index: int, **values: Any) -> Spoil:
    """Fields of a top-level block."""

    def spoil(spec: Spec) -> None:
        ((word, own),) = spec["network"][index].items()
        spec["network"][index] = {word: (own if isinstance(own, dict) else {"out": own}) | values}

    return spoil


def wide(out: int) -> list[Spoil]:
    return [put(-1, -2, {"conv": out})]


def images(other: list[int]) -> list[Spoil]:
    return [top(input=other), top(classes=7)]


def without_data(spec: Spec) -> None:
    spec.pop("data")


OTHER_DATA = section("data", dataset="./photos")
TO_SMALL_MAPS = ({"strided": 4}, {"strided": 4})
SPOILS: dict[str, dict[str, list[Spoil]]] = {
    "era-mnist": {
        "image": images([1, 32, 32]),
        "dataset": [without_data, OTHER_DATA],
        "params": wide(64),
        "recipe": [section("train", epochs=16)],
    },
    "era-mnist-20k": {
        "image": images([1, 32, 32]),
        "dataset": [without_data, OTHER_DATA],
        "params": [fields(2, out=140)],
        "recipe": [section("train", epochs=20)],
        "batch_norm": [top(defaults={"norm": "group"}), top(defaults={"norm": "none"})],
        "dropout": [instead(1, 2, {"strided": 16})],
        "gap": [
            instead(-2, 9, *TO_SMALL_MAPS, {"classifier": "linear"}),
            instead(-2, 9, *TO_SMALL_MAPS, {"adaptive_avg_pool": 2}, {"classifier": "linear"}),
        ],
    },
    "era-mnist-25k": {"image": images([1, 32, 32]), "dataset": [without_data, OTHER_DATA], "params": wide(200)},
    "era-cifar-norms": {
        "image": images([3, 40, 40]),
        "dataset": [without_data, OTHER_DATA],
        "layout": [
            instead(2, 3, {"conv": 16}),
            instead(2, 3),
            put(-1, 3, {"conv": 16}),
            instead(3, 4),
            instead(3, 4, {"strided": 16}),
            instead(-2, 14, {"classifier": "linear"}),
            fields(0, kernel=5),
        ],
        "normalisation": [
            fields(1, norm="group"),
            top(defaults={"norm": "none"}),
            fields(1, norm={"kind": "layer", "over": "channels"}),
        ],
        "no_other_norm": [fields(1, norm="instance"), put(-1, 1, {"norm": "instance"})],
        "params": [fields(9, out=200)],
        "recipe": [section("train", epochs=21)],
    },
    "cs231n-cifar": {"image": images([3, 40, 40]), "dataset": [OTHER_DATA]},
    "mlperf-tiny-ic": {"image": images([3, 40, 40]), "dataset": [without_data, OTHER_DATA]},
    "era-s10": {
        "image": images([3, 40, 40]),
        "dataset": [OTHER_DATA],
        "layout": [
            fields(1, out=100),
            instead(2, 3),
            put(-1, 5, {"conv": 256}),
            instead(-1, 11, "classifier"),
            instead(0, 1, {"pointwise": 64}),
        ],
        "residual": [instead(3, 4, {"conv": 128}, {"conv": 128}), fields(8, merge="multiply")],
        "recipe": [
            section("train", epochs=30),
            section("train", schedule="step"),
            section("train", schedule={"one_cycle": {"warmup": 0.3}}),
            section("data", batch_size=128),
            section("train", accumulate=2),
            lambda spec: spec.pop("train"),
        ],
        "augment": [
            lambda spec: spec["data"].pop("augment"),
            section("data", augment=[{"random_crop": {"padding": 2}}, "horizontal_flip", HOLE]),
        ],
    },
    "vww-2019": {
        "image": [top(classes=3)],
        "flash": [instead(-2, -2, {"max_pool": 8}, {"conv": 200}, {"conv": 128})],
        "peak_ram": [put(-1, 0, {"pointwise": 40})],
        "macs": [instead(1, 1, {"conv": 50}, {"conv": 50})],
    },
    "uno-r4": {
        "flash": [instead(-2, -2, {"strided": 32}, {"strided": 32}, {"conv": 400})],
        "arena_total": [put(-1, 0, {"pointwise": 30})],
        "runs_on": [fields(2, activation="gelu"), fields(2, norm="layer"), put(-1, -2, {"activation": "mish"})],
    },
    "era-s9": {
        "stages": [
            put(-1, 4, stage("C5", {"conv": 48})),
            put(-1, 2, {"conv": 32}),
            swapped,
            ends_inside,
            lambda spec: spec["network"].__setitem__(3, blocks(spec, 3)[0]),
        ],
        "convs": [lambda spec: blocks(spec, 2).pop(0), put(0, 3, {"conv": 24}), lambda spec: blocks(spec, 1).pop(0)],
        "no max_pool": [
            put(1, 0, {"max_pool": {"kernel": [1, 3], "stride": 1, "padding": [0, 1]}}),
            put(2, 0, {"max_pool": 2}),
        ],
        "depthwise_separable": [dense],
        "dilated": [undilated],
        "gap": [
            without_gap({"avg_pool": {"kernel": 3, "stride": 3}}, "classifier"),
            without_gap({"adaptive_avg_pool": 2}, {"classifier": "linear"}),
            without_gap({"classifier": "linear"}),
            without_gap("flatten", {"linear": 10}),
        ],
        "receptive_field": [narrow],
        "params": [put(3, 0, {"conv": {"out": 640, "kernel": [1, 3]}})],
        "augment": [
            lambda spec: spec["data"]["augment"].pop(),
            lambda spec: spec.pop("data"),
            lambda spec: spec["data"].update(augment=[{"coarse_dropout": {"max_holes": 2, "height": 8, "width": 16}}]),
        ],
        "image": [lambda spec: spec.update(input=[3, 40, 40]), lambda spec: spec.update(classes=7)],
    },
    "mcu": {
        "flash": [put(-1, -2, {"conv": 900})],
        "peak_ram": [put(-1, 0, {"pointwise": 200})],
        "macs": [lambda spec: spec["network"].__setitem__(slice(1, 1), [{"conv": 128}, {"conv": 128}])],
        "runs_on": [
            lambda spec: spec["network"].__setitem__(-3, {"strided": {"out": 64, "activation": "gelu"}}),
            lambda spec: spec["network"].__setitem__(-3, {"strided": {"out": 64, "norm": "layer"}}),
            lambda spec: spec["network"].insert(-2, {"activation": "mish"}),
        ],
    },
}


def spoiled(pack: str, rules: tuple[str, ...]) -> Iterator[Spec]:
    """The good network with one mutation for each rule, in every choice of them."""
    chosen: list[list[Spoil]] = [[]]
    for rule in rules:
        chosen = [[*each, spoil] for each in chosen for spoil in SPOILS[pack][rule]]
    for spoils in chosen:
        spec = copy.deepcopy(GOOD[pack])
        for spoil in reversed(spoils):  # the stages last: the others look for what they change in them
            spoil(spec)
        yield spec


def text_of(spec: Spec, in_flow: bool) -> str:
    """YAML, the network in brackets or in lines."""
    style = {"sort_keys": False, "width": 10**6}
    rest = yaml.safe_dump({key: spec[key] for key in spec if key != "network"}, default_flow_style=None, **style)
    network = yaml.safe_dump(spec["network"], default_flow_style=in_flow, **style)
    return f"{rest}network:{' ' if in_flow else chr(10)}{network}"


def missed(report: Report) -> tuple[str, ...]:
    return tuple(verdict.rule for verdict in report.rules if not verdict.ok)


def titles(pack: str) -> list[str]:
    return [rule.title for rule in built_in(pack).rules]


MENDED = tuple(GOOD)  # the packs of boards are as uno-r4, but for numbers (tests/device)
ALONE = {"image", "dataset", "augment"}  # of a course: keys of their own, whose pairs add nothing to them alone
CASES = [
    (pack, rules)
    for pack in MENDED
    for count in (1, 2)
    for rules in combinations(titles(pack), count)
    if count == 1 or pack == "era-s9" or ALONE.isdisjoint(rules)
]


@pytest.mark.parametrize("pack", MENDED)
def test_what_is_spoiled_was_good_and_every_rule_has_a_spoil(pack: str):
    for in_flow in (True, False):
        report = check(text_of(GOOD[pack], in_flow))
        assert report.ok and report.rules, report.diagnostics
    assert list(SPOILS[pack]) == titles(pack)


def misses_just(report: Report, rules: tuple[str, ...]) -> bool:
    if any(d.code.id == "AB601" for d in report.errors):  # the data set does not fit either, and no rule is judged
        return "image" in rules
    found = missed(report)
    if "runs_on" in found and "arena_total" not in rules:  # what does not run has no arena
        found = tuple(rule for rule in found if rule != "arena_total")
    return found == rules


@pytest.mark.parametrize(("pack", "rules"), CASES, ids=[f"{pack}: {' and '.join(rules)}" for pack, rules in CASES])
def test_the_first_proposal_satisfies_what_was_missed(pack: str, rules: tuple[str, ...]):
    """Every way to miss one rule, and one way to miss two."""
    form = CASES.index((pack, rules)) % 2
    just = (spec for spec in spoiled(pack, rules) if misses_just(check(text_of(spec, False)), rules))
    tried = 0
    for spec in just if len(rules) == 1 else islice(just, 1):
        tried += 1
        text = text_of(spec, in_flow=bool(form))
        found = investigate(text, budget=PLENTY)
        assert found.proposals, (text, found.nearest and [str(d) for d in found.nearest.report.errors])
        assert check(found.proposals[0].text).ok, found.proposals[0].diff
    assert tried, "no network misses just these"
