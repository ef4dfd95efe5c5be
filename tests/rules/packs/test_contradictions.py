"""Packs that no network can satisfy are told; what a network satisfies is never said to contradict itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archbuilder.device.kernels import RULES as KERNELS
from archbuilder.device.kernels import _no_norm
from archbuilder.document.parser import parse
from archbuilder.ir import ops
from archbuilder.pipeline import Report, check, check_text
from archbuilder.rules.limits import QUANTITIES
from archbuilder.rules.packs.contradictions import contradictions
from archbuilder.rules.packs.kinds import RULES
from archbuilder.rules.packs.kinds.layout import _letter
from archbuilder.rules.packs.kinds.runs_on import NO_NORM
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import Rule
from archbuilder.rules.packs.words import vocabulary, words
from archbuilder.schema.model import Env
from tests.rules.packs.conftest import ROOT
from tests.rules.packs.test_courses import S10

# rules, goals, words of what is said of them
CONTRADICTIONS = [
    ("{limit: {of: params, bound: '< 9k'}}, {limit: {name: least, of: params, bound: '> 9k'}}", "", "< 9k"),
    ("{without: max_pool}, {has: max_pool}", "", "max_pool"),
    ("{without: [gap, gelu]}, gap", "", "gap"),
    ("{dataset: mnist}, {image: {input: [3, 32, 32]}}", "", "[1, 28, 28]"),
    ("{dataset: mnist}, {dataset: {name: other, called: cifar10}}", "", "mnist"),
    ("{image: {classes: 10}}, {image: {name: other, classes: 2}}", "", "2 and 10"),
    ("{recipe: {epochs: 24}}, {recipe: {name: other, epochs: '<= 20'}}", "", "24"),
    ("{layout: C1 GAP}, {layout: {name: other, order: C1 FC}}", "", "two orders"),
    ("{recipe: {epochs: '<= 2'}}", "[{of: accuracy, bound: '> 1%', over: {each_of_last: 3}}]", "2 epochs at most"),
    ("gap, {recipe: {epochs: '<= 9'}}", "[{of: train_accuracy, bound: '> 1%', over: {each_of_last: 10}}]", "9 epochs"),
    ("{recipe: {optimizer: [sgd, adam]}}, {recipe: {name: other, optimizer: adamw}}", "", "adamw and sgd or adam"),
    ("{recipe: {schedule: cosine}}, {recipe: {name: other, schedule: one_cycle}}", "", "one_cycle and cosine"),
    ("{recipe: {peak: 5}}, {recipe: {name: other, peak: 6}}", "", "epoch 6 and at epoch 5"),
    ("{recipe: {peak: 5}}, {recipe: {name: other, epochs: '< 5'}}", "", "a peak at epoch 5 of 4"),
    ("{layout: C1:8 GAP}, {layout: {name: other, order: C1:9 GAP}}", "", "9 and 8 channels"),
    # by what one demands and another forbids
    ("{without: conv}, {layout: C1 GAP c2}", "", "conv"),
    ("{without: pointwise}, {layout: C1 GAP c2}", "", "pointwise"),
    ("{without: [max_pool, avg_pool, adaptive_avg_pool]}, {layout: C1 P1 GAP c2}", "", "avg_pool or max_pool"),
    ("{without: linear}, {layout: C1 GAP FC}", "", "linear"),
    ("{without: conv}, dilated", "", "dilated"),
    ("{without: pointwise}, depthwise_separable", "", "pointwise"),
    ("{without: conv}, {convs: {stages: [C1, C2], at_least: 2}}", "", "conv"),
    ("{without: [strided, dilated]}, {convs: {stages: [C1], last: [strided, dilated]}}", "", "dilated or strided"),
    ("{without: activation}, {has: relu}", "", "relu"),
    ("{without: [group_norm, channel_norm]}, {has: layer_norm}", "", "layer_norm"),
    ("{without: [add, concat, multiply]}, {has: skip}", "", "skip"),
    ("{one_of: [batch_norm, group_norm]}, {without: [group_norm, batch_norm, gelu]}", "", "batch_norm or group_norm"),
    ("{runs_on: tflite_micro}, {has: [gelu, mish]}", "", "gelu or mish"),
    ("{runs_on: tflite_micro}, {one_of: [group_norm, layer_norm]}", "", "group_norm or layer_norm"),
    # by what a total is at least
    ("{layout: C1 C2 GAP c3}, {limit: {of: layers, bound: '< 4'}}", "", "layers is < 4, and 4 at least"),
    ("{has: {layers: conv, at_least: 9}}, {limit: {of: layers, bound: '<= 8'}}", "", "9 at least"),
    ("{convs: {stages: [A, B], at_least: 3}}, {limit: {of: layers, bound: '< 6'}}", "", "6 at least"),
    ("{layout: 'C1:64 C2:128 C3:64 GAP FC'}, {limit: {of: params, bound: '<= 1k'}}", "", "1,729 at least"),
    ("{layout: 'C1:64 GAP c2'}, {limit: {of: flash, bound: '< 2k float32'}}", "", "2,308 at least"),
    ("{image: {input: [3, 96, 96]}}, {limit: {of: arena, bound: '<= 24 KiB'}}", "", "27,648 at least"),
    ("{dataset: cifar10}, {limit: {of: peak_activations, bound: '<= 12k'}}", "", "12,288 at least"),
    ("{limit: {of: trainable_params, bound: '> 9k'}}, {limit: {of: params, bound: '< 9k'}}", "", "9,001 at least"),
    ("{limit: {of: params, bound: '>= 9k'}}, {limit: {of: flash, bound: '< 36k float32'}}", "", "36,000 at least"),
    ("{limit: {of: arena, bound: '> 9k'}}, {limit: {of: arena_total, bound: '< 9k'}}", "", "9,001 at least"),
    ("{limit: {of: flash, bound: '> 8k'}}, {limit: {name: int, of: flash, bound: '< 2k int8'}}", "", "2,001 at least"),
    # by what one kind knows of another
    ("{convs: {stages: [A, B], at_least: 3}}, {layout: C1 C2 c3 C4 GAP c5}", "", "5 convs in the order, but 6"),
    ("{depthwise_separable: {kernel: 5}}, {layout: C1 c2 GAP FC}", "", "larger than 3x3"),
    ("{augment: [to_gray]}, {dataset: mnist}", "", "to_gray needs 3"),
    ("{augment: [{coarse_dropout: {height: 9, width: 9}}]}, {image: {input: [3, 8, 8]}}", "", "larger than the image"),
    (
        "{augment: [{coarse_dropout: {height: 8, width: 8}}]}, "
        "{augment: {name: other, has: [{coarse_dropout: {height: 9, width: 8}}]}}",
        "",
        "height 9 and 8",
    ),
    ("{recipe: {peak: 5}}, {recipe: {name: other, schedule: [step, constant]}}", "", "step or constant has no peak"),
    (
        "{dataset: cifar10}",
        "[{of: validation_accuracy, bound: '> 1%'}, {of: test_accuracy, bound: '> 1%', over: best}]",
        "used once",
    ),
    # a rule by itself
    ("{recipe: {epochs: 4, peak: 5}}", "", "recipe contradicts itself"),
    ("{limit: {of: params, bound: '< 0'}}", "", "no value is < 0"),
    ("{limit: {of: params, bound: '< 0'}}, gap, {has: conv}", "", "no value is < 0"),
    (
        "{augment: [{coarse_dropout: {height: 8, width: 8}}, {coarse_dropout: {height: 8, width: 8, fill: 9}}]}",
        "",
        "filled with 0.0 and 9.0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "goals", "words"), CONTRADICTIONS)
def test_a_pack_that_contradicts_itself(tmp_path: Path, rules: str, goals: str, words: str):
    pack = tmp_path / "mine.yaml"
    pack.write_text(f"archbuilder_rules: 1\nname: mine\nrules: [{rules}]\ngoals: {goals}\n")
    (found,) = check(pack).diagnostics
    assert (found.code.id, found.span.line) == ("AB546", 4 if goals else 3)
    assert words in found.message


@pytest.mark.parametrize(
    "rules",
    [
        "{limit: {of: params, bound: '<= 9k'}}, {limit: {name: least, of: params, bound: '>= 9k'}}",
        "{without: max_pool}, {has: [max_pool, avg_pool]}",
        "{dataset: cifar10}, {image: {input: [3, 32, 32], classes: 10}}",
        "{without: depthwise_separable}, depthwise_separable",  # as a depthwise and a pointwise conv
        "{without: conv}, {stages: [A, B]}",  # a group of that name counts whatever is in it
        "{one_of: [batch_norm, group_norm]}, {without: batch_norm}",
        "{limit: {of: params, bound: '> 9k'}}, {limit: {of: flash, bound: '< 10k int8'}}",
        "{layout: 'C1:64 C2 GAP FC'}, {limit: {of: params, bound: '<= 577'}}",
        "{augment: [{random_crop: {padding: 2}}, {random_crop: {padding: 4}}]}, {dataset: mnist}",
        "{recipe: {peak: 5}}, {recipe: {name: other, schedule: [step, linear]}}",
        "{recipe: {epochs: '<= 24'}}, {recipe: {name: other, epochs: '>= 24'}}",
        "{recipe: {schedule: constant}}, {recipe: {name: other, schedule: none}}",
        "gap, {layout: C1 P1 c2}",
    ],
)
def test_a_pack_that_only_asks_for_much(tmp_path: Path, rules: str):
    pack = tmp_path / "mine.yaml"
    pack.write_text(f"archbuilder_rules: 1\nname: mine\nrules: [{rules}]\n")
    assert check(pack).diagnostics == ()


def test_a_gap_on_a_shortcut_stands_in_no_order(tmp_path: Path):
    pack, file = tmp_path / "mine.yaml", tmp_path / "net.yaml"
    pack.write_text("archbuilder_rules: 1\nname: mine\nrules: [gap, {layout: C1 P1 c2}]\n")
    network = "[{conv: 8}, {skip: {blocks: [{max_pool: 8}], shortcut: [gap]}}, classifier]"
    file.write_text(f"archbuilder: 1\ninput: [3, 8, 8]\nclasses: 10\nnetwork: {network}\n")
    assert check(file, rules=[str(pack)]).errors == ()


def test_a_figure_by_an_epoch_that_no_run_has_may_come_earlier(tmp_path: Path):
    pack = tmp_path / "mine.yaml"
    goal = "{of: train_accuracy, bound: '> 1%', over: {by_epoch: 10}}"
    pack.write_text(f"archbuilder_rules: 1\nname: mine\nrules: [{{recipe: {{epochs: '<= 9'}}}}]\ngoals: [{goal}]\n")
    assert check(pack).diagnostics == ()


# ---- what a network satisfies ----


def test_the_norms_that_no_runtime_has_are_those_of_its_kernels():
    assert {ops.ChannelNorm, ops.GroupNorm, ops.InstanceNorm2d} == {
        op for op, rule in KERNELS.items() if rule is _no_norm
    }
    assert set(NO_NORM) == {word for word in vocabulary() if word.endswith("_norm")} - {"batch_norm"}


def rules_of(report: Report) -> Iterator[str]:
    """All facts of a network that rules can require, as exact bounds."""
    assert report.spec and report.graph and report.facts
    spec, net = report.spec, Network(report.spec, report.graph, report.facts)
    yield f"image: {{input: {list(spec.input)}, classes: {spec.classes}}}"
    for name, quantity in QUANTITIES.items():
        for dtype in quantity.dtypes or ("",):
            if (value := quantity.value(report.facts, dtype or quantity.dtype)) is not None:
                yield f"limit: {{name: {name}_{dtype or 'of_all'}, of: {name}, bound: '== {value} {dtype}'}}"
    found: dict[str, set[int]] = {}
    for node in report.graph.nodes.values():
        for word in words(net, node):
            found.setdefault(word, set()).add(id(node.place))
    yield f"without: [{', '.join(sorted(vocabulary() - found.keys())[:20])}]"
    yield f"without: {{name: more, layers: [{', '.join(sorted(vocabulary() - found.keys())[20:40])}]}}"
    yield from (f"has: {{name: has_{word}, layers: {word}, at_least: {len(at)}}}" for word, at in found.items())
    letters = [(letter, node.shape.c) for node in report.graph.nodes.values() if (letter := _letter(net, node))]
    if all(letter != "?" for letter, _ in letters):
        yield f"layout: {' '.join(f'{letter}:{channels}' for letter, channels in letters)}"
    yield from (
        "gap",
        "dilated",
        "depthwise_separable",
        "runs_on: tflite_micro",
        "depthwise_separable: {name: d, kernel: 5}",
    )
    yield "one_of: [batch_norm, group_norm, layer_norm, instance_norm]"
    yield "convs: {stages: [C1, C2, C3], at_least: 3, last: [strided, dilated]}"
    if spec.data and "/" not in spec.data.dataset:
        yield f"dataset: {spec.data.dataset}"
        yield from ["augment: [horizontal_flip]", f"recipe: {{batch_size: {spec.data.batch_size}}}"]


NETWORKS = [
    *(f"courses/{name}" for name in ("era-mnist", "era-cifar-norms-batch", "era-cifar-norms-layer", "cs231n-cifar")),
    *(f"known/{name}" for name in ("mobilenet_v2", "mlperf_tiny_kws", "squeezenet", "convmixer", "shufflenet_v2")),
    *("c1c2c3c40", "fast90", "seeds/seed004"),
]


@pytest.mark.parametrize("name", ["s10", *NETWORKS])
def test_what_a_network_satisfies_does_not_contradict_itself(name: str):
    report = check_text(S10, "s10.yaml") if name == "s10" else check(ROOT / "architectures" / f"{name}.yaml")
    assert report.spec and report.graph and report.facts
    net, env = Network(report.spec, report.graph, report.facts), Env()
    read = [RULES.read(parse(f"- {text}\n").root.value[0], env) for text in rules_of(report)]
    assert not env.diagnostics
    satisfied = [rule for rule in read if isinstance(rule, Rule) and not rule.judge(net).misses]
    assert len(satisfied) > 25
    assert [d.message for d in contradictions(satisfied, ())] == []
