"""The packs of courses and benchmarks: each held by its reference network, each rule missed by a change of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archbuilder.pipeline import Report, check, check_text, judged
from archbuilder.reporting.goals import FULFILLED, state
from archbuilder.rules.packs.pack import built_in
from archbuilder.starter import start
from archbuilder.starter.answers import Wish, joined, packs, params
from tests.rules.packs.conftest import Hold, network

COURSES = Path(__file__).parents[3] / "architectures" / "courses"

S10 = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
network:
  - conv: 64
  - conv: 128
  - max_pool: 2
  - skip: {blocks: [{conv: 128}, {conv: 128}]}
  - conv: 256
  - max_pool: 2
  - conv: 512
  - max_pool: 2
  - skip: {blocks: [{conv: 512}, {conv: 512}]}
  - max_pool: 4
  - classifier: linear
data:
  dataset: cifar10
  batch_size: 512
  engine: tensor
  augment: [{random_crop: {padding: 4}}, horizontal_flip, {coarse_dropout: {holes: 1, height: 8, width: 8, fill: mean}}]
train: {epochs: 24, schedule: {one_cycle: {warmup: 0.2083}}}
"""
WAKE = """\
archbuilder: 1
input: [3, 96, 96]
classes: 2
network: [{strided: 8}, {depthwise_separable: {out: 16, stride: 2}}, {depthwise_separable: 32}, gap, classifier]
"""
HOLD = {
    "era-mnist": "era-mnist",
    "era-mnist-20k": "era-mnist-20k",
    "era-mnist-25k": "era-mnist-25k",
    "era-cifar-norms": "era-cifar-norms-batch",
    "cs231n-cifar": "cs231n-cifar",
    "era-s9": "../fast85",
    "mlperf-tiny-ic": "../fast85",
    "era-s10": S10,
    "vww-2019": WAKE,
}
BUDGETS = {"flash", "peak_ram", "macs"}
OWN = "data.dataset=./own.npz"  # whose images may have any form

# pack, overrides of the network that holds it, the rules that are missed then, and words of the first finding
MISSES: list[tuple[str, list[str], set[str], str]] = [
    ("era-mnist", ["network=[{conv: 64}, {conv: 64}, gap, classifier]"], {"params"}, "the limit is < 8000"),
    ("era-mnist", ["train.epochs=16"], {"recipe"}, "the run has 16 epochs, but <= 15 are required"),
    ("era-mnist", [OWN], {"dataset"}, "the data set is ./own.npz, but mnist is required"),
    ("era-mnist", [OWN, "input=[1, 32, 32]"], {"dataset", "image"}, "the input is [1, 32, 32]"),
    ("era-mnist-20k", ["network=[{conv: 64}, {conv: {out: 64, dropout: 0.1}}, gap, classifier]"], {"params"}, "20k"),
    ("era-mnist-20k", ["train.epochs=20"], {"recipe"}, "< 20 are required"),
    ("era-mnist-20k", [OWN], {"dataset"}, "mnist is required"),
    ("era-mnist-20k", [OWN, "classes=11"], {"dataset", "image"}, "11 classes, but 10 are required"),
    ("era-mnist-20k", ["network=[{conv: 8}, gap, classifier]"], {"dropout"}, "there is no dropout"),
    ("era-mnist-20k", ["defaults.norm=group"], {"batch_norm"}, "there is no batch_norm"),
    ("era-mnist-20k", ["network=[{conv: {out: 8, dropout: 0.1}}, flatten, {linear: 10}]"], {"gap", "params"}, "global"),
    ("era-mnist-25k", ["network=[{conv: 64}, {conv: 64}, gap, classifier]"], {"params"}, "the limit is < 25k"),
    ("era-mnist-25k", [OWN], {"dataset"}, "mnist is required"),
    ("era-mnist-25k", [OWN, "input=[1, 32, 32]"], {"dataset", "image"}, "[1, 28, 28] is required"),
    ("era-cifar-norms", ["train.epochs=21"], {"recipe"}, "<= 20 are required"),
    ("era-cifar-norms", ["network=[{conv: 8}, gap, classifier]"], {"layout"}, "3x3 conv, is required instead of gap"),
    ("era-cifar-norms", ["defaults.norm=none"], {"normalisation"}, "there is no batch_norm or group_norm"),
    ("era-cifar-norms", ["defaults.norm=instance"], {"normalisation", "no_other_norm"}, "no batch_norm"),
    ("era-cifar-norms", ["network.C2.norm=group"], {"normalisation"}, "is group norm g6 beside batch_norm"),
    ("era-cifar-norms", ["network.C2.norm=layer", "defaults.norm=group"], {"normalisation"}, "layer norm beside group"),
    ("era-cifar-norms", [OWN], {"dataset"}, "cifar10 is required"),
    ("era-cifar-norms", [OWN, "classes=11"], {"dataset", "image"}, "11 classes"),
    ("era-cifar-norms", ["vars.width=13"], {"params"}, "the limit is < 50k"),
    ("cs231n-cifar", [OWN], {"dataset"}, "cifar10 is required"),
    ("cs231n-cifar", [OWN, "classes=11"], {"dataset", "image"}, "11 classes"),
    ("mlperf-tiny-ic", [OWN], {"dataset"}, "cifar10 is required"),
    ("mlperf-tiny-ic", [OWN, "classes=11"], {"dataset", "image"}, "11 classes"),
    ("era-s10", ["train.epochs=30"], {"recipe"}, "the run has 30 epochs, but 24 are required"),
    ("era-s10", ["train.schedule=step"], {"recipe"}, "the schedule is step, but one_cycle is required"),
    ("era-s10", ["train.schedule={one_cycle: {warmup: 0.3}}"], {"recipe"}, "highest at epoch 7.2, but its peak"),
    ("era-s10", ["data.batch_size=128"], {"recipe"}, "a step has 128 images, but 512 are required"),
    ("era-s10", ["data.augment=[horizontal_flip]"], {"augment"}, "there is no random_crop"),
    ("era-s10", [OWN], {"dataset"}, "cifar10 is required"),
    ("era-s10", [OWN, "classes=11"], {"dataset", "image"}, "11 classes"),
    ("era-s10", ["network=[{conv: 64}, {conv: 120}, gap, classifier]"], {"layout", "residual"}, "128 channels"),
    ("vww-2019", ["classes=3"], {"image"}, "3 classes, but 2 are required"),
    ("vww-2019", ["network=[{conv: 64}, {strided: 256}, {strided: 256}, gap, classifier]"], BUDGETS, ""),
]  # fmt: skip


