"""Each of the ten rules of era-s9: what satisfies it, what misses it, and where the miss is shown."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import check
from tests.rules.packs.conftest import Hold, changed, network

TEN = "stages|convs|no max_pool|depthwise_separable|dilated|gap|receptive_field|params|augment|image".split("|")

STAGES = "stages: [C1, C2, C3, C4]"
CONVS = "convs: {stages: [C1, C2, C3], at_least: 3, last: [strided, dilated]}"
SEPARABLE = "depthwise_separable: {kernel: 3}"
AUGMENT = (
    "augment: [horizontal_flip, shift_scale_rotate, {coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean}}]"
)

THREE = "blocks: [{conv: 8}, {conv: 8}, {strided: 8}]"
ONE = "blocks: [{conv: 8}]"


def stage(name: str, blocks: str = ONE) -> str:
    return f"stage: {{name: {name}, {blocks}}}"


FOUR = [stage("C1"), stage("C2"), stage("C3"), stage("C4")]
OUTPUT = ["gap", "classifier"]


def test_the_pack_has_ten_rules_and_the_shipped_network_satisfies_all():
    report = check(changed("rules: era-s9", "# no rules here"), rules=["era-s9"])
    assert report.diagnostics == ()
    assert [verdict.rule for verdict in report.rules] == TEN
    assert all(verdict.ok and verdict.pack == "era-s9" for verdict in report.rules)


C3 = "              - repeat: {times: 2, blocks: [{depthwise_separable: {out: 4 * width}}]}\n"
# a change of the shipped network, the one rule that it misses then, the code, and the line that is shown
CHANGES = [
    ("convs", f"{C3}        - strided: {{out: 4 ", f"{C3}        - conv: {{out: 4 ", "AB511", "- conv: {out: 4"),
    ("dilated", "dilated: {out: 2 * width, dilation: 2}", "conv: {out: 2 * width}", "AB513", "network:"),
    ("no max_pool", "  - gap\n", "  - adaptive_max_pool: 1\n  - gap\n", "AB512", "- adaptive_max_pool: 1"),
    ("gap", "  - gap\n", "  - avg_pool: 3\n", "AB513", "- avg_pool: 3"),
    ("params", "{width: 20}", "{width: 24}", "AB514", "rules: era-s9"),
    ("augment", "    - horizontal_flip: {p: 0.5}\n", "", "AB515", "  augment:"),
    ("image", "input: [3, 32, 32] ", "input: [3, 64, 64] ", "AB516", "input: [3, 64, 64]"),
]


@pytest.mark.parametrize(("rule", "old", "new", "code", "line"), CHANGES, ids=[change[0] for change in CHANGES])
def test_one_change_misses_one_rule(rule: str, old: str, new: str, code: str, line: str):
    text = changed(old, new)
    if rule == "dilated":  # there are two
        text = changed("dilated: {out: width, dilation: 2}", "conv: {out: width}", text)
    report = check(text.replace("dataset: cifar10", "dataset: own.npz"))
    missed = [verdict.rule for verdict in report.rules if not verdict.ok]
    assert missed == [rule]
    (found,) = [d for d in report.all_found if d.code.id == code]
    assert line in text.splitlines()[found.span.line - 1]
    assert found.severity == "error" and found.hint
    assert found.message.startswith(f"era-s9, {rule}: ")
    assert not report.ok


# ---- 1: four stages, then an output ----


def test_stages(hold: Hold):
    held = hold(STAGES, network(*FOUR, *OUTPUT))
    assert held.ok and held.by == ["C1", "C2", "C3", "C4"]
    assert held.verdict.message == "then gap, classifier"


def test_a_stem_may_stand_before_c1(hold: Hold):
    assert hold(STAGES, network("conv: 8", "strided: 8", *FOUR, *OUTPUT)).ok
    assert hold(STAGES, network(stage("prepare"), *FOUR, *OUTPUT)).ok
    assert hold(STAGES, network(stage("stem"), stage("a"), stage("b"), stage("c"), stage("d"), *OUTPUT)).ok


def test_stages_of_other_names_and_kinds_count_by_their_place(hold: Hold):
    blocks = [
        "skip: {name: block1, blocks: [{conv: 8}]}",
        stage("block2"),
        "repeat: {name: block3, times: 2, blocks: [{conv: 8}]}",
        "branches: {name: block4, paths: [[{conv: 8}], [{conv: 8}]]}",
    ]
    held = hold(STAGES, network(*blocks, *OUTPUT))
    assert held.ok and held.by == ["block1", "block2", "block3", "block4"]
    assert held.verdict.message == "as C1, C2, C3, C4, then gap, classifier"


def test_a_definition_can_be_a_stage(hold: Hold):
    head = "define: {C1: {blocks: [{conv: 8}]}}\n"
    assert hold(STAGES, network("C1", *FOUR[1:], *OUTPUT, head=head)).ok


def test_an_output_may_be_a_group_of_its_own(hold: Hold):
    assert hold(STAGES, network(*FOUR, "stage: {name: output, blocks: [gap, classifier]}")).ok


def test_no_stage_at_all(hold: Hold):
    held = hold(STAGES, network("conv: 8", *OUTPUT))
    assert held.found == ["4:1 AB511"]
    assert "there is none" in held.verdict.message


def test_a_stage_too_few(hold: Hold):
    held = hold(STAGES, network(*FOUR[:3], *OUTPUT))
    assert held.found == ["4:1 AB511"]
    assert "there are 3: C1, C2, C3" in held.verdict.message


def test_a_stage_too_many_is_shown_itself(hold: Hold):
    held = hold(STAGES, network(*FOUR, stage("C5"), *OUTPUT))
    assert held.found == ["9:5 AB511"]
    assert "C5 is stage 5" in held.verdict.message


def test_stages_in_another_order(hold: Hold):
    held = hold(STAGES, network(stage("C1"), stage("C3"), stage("C2"), stage("C4"), *OUTPUT))
    assert held.found == ["6:13 AB511", "7:13 AB511"]
    assert "C3 is in the position of C2" in held.verdict.message


@pytest.mark.parametrize("after", [2, 4])
def test_a_conv_outside_the_stages(hold: Hold, after: int):
    blocks = [*FOUR[:after], "conv: 8", *FOUR[after:], *OUTPUT]
    held = hold(STAGES, network(*blocks))
    assert held.found == [f"{5 + after}:5 AB511"]
    assert "is in no stage" in held.verdict.message


def test_pointwise_convs_and_dropout_may_stand_between(hold: Hold):
    assert hold(STAGES, network(*FOUR[:2], "dropout: 0.1", "pointwise: 8", *FOUR[2:], *OUTPUT)).ok


def test_nothing_after_the_last_stage(hold: Hold):
    held = hold(STAGES, network(*FOUR[:3], stage("C4", "blocks: [{conv: 8}, gap, classifier]")))
    assert held.found == ["8:5 AB511"]
    assert "nothing comes after C4" in held.verdict.message


# ---- 2: three convs in each of C1 to C3, the last strided or dilated ----


def convs(*blocks: str) -> str:
    """A network whose C2 is of these blocks."""
    listed = "".join(f"      - {block}\n" for block in blocks)
    c2 = f"stage:\n      name: C2\n      blocks:\n{listed.replace('      - ', '        - ')}"
    return network(stage("C1", THREE), c2.rstrip("\n"), stage("C3", THREE), *FOUR[3:], *OUTPUT)


def test_three_convs_the_last_strided(hold: Hold):
    held = hold(CONVS, convs("conv: 8", "conv: 8", "strided: 8"))
    assert held.ok and held.by == ["C1.strided", "C2.strided", "C3.strided"]
    assert held.verdict.message == "the last of 3, 3, 3 convs"


def test_two_convs_are_shown_at_their_stage(hold: Hold):
    held = hold(CONVS, convs("conv: 8", "strided: 8"))
    assert held.found == ["6:5 AB511"]
    assert "C2 has 2 convs, but at least 3 are required" in held.verdict.message


def test_the_last_may_be_dilated_in_place_of_downsampling(hold: Hold):
    assert hold(CONVS, convs("conv: 8", "conv: 8", "dilated: 8")).ok


def test_the_last_is_neither(hold: Hold):
    held = hold(CONVS, convs("strided: 8", "conv: 8", "conv: 8"))
    assert held.found == ["11:11 AB511"]
    assert "C2 ends in C2.conv2, which is not strided or dilated" in held.verdict.message
    assert "strided" in held.hints[0] and "dilated" in held.hints[0]


def test_a_dilation_on_a_1x1_conv_ends_no_stage(hold: Hold):
    assert not hold(CONVS, convs("conv: 8", "conv: 8", "dilated: {out: 8, kernel: 1}")).ok


def test_a_strided_1x1_conv_does(hold: Hold):
    assert hold(CONVS, convs("conv: 8", "conv: 8", "strided: {out: 8, kernel: 1}")).ok


def test_what_comes_after_the_last_conv_does_not_matter(hold: Hold):
    assert hold(CONVS, convs("conv: 8", "conv: 8", "strided: 8", "norm: batch", "dropout: 0.1")).ok


@pytest.mark.parametrize(
    "pair", [["depthwise_separable: {out: 8, stride: 2}"], ["depthwise: {stride: 2}", "pointwise: 8"]]
)
def test_a_depthwise_separable_pair_is_one_conv(hold: Hold, pair: list[str]):
    assert not hold(CONVS, convs("conv: 8", *pair)).ok  # two convs
    assert hold(CONVS, convs("conv: 8", "conv: 8", *pair)).ok  # three, the last strided in its depthwise part


def test_a_depthwise_conv_without_its_1x1_conv_counts_by_itself(hold: Hold):
    assert hold(CONVS, convs("depthwise", "depthwise", "strided: 8")).ok


def test_convs_in_a_skip_count_and_its_shortcut_does_not(hold: Hold):
    body = "skip: {blocks: [{conv: 16}], shortcut: [{pointwise: 16}]}"
    assert not hold(CONVS, convs(body, "strided: 8")).ok
    assert hold(CONVS, convs(body, "conv: 8", "strided: 8")).ok
    assert not hold(CONVS, convs("skip: {blocks: [{conv: 16}]}", "strided: 8")).ok  # an automatic projection
    assert hold(CONVS, convs("conv: 8", "skip: {blocks: [{conv: 8}, {strided: 16}]}")).ok


def test_convs_of_a_gate_do_not_count(hold: Hold):
    assert not hold(CONVS, convs("conv: 8", "squeeze_excite", "strided: 8")).ok
    assert hold(CONVS, convs("conv: 8", "conv: 8", "strided: 8", "squeeze_excite")).ok


def test_repeated_and_shared_blocks_count_as_often_as_they_run(hold: Hold):
    assert hold(CONVS, convs("repeat: {times: 2, blocks: [{conv: 8}]}", "strided: 8")).ok
    assert hold(CONVS, convs("conv: {name: a, out: 8}", "use: a", "strided: 8")).ok


def test_stages_that_are_not_there(hold: Hold):
    held = hold(CONVS, network(stage("C1", THREE), *OUTPUT))
    assert held.found == ["4:1 AB511"]
    assert "there is no stage C2 and no C3" in held.verdict.message


# ---- 3: no max pooling ----


@pytest.mark.parametrize("pool", ["max_pool: 2", "adaptive_max_pool: 4", "adaptive_max_pool: 1"])
def test_max_pools_of_all_kinds(hold: Hold, pool: str):
    held = hold("without: max_pool", network("conv: 8", pool, *OUTPUT))
    assert held.found == ["6:5 AB512"]
    assert "strided" in held.hints[0]


def test_average_pools_are_no_max_pools(hold: Hold):
    assert hold("without: max_pool", network("conv: 8", "avg_pool: 2", *OUTPUT)).ok


# ---- 4: a depthwise separable conv ----


@pytest.mark.parametrize(
    "blocks",
    [
        ["depthwise_separable: 16"],
        ["depthwise_separable: {out: 16, kernel: 5, multiplier: 2, dilation: 2}"],
        ["depthwise", "pointwise: 16"],
        ["depthwise: {order: conv}", "pointwise: 16"],
        ["depthwise", "dropout: 0.1", "pointwise: 16"],
        ["conv: {out: 16, groups: 8}", "pointwise: 16"],
    ],
    ids=lambda blocks: " ".join(blocks),
)
def test_depthwise_separable(hold: Hold, blocks: list[str]):
    held = hold(SEPARABLE, network("conv: 8", *blocks, *OUTPUT))
    assert held.ok and len(held.by) == 1


@pytest.mark.parametrize(
    ("blocks", "place", "why"),
    [
        (["conv: 16"], "4:1", "there is no depthwise separable conv"),
        (
            ["grouped: {out: 16, groups: 4}", "pointwise: 16"],
            "6:24",
            "is grouped, not depthwise: its 4 groups have 2 of the 8",
        ),
        (["depthwise", "conv: 16"], "6:5", "no 1x1 conv follows the depthwise depthwise.conv"),
        (["depthwise", "gap"], "6:5", "no 1x1 conv follows"),
        (["depthwise: {kernel: 1}", "pointwise: 16"], "6:17", "has a kernel of 1, but at least 3 is required"),
        (["depthwise: {kernel: [1, 3]}", "pointwise: 16"], "6:17", "has a kernel of 1x3"),
        (["depthwise", "grouped: {out: 16, groups: 2, kernel: 1}"], "6:5", "no 1x1 conv follows"),
    ],
    ids=["none", "grouped", "alone", "before the pool", "1x1", "1x3", "grouped 1x1"],
)
def test_not_depthwise_separable(hold: Hold, blocks: list[str], place: str, why: str):
    held = hold(SEPARABLE, network("conv: 8", *blocks, *OUTPUT[blocks[-1] == "gap" :]))
    assert held.found == [f"{place} AB513"]
    assert why in held.verdict.message


def test_one_channel_in_one_group_is_not_depthwise(hold: Hold):
    assert not hold(SEPARABLE, network("conv: 1", "conv: {out: 1}", "pointwise: 8", *OUTPUT)).ok


# ---- 5: a dilated conv ----


@pytest.mark.parametrize(
    "block",
    ["dilated: 8", "conv: {out: 8, dilation: [1, 2]}", "depthwise: {dilation: 3}", "strided: {out: 8, dilation: 2}"],
)
def test_dilated(hold: Hold, block: str):
    held = hold("dilated", network("conv: 8", block, *OUTPUT))
    assert held.ok and len(held.by) == 1


@pytest.mark.parametrize(
    ("block", "place", "why"),
    [
        ("conv: 8", "4:1", "no conv has a dilation over 1"),
        ("pointwise: {out: 8, dilation: 2}", "6:25", "has no effect on its 1x1 kernel"),
        ("conv: {out: 8, kernel: [1, 3], dilation: [2, 1]}", "6:36", "has no effect on its 1x3 kernel"),
    ],
)
def test_not_dilated(hold: Hold, block: str, place: str, why: str):
    held = hold("dilated", network("conv: 8", block, *OUTPUT))
    assert held.found == [f"{place} AB513"]
    assert why in held.verdict.message


# ---- 6: GAP ----


@pytest.mark.parametrize("pool", ["gap", "avg_pool: 16", "adaptive_avg_pool: 1"])
def test_gap(hold: Hold, pool: str):
    held = hold("gap", network("strided: 8", pool, "classifier"))
    assert held.ok and held.verdict.message == "over the whole 16x16 map"


def test_gap_after_a_global_pool_on_one_path_of_several(hold: Hold):
    paths = "branches: {paths: [[{conv: 8}], [gap, {pointwise: 8}, {upsample: 16}]]}"
    held = hold("gap", network("strided: 8", paths, "gap", "classifier"))
    assert held.ok and [each.name for each in held.verdict.by] == ["gap"]


@pytest.mark.parametrize(
    ("blocks", "place", "why"),
    [
        (["avg_pool: 9", "classifier: linear"], "6:15", "its window covers 9x9 of the 16x16 map"),
        (["adaptive_max_pool: 1", "classifier"], "6:5", "global max pool"),
        (["squeeze_excite", "classifier: linear"], "4:1", "there is no global average pool"),
        (["gap", "upsample: 4", "conv: 8", "classifier: linear"], "7:5", "is not the last"),
        (["classifier: linear"], "4:1", "there is no global average pool"),
    ],
    ids=["a window", "maximum", "of a gate", "not the last", "none"],
)
def test_not_gap(hold: Hold, blocks: list[str], place: str, why: str):
    held = hold("gap", network("strided: 8", *blocks))
    assert held.found == [f"{place} AB513"]
    assert why in held.verdict.message


# ---- 7 and 8: receptive field and parameters ----


def test_receptive_field_is_that_before_the_pool(hold: Hold):
    rule = 'limit: {of: receptive_field, bound: "> 44"}'
    small = network("conv: 8", "dilated: {out: 8, dilation: 10}", *OUTPUT)
    held = hold(rule, small)
    assert held.report.facts and held.report.facts.field.size == (23, 23)
    assert held.report.facts.field_with_gap.size > (44, 44)  # the pool's own window does not count
    assert held.found == ["4:1 AB514"] and "receptive_field is 23, the limit is > 44" in held.verdict.message
    held = hold(rule, small.replace("dilation: 10", "dilation: 21"))
    assert held.ok and held.by == ["dilated"] and held.verdict.message == "45 > 44"


def test_params(hold: Hold):
    text = network("conv: {out: 8, order: conv, bias: false}", "gap", "classifier: {bias: false}")  # 216 + 80
    assert hold('limit: {of: params, bound: "< 297"}', text).ok
    held = hold('limit: {of: params, bound: "< 296"}', text)
    assert held.found == ["4:1 AB514"] and "the most expensive: conv.conv (216)" in held.hints[0]


# ---- 9: augmentations ----

FLIP = "horizontal_flip"
MOVE = "{shift_scale_rotate: {shift: 0.1, scale: 0, rotate: 0}}"
HOLE = "{coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean}}"


def augmented(*augmentations: str) -> str:
    head = f"data: {{dataset: cifar10, augment: [{', '.join(augmentations)}]}}\n"
    return network("conv: 8", *OUTPUT, head=head)


@pytest.mark.parametrize(
    "augmentations",
    [
        (FLIP, MOVE, HOLE),
        (HOLE, "to_gray", FLIP, MOVE, "vertical_flip"),
        (FLIP, "shift_scale_rotate", HOLE),
        (FLIP, "{shift_scale_rotate: {shift_limit: 0, scale_limit: 0, rotate_limit: 3, p: 0.01}}", HOLE),
        (FLIP, MOVE, "{coarse_dropout: {max_holes: 1, max_height: 16, max_width: 16, fill_value: mean}}"),
        (
            FLIP,
            MOVE,
            "{coarse_dropout: {min_holes: 1, max_holes: 1, min_height: 16, max_height: 16, max_width: 16, fill: mean}}",
        ),
        (FLIP, MOVE, "{coarse_dropout: {holes: 1, height: 16, width: 16, fill: [125.3, 123, 113.9], p: 1}}"),
        (FLIP, "{horizontal_flip: {p: 0}}", MOVE, HOLE),
    ],
)
def test_augment(hold: Hold, augmentations: tuple[str, ...]):
    held = hold(AUGMENT, augmented(*augmentations))
    assert held.ok and {FLIP, "shift_scale_rotate", "coarse_dropout"} == set(held.by)


COARSE = {
    "holes: 2, height: 16, width: 16, fill: mean": "coarse_dropout has holes 2, but 1 is required",
    "holes: [1, 2], height: 16, width: 16, fill: mean": "coarse_dropout has holes 1 to 2, but 1 is required",
    "holes: 1, height: 8, width: 16, fill: mean": "coarse_dropout has height 8, but 16 is required",
    "max_holes: 1, min_height: 1, max_height: 16, max_width: 16, fill: mean": "coarse_dropout has height 1 to 16",
    "holes: 1, height: 16, width: 15, fill: mean": "coarse_dropout has width 15, but 16 is required",
    "holes: 1, height: 16, width: 16": "coarse_dropout fills its holes with 0.0, but the data set's mean is required",
    "holes: 1, height: 16, width: 16, fill: 128": "coarse_dropout fills its holes with 128.0",
    "holes: 1, height: 16, width: 16, fill: [123.7, 116.3, 103.5]": "coarse_dropout fills its holes with (123.7",
    "holes: 1, height: 16, width: 16, fill: mean, p: 0": "coarse_dropout has p: 0 and is never applied",
}


@pytest.mark.parametrize("fields", COARSE)
def test_another_coarse_dropout(hold: Hold, fields: str):
    held = hold(AUGMENT, augmented(FLIP, MOVE, f"{{coarse_dropout: {{{fields}}}}}"))
    (place,) = held.found
    assert place.startswith("4:") and place.endswith("AB515")
    assert COARSE[fields] in held.verdict.message


def test_the_place_is_the_field_itself(hold: Hold):
    text = augmented(FLIP, MOVE, "{coarse_dropout: {holes: 1, max_height: 8, width: 16, fill_value: 0}}")
    held = hold(AUGMENT, text)
    line = text.splitlines()[3]
    assert held.found == [f"4:{line.index('max_height') + 1} AB515", f"4:{line.index('fill_value') + 1} AB515"]
    assert held.hints == ["height: 16", "fill: mean"]


def test_two_coarse_dropouts_make_two_holes(hold: Hold):
    held = hold(AUGMENT, augmented(FLIP, MOVE, HOLE, HOLE))
    assert not held.ok and "2 coarse_dropout can make holes in the same image" in held.verdict.message
    assert hold(AUGMENT, augmented(FLIP, MOVE, HOLE, HOLE.replace("fill: mean", "fill: mean, p: 0"))).ok


@pytest.mark.parametrize(
    ("augmentations", "why"),
    [
        ((MOVE, HOLE), "there is no horizontal_flip"),
        (("vertical_flip", MOVE, HOLE), "there is no horizontal_flip"),
        (("{horizontal_flip: {p: 0}}", MOVE, HOLE), "horizontal_flip has p: 0"),
        ((FLIP, HOLE), "there is no shift_scale_rotate"),
        ((FLIP, "{shift_scale_rotate: {shift: 0, scale: 0, rotate: 0}}", HOLE), "shift_scale_rotate has no effect"),
        ((FLIP, MOVE), "there is no coarse_dropout"),
    ],
)
def test_an_augmentation_less(hold: Hold, augmentations: tuple[str, ...], why: str):
    held = hold(AUGMENT, augmented(*augmentations))
    assert len(held.found) == 1 and why in held.verdict.message


def test_no_data_section(hold: Hold):
    held = hold(AUGMENT, network("conv: 8", *OUTPUT))
    assert held.found == ["4:1 AB515"] and "there is no data: section" in held.verdict.message


def test_no_augment_list(hold: Hold):
    held = hold(AUGMENT, network("conv: 8", *OUTPUT, head="data: {dataset: cifar10}\n"))
    assert [found.partition(":")[0] for found in held.found] == ["4", "4", "4"]


# ---- 10: classes and input ----


def test_image(hold: Hold):
    rule = "image: {input: [3, 32, 32], classes: 10}"
    held = hold(rule, network("conv: 8", *OUTPUT))
    assert held.ok and held.by == ["input", "classes"]
    text = network("conv: 8", *OUTPUT).replace("classes: 10", "classes: 100").replace("[3, 32, 32]", "[1, 28, 28]")
    held = hold(rule, text)
    assert held.found == ["2:1 AB516", "3:1 AB516"]
    assert held.hints == ["input: [3, 32, 32]", "classes: 10"]
    held = hold("image: {classes: 10}", network("conv: 8", "gap").replace("classes: 10\n", ""))
    assert held.found == ["1:1 AB516"] and "no number of classes" in held.verdict.message
