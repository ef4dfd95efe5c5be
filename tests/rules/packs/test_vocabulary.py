"""Every kind of rule keeps what its file promises; the words of layers cover every op."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.blocks.activation import Kind
from archbuilder.device import kernels
from archbuilder.diagnostics import Diagnostic
from archbuilder.document.parser import parse
from archbuilder.ir import ops
from archbuilder.pipeline import check
from archbuilder.remedies import apply_edits, quick_fixes
from archbuilder.rules.packs import kinds
from archbuilder.rules.packs.kinds import RULES
from archbuilder.rules.packs.pack import built_in, shipped
from archbuilder.rules.packs.rule import Rule
from archbuilder.rules.packs.words import _PLAIN, _SPECIAL, vocabulary, words
from archbuilder.schema.env import Env
from tests.rules.packs.conftest import Hold, network

CASES = [(name, text, code) for name in kinds.names() for text, code in kinds.find(name).REJECTS.items()]  # type: ignore[union-attr]
OPS = [getattr(ops, name) for name in ops.__all__]


def read(text: str) -> tuple[Any, list[Diagnostic]]:
    env = Env()
    return RULES.read(parse(f"- {text}\n").root.value[0], env), env.diagnostics


@pytest.mark.parametrize("name", kinds.names())
def test_example_and_manual(name: str):
    rule = kinds.find(name)
    assert rule and rule.__doc__ and name == rule.KIND
    found, problems = read(rule.EXAMPLE)
    assert problems == [] and isinstance(found, Rule)
    assert found.title
    assert all(field.description for field in rule.model_fields.values())


@pytest.mark.parametrize(("name", "text", "code"), CASES, ids=[text for _, text, _ in CASES])
def test_rejected(name: str, text: str, code: str):
    _, problems = read(text)
    assert code in [d.code.id for d in problems]


@pytest.mark.parametrize("name", kinds.names())
def test_every_kind_has_rejected_examples(name: str):
    rule = kinds.find(name)
    assert rule and rule.REJECTS


def test_unknown_rule():
    _, (problem,) = read("dilatd")
    assert problem.code.id == "AB101" and problem.hint == "did you mean dilated?"


def test_a_name_belongs_to_one_rule():
    class Again(Rule):
        """Another rule with the same name."""

    Again.__module__ = "elsewhere.gap"
    with pytest.raises(ValueError, match="gap is defined twice"):
        kinds.register(Again)


@pytest.mark.parametrize("name", shipped())
def test_shipped_packs_are_read_and_have_a_title(name: str):
    pack = built_in(name)
    assert pack.name == name and pack.title and pack.rules


# ---- without and has ----

EVERYTHING = network(
    "stage: {name: S, blocks: [{conv: {out: 8, padding: [1, 2, 1, 2]}}, channel_shuffle: 2]}".replace(
        ", channel_shuffle: 2", ", {channel_shuffle: 2}"
    ),
    "skip: {blocks: [{dilated: 8}, {scale: 0.1}]}",
    "branches: {split: true, paths: [[{norm: group}], [{norm: instance}]], merge: concat}",
    "branches: {paths: [[{norm: {kind: layer, over: channels}}], [{activation: gelu}]], merge: multiply}",
    "squeeze_excite",
    "rescale: 0.5",
    "pad: {channels: [4, 4]}",
    "depthwise_separable: {out: 8, stride: 2, dropout: 0.1}",
    "grouped: {out: 8, groups: 2}",
    "max_pool: 2",
    "upsample: 2",
    "avg_pool: 2",
    "adaptive_avg_pool: 4",
    "adaptive_max_pool: 2",
    "gap",
    "flatten",
    "linear: 16",
    "classifier: linear",
)


def test_every_op_has_words_and_every_word_is_in_the_vocabulary():
    from archbuilder.rules.packs.network import Network

    report = check(EVERYTHING)
    assert report.spec and report.graph and report.facts, report.diagnostics
    net = Network(report.spec, report.graph, report.facts)
    found = {node.name: words(net, node) for node in report.graph.nodes.values()}
    assert all(found.values())
    assert set().union(*found.values()) <= vocabulary()
    assert {type(node.op) for node in report.graph.nodes.values()} == set(OPS) == {*_PLAIN, *_SPECIAL}


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("squeeze_excite", 1),
        ("skip", 1),
        ("depthwise", 1),
        ("grouped", 1),
        ("gelu", 1),
        ("strided", 1),
        ("gap", 1),
        ("linear", 2),
    ],
)
def test_has(hold: Hold, word: str, count: int):
    assert len(hold(f"has: {word}", EVERYTHING).by) == count
    held = hold(f"has: {{layers: {word}, at_least: {count + 1}}}", EVERYTHING)
    assert held.found == ["4:1 AB513"]
    assert hold(f"without: {word}", EVERYTHING).found[0].endswith("AB512")


def test_a_1x1_conv_written_as_dilated_is_none(hold: Hold):
    text = network("dilated: {out: 8, kernel: 1}", "gap", "classifier")
    assert not hold("has: dilated", text).ok
    assert hold("without: dilated", text).ok


def test_several_words(hold: Hold):
    assert hold("has: [squeeze_excite, skip]", network("skip: {blocks: [{conv: 8}]}", "gap", "classifier")).ok
    held = hold(
        "without: [gelu, dropout]", network("conv: {out: 8, dropout: 0.1}", "activation: gelu", "gap", "classifier")
    )
    assert held.found == ["5:5 AB512", "6:5 AB512"]


NORMS = "one_of: [batch_norm, group_norm, layer_norm]"


@pytest.mark.parametrize(
    ("blocks", "found", "by"),
    [
        (["conv: 8", "norm: batch"], [], "batch_norm throughout"),
        (["conv: {out: 8, norm: group}", "norm: {kind: group, groups: 2}"], [], "group_norm throughout"),
        (["conv: {out: 8, norm: layer}", "norm: {kind: layer, over: channels}"], [], "layer_norm throughout"),
        (["conv: {out: 8, norm: none}", "norm: instance"], ["3:1 AB513"], "there is no batch_norm or group_norm"),
        (["conv: 8", "norm: group", "norm: batch"], ["5:5 AB512"], "norm is group norm g8 beside batch_norm"),
        (["conv: {out: 8, norm: group}", "norm: layer"], ["5:5 AB512"], "norm is layer norm beside group_norm"),
        (["repeat: {times: 2, blocks: [{norm: layer}]}", "norm: batch"], ["5:5 AB512"], "batch norm beside layer_norm"),
    ],
)
def test_one_kind_of_several(hold: Hold, blocks: list[str], found: list[str], by: str):
    held = hold(NORMS, network(*blocks, "gap").replace("classes: 10\n", ""))
    assert held.found == found and by in held.verdict.message


def test_another_kind_becomes_that_of_the_most(hold: Hold):
    text = network("conv: 8", "conv: {out: 8, norm: {kind: group, groups: 2}}", "conv: 8", "norm: layer", "gap")
    text = text.replace("classes: 10\n", "")
    held = hold(NORMS, text)
    assert held.found == ["5:5 AB512", "7:5 AB512"]
    for fix in quick_fixes(held.report):
        text = apply_edits(text, fix.edits)
    assert hold(NORMS, text).ok


def test_the_most_are_counted_by_blocks(hold: Hold):
    skips = ["skip: {blocks: [{conv: 8}]}"] * 3
    held = hold("one_of: [skip, squeeze_excite]", network("conv: 8", "squeeze_excite: 4", *skips, "gap", "classifier"))
    assert held.found == ["6:5 AB512"]
    assert [d.hint for d in held.report.errors] == ["use skip here, or squeeze_excite everywhere"]


def test_words_are_bounded():
    _, (problem,) = read(f"without: [{'gelu, ' * 21}]")
    assert problem.code.id == "AB103" and "at most 20" in problem.message


def test_one_finding_for_a_repeated_block(hold: Hold):
    held = hold("without: max_pool", network("repeat: {times: 3, blocks: [{max_pool: 2}]}", "gap", "classifier"))
    assert len(held.found) == 1


def test_remedy_and_name(hold: Hold):
    held = hold(
        "without: {layers: max_pool, name: pooling, remedy: ask Ann}", network("max_pool: 2", "gap", "classifier")
    )
    assert held.verdict.rule == "pooling" and held.hints == ["ask Ann"]


# ---- a microcontroller's runtime ----


def test_every_op_and_activation_has_kernels_or_a_reason():
    assert set(kernels.RULES) == set(OPS)
    known = set(kernels.ACTIVATIONS) | set(kernels.NO_ACTIVATION)
    assert known == set(Kind.__args__) - {"none"}  # type: ignore[attr-defined]
    assert not set(kernels.ACTIVATIONS) & set(kernels.NO_ACTIVATION)


RUNS = {  # a ReLU runs in the kernel before it, where there is one that takes it in
    "conv: 8": "CONV_2D",
    "strided: 8": "CONV_2D, PAD",  # torch pads both sides alike, SAME does not
    "strided: {out: 8, padding: [0, 1, 0, 1]}": "CONV_2D",  # as SAME does
    "depthwise": "DEPTHWISE_CONV_2D",
    "conv: {out: 8, activation: silu}": "CONV_2D, LOGISTIC, MUL",
    "conv: {out: 8, order: norm-act-conv}": "CONV_2D, DEPTHWISE_CONV_2D",  # a norm that no conv can take in
    "conv: {out: 8, padding: [0, 1, 0, 1]}": "CONV_2D, PAD",
    "conv: {out: 8, padding_mode: reflect}": "CONV_2D, MIRROR_PAD",
    "skip: {blocks: [{conv: 3}]}": "ADD, CONV_2D",
    "squeeze_excite": "CONV_2D, LOGISTIC, MUL",
    "activation: relu": "RELU",
    "avg_pool: {kernel: 2, padding: 1}": "AVERAGE_POOL_2D, PAD",
    "max_pool: {kernel: 3, padding: 1, stride: 1}": "MAX_POOL_2D",
    "max_pool: {kernel: 3, padding: 1, stride: 2}": "MAX_POOL_2D, PADV2",
    "adaptive_avg_pool: 4": "AVERAGE_POOL_2D",
    "upsample: {factor: 2, mode: bilinear}": "RESIZE_BILINEAR",
    "scale: 1": "DEPTHWISE_CONV_2D",
    "dropout: 0.1": "",
}


@pytest.mark.parametrize("block", RUNS)
def test_runs(hold: Hold, block: str):
    held = hold("runs_on: tflite_micro", network(block, "gap").replace("classes: 10\n", ""))
    assert held.ok
    expected = {*filter(None, RUNS[block].split(", ")), "MEAN"}
    assert held.verdict.message == ", ".join(sorted(expected))


LACKS = {
    "activation: gelu": "there is no kernel for GELU",
    "activation: mish": "EXP and LOG run in float32 only",
    "norm: layer": "there is no kernel for it",
    "norm: instance": "there is no kernel for it",
    "norm: {kind: layer, over: channels}": "there is no kernel for it",
    "max_pool: {kernel: 2, dilation: 2}": "MAX_POOL_2D has no dilation",
    "adaptive_avg_pool: 5": "all windows of a pool must have the same size",
    "conv: {out: 8, padding_mode: circular}": "there is no kernel for circular padding",
}


@pytest.mark.parametrize("block", LACKS)
def test_lacks(hold: Hold, block: str):
    held = hold("runs_on: tflite_micro", network(block, "gap").replace("classes: 10\n", ""))
    assert [found.rpartition(" ")[2] for found in held.found] == ["AB512"]
    assert LACKS[block] in held.verdict.message and held.hints[0]


# ---- mcu ----


def test_mcu_satisfied_and_missed():
    small = network("strided: 16", "depthwise_separable: 32", "gap", "classifier")
    report = check(small, rules=["mcu"])
    assert {verdict.rule: verdict.ok for verdict in report.rules} == dict.fromkeys(
        ("flash", "peak_ram", "macs", "runs_on"), True
    )
    assert report.ok and report.facts
    assert f"{report.facts.memory.peak_bytes('int8'):,} bytes in int8" in report.rules[1].message
    large = network("conv: {out: 256, activation: gelu}", "conv: 256", "gap", "classifier")
    report = check(large, rules=["mcu"])
    assert [verdict.ok for verdict in report.rules] == [False, False, False, False]
    hints = {d.message.split(":")[0]: d.hint for d in report.diagnostics}
    assert hints["mcu, peak_ram"].startswith("stride earlier")