def held(pack: str, overrides: list[str]) -> Report:
    text = HOLD[pack]
    if "\n" in text:
        return check_text(text, "net.yaml", overrides, [pack])
    return check(COURSES / f"{text}.yaml", overrides, [pack])


@pytest.mark.parametrize("pack", HOLD)
def test_the_network_that_holds_a_pack(pack: str):
    report = held(pack, [])
    assert report.diagnostics == ()
    of_pack = [verdict for verdict in report.rules if verdict.pack == pack]
    assert [verdict.rule for verdict in of_pack] == [rule.title for rule in built_in(pack).rules]
    assert len([goal for goal in report.goals if goal.pack == pack]) == len(built_in(pack).goals)


@pytest.mark.parametrize(("pack", "overrides", "missed", "words"), MISSES)
def test_a_change_misses_a_rule(pack: str, overrides: list[str], missed: set[str], words: str):
    if overrides == ["vars.width=13"]:
        overrides = [f"network={_wider()}"]
    report = held(pack, overrides)
    assert {verdict.rule for verdict in report.rules if verdict.pack == pack and not verdict.ok} == missed
    assert any(words in finding.message for verdict in report.rules for finding in verdict.findings)


def _wider() -> str:
    """The layout of era-cifar-norms with more channels than its parameters allow."""
    order = "C C c P C C C c P C C C".split()
    blocks = [{"C": "{conv: 32}", "c": "{pointwise: 32}", "P": "{max_pool: 2}"}[letter] for letter in order]
    return f"[{', '.join([*blocks, 'gap', 'classifier'])}]"


def test_every_rule_of_a_pack_is_missed_by_some_change():
    for pack in HOLD.keys() - {"era-s9"}:  # of which test_era_s9.py says it
        assert {rule.title for rule in built_in(pack).rules} == set().union(*(m for p, _, m, _ in MISSES if p == pack))


@pytest.mark.parametrize("pack", ["era-mnist-20k", "era-cifar-norms", "era-s10", "cs231n-cifar"])
def test_a_starter_keeps_the_static_part(pack: str):
    found = joined([packs(pack)])
    (shape, classes) = found.image
    limit = params("9k" if pack == "era-mnist-20k" else found.params)  # the search for the widest is short then
    report = start(Wish("first", shape, classes, limit, found.texts, found.texts)).report
    assert report.ok and not report.diagnostics
    assert all(verdict.ok for verdict in report.rules) and len(report.rules) == len(built_in(pack).rules)


# ---- the new kinds by themselves ----

LAYOUT = "layout: C1 c2 P1 C3:16 GAP FC"
END = ["gap", "flatten", "linear: 8"]


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (["conv: 8", "pointwise: 8", "max_pool: 2", "conv: 16", *END], ""),
        (["conv: 8", "skip: {blocks: [{pointwise: 9}]}", "avg_pool: 2", "conv: 16", *END], ""),
        (
            ["conv: 8", "conv: 8", "max_pool: 2", "conv: 16", *END],
            "c2, a 1x1 conv, is required instead of conv2 (a 3x3 conv)",
        ),
        (["conv: {out: 8, kernel: 5}"], "C1, a 3x3 conv, is required instead of conv (a conv of 5x5)"),
        (["conv: 8", "pointwise: 8", "max_pool: 2", "conv: 12", *END], "C3:16 must have 16 channels, but conv2 has 12"),
        (["conv: 8", "pointwise: 8", "max_pool: 2", "conv: 16", "gap"], "FC, a linear layer, is missing"),
        (["conv: 8", "pointwise: 8", "max_pool: 2", "conv: 16", *END, "linear: 9"], "FC must be the last layer"),
    ],
)
def test_an_order_of_layers(hold: Hold, blocks: list[str], words: str):
    verdict = hold(LAYOUT, network(*blocks).replace("classes: 10\n", "")).verdict
    assert verdict.ok == (not words) and words in verdict.message


@pytest.mark.parametrize(
    ("order", "blocks", "hint"),
    [
        ("C1:9 GAP c2", ["conv: 8", "gap", "classifier"], "set out: 9"),
        ("C1 GAP c2:9", ["conv: 8", "gap", "classifier"], "give it 9 channels; the order is C1 GAP c2:9"),
        (
            "C1:9 c2 GAP c3",
            ["depthwise_separable: 8", "gap", "classifier"],
            "give it 9 channels; the order is C1:9 c2 GAP c3",
        ),
    ],
)
def test_channels_are_set_in_a_field_that_the_block_has(hold: Hold, order: str, blocks: list[str], hint: str):
    (found,) = hold(f"layout: {order}", network(*blocks)).report.errors
    assert found.hint == hint


def test_a_recipe_that_is_not_written_is_the_default_one(hold: Hold):
    plain = network("conv: 8", "gap", "classifier")
    assert hold("recipe: {epochs: 10, optimizer: sgd, schedule: one_cycle, peak: 3, batch_size: 128}", plain).ok
    assert not hold("recipe: {epochs: '< 10'}", plain).ok


def test_rules_that_are_wrong_are_not_said_to_be_missing(tmp_path: Path):
    pack = tmp_path / "mine.yaml"
    pack.write_text("archbuilder_rules: 1\nname: mine\nrules: [{recipe: {epochs: '< 1'}}]\n")
    assert [d.code.id for d in check(pack).diagnostics] == ["AB103"]
    pack.write_text("archbuilder_rules: 1\nname: mine\n")
    assert [d.code.id for d in check(pack).diagnostics] == ["AB102"]


def test_a_pack_of_goals_alone(tmp_path: Path):
    pack = tmp_path / "mine.yaml"
    pack.write_text("archbuilder_rules: 1\nname: mine\ngoals: {accuracy: '>= 60%'}\n")
    report = check(network("conv: 8", "gap", "classifier"), rules=[str(pack)])
    assert report.ok and [goal.goal.words for goal in report.goals] == ["test accuracy >= 60% after the last epoch"]


# ---- what the references have reached ----

LOGS = sorted((COURSES.parents[1] / "benchmarks" / "courses").glob("*/metrics.jsonl"))


def test_there_is_a_log_for_most_packs():
    fulfilled = {pack.text for log in LOGS for pack in check(log.parent).spec.rules}
    assert fulfilled >= {"era-mnist", "era-mnist-20k", "era-mnist-25k", "era-cifar-norms", "cs231n-cifar"}


def test_the_weights_of_fast85_fulfil_two_packs():
    """The goals are compared with the accuracy in the card of the weights."""
    report = check(COURSES.parent / "fast85.yaml", rules=["mlperf-tiny-ic"])
    card = json.loads((COURSES.parents[1] / "archbuilder" / "weights" / "fast85.json").read_text())
    log = [{}] * (card["epochs"] - 1) + [{"test_accuracy": card["test_accuracy"]}]
    assert {goal.pack for goal in report.goals} == {"era-s9", "mlperf-tiny-ic"}
    assert state(judged(report, log)) == FULFILLED


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.parent.name)
def test_a_reference_fulfils_its_pack_entirely(log: Path):
    report = check(log.parent)
    assert report.ok and not report.diagnostics
    assert report.rules and all(verdict.ok for verdict in report.rules)
    assert report.goals and all(goal.state == "met" for goal in report.goals)
    assert state(report) == FULFILLED
    shipped = check(COURSES / f"{log.parent.name}.yaml")
    assert report.document.root.plain() == shipped.document.root.plain()  # it is this file that was trained
