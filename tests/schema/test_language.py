"""What a file may say, and what it is told where it says something else: the code, the exact place, the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archbuilder.pipeline import Report, check


def ops(report: Report) -> list[str]:
    """The ops of a network in words."""
    assert report.graph, report.diagnostics
    return [node.op.describe() for node in report.graph.nodes.values()]


def out(report: Report) -> str:
    """The shape that a network ends in."""
    assert report.graph, report.diagnostics
    return str(list(report.graph.nodes.values())[-1].shape)


# text from line 3 on -> every finding, in order
FINDINGS: dict[str, list[str]] = {
    # names that are not known
    "network:\n  - convv: 16": ["4:5 AB101"],
    "network:\n  - convv": ["4:5 AB101"],
    "network: [gap, {Conv2d: 16}]": ["3:17 AB101"],
    "network:\n  - conv: {out: 16, kernal: 3}": ["4:21 AB101"],
    "network:\n  - conv:\n      out: 16\n      kernal: 3": ["6:7 AB101"],
    "network:\n  - stage:\n      blocks:\n        - conv: {out: 16, x: 1, y: 2}": ["6:27 AB101", "6:33 AB101"],
    "network: [gap]\nnetworks: 3": ["4:1 AB101"],
    "defaults: {kernel: 3}\nnetwork: [gap]": ["3:12 AB101"],
    "network:\n  - conv: {out: 16, norm: {kind: group, group: 4}}": ["4:41 AB101"],
    # missing fields
    "network:\n  - conv": ["4:5 AB102"],
    "network:\n  - conv:": ["4:5 AB102"],
    "network:\n  - conv: {kernel: 3}": ["4:5 AB102"],
    "network:\n  - repeat: {}": ["4:5 AB102", "4:5 AB102"],
    "name: x": ["1:1 AB102"],
    # another form
    "network: 3": ["3:10 AB104"],
    "network:": ["3:9 AB104"],
    "network: {conv: 16}": ["3:10 AB104"],
    "network: []": ["3:10 AB103"],
    "network: [3, [gap], null]": ["3:11 AB104", "3:14 AB104", "3:21 AB104"],
    "network:\n  - gap: 8": ["4:5 AB104"],
    "network:\n  - conv:\n    out: 16": ["5:5 AB104"],
    "network:\n  - conv: 16\n    gap:": ["5:5 AB104"],
    "vars: [1]\nnetwork: [gap]": ["3:7 AB104"],
    "defaults: [1]\nnetwork: [gap]": ["3:11 AB104"],
    "limits: [1]\nnetwork: [gap]": ["3:9 AB104"],
    "data: digits\nnetwork: [gap]": ["3:7 AB104"],
    "train: 3\nnetwork: [gap]": ["3:8 AB104"],
    # values
    "classes: 0\nnetwork: [gap]": ["3:10 AB103"],
    "classes: ten\nnetwork: [gap]": ["3:10 AB103"],
    "classes: 10.0\nnetwork: [gap]": ["3:10 AB103"],
    "classes: true\nnetwork: [gap]": ["3:10 AB103"],
    "name: 'a b'\nnetwork: [gap]": ["3:7 AB103"],
    "name: 3\nnetwork: [gap]": ["3:7 AB103"],
    "name:\nnetwork: [gap]": ["3:1 AB103"],
    "network:\n  - conv: 0": ["4:11 AB103"],
    "network:\n  - conv: 1000001": ["4:11 AB103"],
    "network:\n  - conv: .nan": ["4:11 AB103"],
    "network:\n  - conv: [16]": ["4:11 AB103"],
    "network:\n  - conv: {out: {a: 1}}": ["4:17 AB103"],
    "network:\n  - conv: {out: 16, kernel: [3, 3, 3]}": ["4:29 AB103"],
    "network:\n  - conv: {out: 16, kernel: [3]}": ["4:29 AB103"],
    "network:\n  - conv: {out: 16, kernel: [3, 0]}": ["4:29 AB103"],
    "network:\n  - conv: {out: 16, kernel: null}": ["4:21 AB103"],
    "network:\n  - conv: {out: 16, bias: yes}": ["4:27 AB103"],
    "network:\n  - conv: {out: 16, frozen: 1}": ["4:29 AB103"],
    "network:\n  - conv: {out: 16, order: act-norm}": ["4:28 AB103"],
    "network:\n  - conv: {out: 16, order: conv-conv}": ["4:28 AB103"],
    "network:\n  - conv: {out: 16, order: conv-norm-relu}": ["4:28 AB103"],
    "network:\n  - conv: {out: 16, norm: bach}": ["4:27 AB103"],
    "network:\n  - conv: {out: 16, norm: null}": ["4:27 AB103"],
    "network:\n  - conv: {out: 16, norm: {kind: null}}": ["4:28 AB103"],
    "network:\n  - conv: {out: 16, dropout: 1.5}": ["4:30 AB103"],
    "network:\n  - conv: {out: 16, dropout: -0.1}": ["4:30 AB103"],
    "network:\n  - conv: {out: 16, dropout: .nan}": ["4:30 AB103"],
    "network:\n  - conv: {out: 16, activation: .inf}": ["4:33 AB103"],
    # names
    "network:\n  - conv: {out: 16, name: 1st}": ["4:27 AB103"],
    "network:\n  - conv: {out: 16, name: a.b}": ["4:27 AB103"],
    "network:\n  - conv: {out: 16, name: größe}": ["4:27 AB103"],
    "network:\n  - conv: {out: 16, name: training}": ["4:27 AB202"],
    "network:\n  - conv: {out: 16, name: class}": ["4:27 AB202"],
    "network:\n  - conv: {out: 16, name: a}\n  - gap: {name: a}": ["5:11 AB202"],
    # shapes
    "network:\n  - conv: {out: 16, groups: 5}": ["4:21 AB301"],
    "network:\n  - conv: {out: 16, kernel: 33, padding: valid}": ["4:21 AB302"],
    "network:\n  - gap\n  - conv: {out: 16, padding: 0}": ["5:5 AB302"],
    "network:\n  - flatten\n  - conv: 16": ["5:5 AB303"],
    "network:\n  - linear: 10": ["4:5 AB304"],
    "classes: 10\nnetwork:\n  - gap": ["5:5 AB205"],
    "classes: 10\nnetwork:\n  - classifier": ["5:5 AB205"],
    "network:\n  - classifier": ["4:5 AB204"],
}


@pytest.mark.parametrize("text", FINDINGS)
def test_every_mistake_has_its_place(text: str, found: Any):
    assert found(text) == FINDINGS[text]


def test_the_head():
    def codes(text: str) -> list[str]:
        return [f"{d.span.line}:{d.span.column} {d.code.id}" for d in check(text).diagnostics]

    assert codes("input: [3, 4, 4]\nnetwork: [gap]\n") == ["1:1 AB102"]
    assert codes("archbuilder: 1\nnetwork: [gap]\n") == ["1:1 AB102"]
    assert codes("archbuilder: null\ninput: [3, 4, 4]\nnetwork: [gap]\n") == ["1:1 AB103"]
    for version in ("2", "'1'", "1.0", "true", "[1]"):
        assert codes(f"archbuilder: {version}\ninput: [3, 4, 4]\nnetwork: [gap]\n") == ["1:14 AB103"]
    assert codes("archbuilder: 1\ninput: null\nnetwork: [gap]\n") == ["2:1 AB103"]
    for size in (
        "3",
        "[3, 4]",
        "[3, 4, 4, 4]",
        "[3, 4, 0]",
        "[3, 4, -1]",
        "[3, 4, x]",
        "abc",
        "[3, 4, 1.5]",
        "{}",
    ):
        assert codes(f"archbuilder: 1\ninput: {size}\nnetwork: [gap]\n") == ["2:8 AB103"]
    for text in ("text\n", "- a\n", "3\n", "version: 1\nmodel: x\n", "{}\n"):
        assert codes(text) == ["1:1 AB105"]


@pytest.mark.parametrize(
    ("written", "meant"), [("[32, 32, 3]", "[3, 32, 32]"), ("[28, 28, 1]", "[1, 28, 28]"), ("[5, 5, 3]", "[3, 5, 5]")]
)
def test_channels_that_come_last_are_all_that_is_said(written: str, meant: str):
    """Only the order of the axes is reported, not its consequences: a large hole, a data set of another size."""
    hole = "{coarse_dropout: {height: 16, width: 16}}"
    data = f"data: {{dataset: cifar10, augment: [{hole}]}}"
    (d,) = check(f"archbuilder: 1\n{data}\ninput: {written}\nclasses: 10\nnetwork: [gap, classifier]\n").diagnostics
    assert (d.code.id, d.span.line, d.span.column) == ("AB106", 3, 8)
    assert d.hint == f"channels come first: {meant}"


@pytest.mark.parametrize(
    "shape", ["[3, 32, 32]", "[64, 32, 3]", "[64, 1, 64]", "[4, 4, 1]", "[3, 3, 1]", "[16, 16, 2]"]
)
def test_other_shapes_are_as_they_are_written(shape: str):
    assert check(f"archbuilder: 1\ninput: {shape}\nnetwork: [gap]\n").diagnostics == ()


# text from line 3 on -> a part of the message and of the hint of its one finding
WORDS = {
    "network: [convv: 16]": ("there is no block convv", "did you mean conv?"),
    "network: [Conv2d: 16]": ("there is no block Conv2d", "did you mean conv?"),
    "network: [MAX_POOL: 2]": ("there is no block MAX_POOL", "did you mean max_pool?"),
    "network: [BatchNorm2d]": ("there is no block BatchNorm2d", "did you mean norm: batch?"),
    "network: [what: 16]": ("there is no block what", "known here: activation, "),
    "network: [{conv: {out: 16, kernal: 3}}]": ("no field kernal here", "did you mean kernel?"),
    "network: [{conv: {out:16}}]": ("no field out:16 here", "put a space after the colon: out: 16"),
    "network: [conv:16]": ("no block conv:16", "put a space after the colon: conv: 16"),
    "network:\n  - conv {out: 16}": ("no block conv {out", "put a colon before the bracket: conv: {out"),
    "network: [conv]": ("the field out is missing", "say the number of output channels: out: 32"),
    "network: [{conv: {out: 16.0}}]": ("expected an integer, found 16.0", "write 16"),
    "network: [{conv: {out: 16.5}}]": ("expected an integer, found 16.5", "a whole number"),
    "network: [{conv: {out: widht}}]": ("there is no variable widht", "no vars: section"),
    "vars: {width: 8}\nnetwork: [{conv: {out: widht}}]": ("there is no variable widht", "did you mean width?"),
    "vars: {width: 8}\nnetwork: [{conv: {out: width / 2}}]": ("'width / 2' is not an integer", "write //"),
    "network: [{conv: {out: 16, bias: yes}}]": ("true or false or auto, found 'yes'", "yes is text"),
    "network: [{conv: {out: 16, norm: bach}}]": ("expected batch, group, layer", "did you mean batch?"),
    "network: [{conv: {out: 16, norm: null}}]": ("a value is missing", "none to switch a layer off"),
    "network: [{conv: {out: 16, activation: ReLU}}]": ("expected relu, relu6", "did you mean relu?"),
    "network: {conv: 16}": ("expected a list of blocks, found a mapping", "with a dash"),
    "network: [3]": ("expected the name of a block, found 3", "known here"),
    "network: [relu]": ("there is no block relu", "did you mean activation: relu?"),
    "network: [{ReLU6: {slope: 3}}]": ("there is no block ReLU6", "did you mean activation: relu6?"),
    "network: [batch]": ("there is no block batch", "did you mean norm: batch?"),
    "define: {bottleneck: {blocks: [{conv: 8}]}}\nnetwork: [botleneck]": ("no block botleneck", "mean bottleneck?"),
    "network: [{conv: 0}]": ("out: 0 is out of range: from 1 to 1,000,000", "write a whole number from 1 to 1,000,000"),
    "network: [{dropout: 2}]": ("p: 2 is out of range", "write a number from 0 to 1"),
    "train: {epochs: 0}\nnetwork: [gap]": ("epochs: 0 is out of range", "write a whole number from 1 to"),
    "train: {seed: -1}\nnetwork: [gap]": ("seed: expected at least 0, found -1", "write a number that is at least 0"),
    "data: {dataset: digits, workers: 129}\nnetwork: [gap]": (
        "129 is out of range",
        "write a whole number from 0 to 128",
    ),
    "data: {dataset: digits, augment: [{shift_scale_rotate: {shift: 7}}]}\nnetwork: [gap]": (
        "7 is out of range: the ends lie from -1 to 1",
        "write [low, high] from -1 to 1",
    ),
    "network: [{conv: 16, gap: }]": ("found a second key gap", "with a dash before gap"),
    "network: [flatten: 1]": ("expected a mapping of fields, found 1", "its fields are name"),
    "network: [gap: 8]": (
        "expected a mapping of fields, found 8",
        "write gap alone, which pools the whole map, or avg_pool: 8",
    ),
    "network: [depthwise: 24]": ("found 24", "depthwise_separable: 24, or depthwise: {multiplier: 24}"),
    "network: [stage: C1]": ("found 'C1'", "write stage: {name: C1, blocks: [...]}"),
    "network: [repeat: 3]": ("found 3", "write repeat: {times: 3, blocks: [...]}"),
    "data: small.npz\nnetwork: [gap]": ("found 'small.npz'", "write data: {dataset: small.npz}"),
    "data: [small.npz]\nnetwork: [gap]": ("found a list", "its fields are dataset"),
    "train: {optimizer: 3}\nnetwork: [gap]": ("expected the name of an optimizer, found 3", "adamw, muon, sgd"),
    "train: {optimizer: admw}\nnetwork: [gap]": ("there is no optimizer admw", "did you mean adamw?"),
    "data: {dataset: cifar}\nnetwork: [gap]": ("", "did you mean cifar10?"),
    "network: [{conv: {out: 16, name: train}}]": ("name: train is reserved by Python or torch", "train_"),
}


@pytest.mark.parametrize("text", WORDS)
def test_the_words(text: str, net: Any):
    (diagnostic,) = net(text).diagnostics
    message, hint = WORDS[text]
    assert message in diagnostic.message and hint in diagnostic.hint


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_text(
        """\
archbuilder: 2
name: many
input: [3, 32]
classes: ten
colour: blue
limits:
  params: about 200k
  receptive_feild: "> 44"
vars: {width: 2 / 3}
defaults: {norm: bach}
network:
  - convv: 16
  - conv: {out: 0, kernel: 3}
  - stage:
      name: C1
      blocks:
        - skip: {blocks: [{dilated: {out: 16, dilation: 1}}], merge: sum}
        - pointwise: {out: widht}
  - conv: {out: 16, name: train}
name: again
data: {dataset: cifar}
train: {epochs: 0, optimizer: {sgd: {lr: -1}}}
"""
    )
    places = [str(d).split(" ")[:2] for d in check(path).diagnostics]
    assert places == [
        [f"{path}:{place}:", code]
        for place, code in [
            ("1:14", "AB103"),
            ("3:8", "AB103"),
            ("4:10", "AB103"),
            ("5:1", "AB101"),
            ("7:11", "AB501"),
            ("8:3", "AB502"),
            ("9:15", "AB103"),
            ("10:18", "AB103"),
            ("12:5", "AB101"),
            ("13:17", "AB103"),
            ("17:57", "AB103"),
            ("17:70", "AB103"),
            ("18:28", "AB103"),
            ("19:27", "AB202"),
            ("20:1", "AB005"),
            ("21:17", "AB103"),
            ("22:17", "AB103"),
            ("22:42", "AB103"),
        ]
    ]


HEADS = {
    "input: 3\nclasses: ten": ["1:8 AB103", "2:10 AB103"],
    "classes: ten": ["1:1 AB102", "1:10 AB103"],
    "input: [3, 8, 8]\nclasses: 0": ["2:10 AB103"],
    "input: [3, 8, 8]\nclasses: 10\nnetworks: 3": ["3:1 AB101"],
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("version", ["archbuilder: 1", "archbuilder: 7", ""])
def test_a_bad_head_holds_nothing_back(head: str, version: str):
    """A limit that is not measured, a name that no block has, a block that is none: whatever the input is."""
    rest = 'limits: {parms: "< 10"}\nnetwork:\n  - conv: {out: 8, name: early}\n  - join: erly\n  - gapp\n'
    lines = head.count("\n") + 1
    late = [f"{lines + 1}:10 AB502", f"{lines + 4}:11 AB206", f"{lines + 5}:5 AB101"]
    last = f"{lines + 6}:14 AB103" if version.endswith("7") else ""
    report = check(f"{head}\n{rest}{version}\n")
    found = [f"{d.span.line}:{d.span.column} {d.code.id}" for d in report.diagnostics]
    missing = ["1:1 AB102"] if not version else []
    assert sorted(found) == sorted([*HEADS[head], *late, *missing, *filter(None, [last])])
    assert report.facts is None and not report.ok


def test_a_network_of_another_form_holds_no_limit_back(found: Any):
    assert found('limits: {parms: "< 10"}\nnetwork: {conv: 8}') == ["3:10 AB502", "4:10 AB104"]


def test_a_bad_number_of_classes_is_no_bad_ending(found: Any):
    assert found("classes: ten\nnetwork: [{conv: 8}, flatten, {linear: 7}]") == ["3:10 AB103"]
    assert found("classes: ten\nnetwork: [{conv: 8}, gap, classifier]") == ["3:10 AB103"]


def test_shape_problems_of_several_blocks_are_reported_at_once(found: Any):
    text = "network:\n  - conv: {out: 9, groups: 5}\n  - conv: {out: 15, groups: 5}\n  - linear: 10\n  - conv: 16"
    assert found(text) == ["4:20 AB301", "5:21 AB301", "6:5 AB304", "7:5 AB303"]


def test_a_bad_block_hides_no_shape_problem_before_it(found: Any):
    assert found("network:\n  - conv: {out: 9, groups: 5}\n  - convv: 3\n  - linear: 3") == ["4:20 AB301", "5:5 AB101"]


def test_very_many_problems_are_not_all_reported(net: Any):
    diagnostics = net("network:\n" + "  - convv: 3\n" * 1000).diagnostics
    assert len(diagnostics) == 101
    assert {d.code.id for d in diagnostics} == {"AB101", "AB010"}


def test_a_bare_name_is_a_block_with_its_defaults(net: Any):
    assert ops(net("network: [gap]")) == ops(net("network: [gap: ]")) == ops(net("network: [gap: {}]"))


def test_a_bare_value_is_the_main_field(net: Any):
    assert ops(net("network: [conv: 8, dropout: 0.2, avg_pool: 2]")) == ops(
        net("network: [{conv: {out: 8}}, {dropout: {p: 0.2}}, {avg_pool: {kernel: 2}}]")
    )


# the fields of a conv of 16 channels on a 32x32 map -> the shape of its output, None where it is refused
SIZES: dict[str, str | None] = {
    "kernel: 3": "16x32x32",
    "kernel: 4": "16x32x32",
    "kernel: [5, 1]": "16x32x32",
    "kernel: 3, padding: valid": "16x30x30",
    "kernel: [5, 1], padding: valid": "16x28x32",
    "kernel: 3, padding: 0": "16x30x30",
    "kernel: 3, padding: 2": "16x34x34",
    "kernel: 3, padding: [1, 0]": "16x32x30",
    "kernel: 3, padding: [1, 0, 2, 3]": "16x31x35",
    "kernel: 3, padding: 1 + 1": "16x34x34",
    "kernel: 3, padding: [0, 1 + 1]": "16x30x34",
    "kernel: 3, stride: 2": "16x16x16",
    "kernel: 3, stride: [1, 2]": "16x32x16",
    "kernel: 2, stride: 2": "16x16x16",
    "kernel: 3, dilation: [2, 3]": "16x32x32",
    "kernel: 3, dilation: [2, 3], padding: valid": "16x28x26",
    "kernel: '2 + 1'": "16x32x32",
    "kernel: [1 + 2, '3']": "16x32x32",
    "kernel: 3, padding: some": None,
    "kernel: 3, padding: -1": None,
    "kernel: 3, padding: [1, 2, 3]": None,
    "kernel: 3, padding: [1, 2, 3, 4, 5]": None,
    "kernel: 3, padding: [1, 2, 3, -4]": None,
    "kernel: 3, padding: []": None,
    "kernel: 3, padding: {top: 1}": None,
    "kernel: 3, padding: 1.5": None,
    "kernel: 3, padding: null": None,
    "kernel: 3, padding: true": None,
}


@pytest.mark.parametrize("fields", SIZES)
def test_sizes_and_padding(fields: str, net: Any):
    report = net(f"network: [{{conv: {{out: 16, {fields}}}}}]")
    if SIZES[fields] is None:
        assert [d.code.id for d in report.diagnostics] == ["AB103"]
    else:
        assert out(report) == SIZES[fields]


def test_vars_build_on_those_before_them(net: Any):
    report = net("vars: {a: 4, b: a * 2, c: (a + b) // 5}\nnetwork: [{conv: {out: a * b, kernel: 2 * c + 1}}]")
    assert report.spec.vars == {"a": 4, "b": 8, "c": 2}
    assert ops(report)[0] == "conv 5x5"


def test_a_var_that_comes_later_is_not_known_yet(found: Any):
    assert found("vars: {b: a * 2, a: 4}\nnetwork: [gap]") == ["3:11 AB103"]


@pytest.mark.parametrize(
    "value", ["1.5", "true", "null", "[1]", "{}", ".nan", "a", "2 //", "1 // 0", "9999999 * 9999999"]
)
def test_bad_vars(value: str, found: Any):
    place = "3:8" if value == "null" else "3:11"  # the key of what may stand nowhere
    assert found(f"vars: {{x: {value}}}\nnetwork: [{{conv: x}}]") == [f"{place} AB103"]


@pytest.mark.parametrize("name", ["'2x'", "a-b", "a b", "if", "lambda", "None", "'a.b'", "größe", "''"])
def test_names_that_no_expression_could_use(name: str, found: Any):
    assert found(f"vars: {{{name}: 3}}\nnetwork: [gap]") == ["3:8 AB103"]


def test_a_bad_var_is_one_problem_however_often_it_is_used(found: Any):
    assert found("vars: {x: 1.5}\nnetwork: [{conv: x}, {conv: 2 * x}]") == ["3:11 AB103"]


EVERY_BLOCK = """\
network:
  - conv: 16
  - dilated: 16
  - strided: 16
  - grouped: {out: 16, groups: 2}
  - pointwise: 16
  - depthwise
  - depthwise_separable: 16
  - max_pool: {kernel: 2, stride: 1}
  - avg_pool: {kernel: 2, stride: 1}
  - skip: {blocks: [{pointwise: 8}]}
  - norm
  - activation
  - dropout
  - gap
  - flatten
  - linear: 10
"""
CONVS = 9  # of them: the eight blocks of the family, depthwise_separable having two


def test_defaults_reach_the_conv_family_and_the_projection_of_a_skip(net: Any):
    plain = ops(net(EVERY_BLOCK))
    changed = ops(net("defaults: {norm: instance, activation: gelu, dropout: 0.25}\n" + EVERY_BLOCK))
    assert plain.count("batch norm") == CONVS + 2  # the projection's, and the norm block's own
    assert changed.count("instance norm") == CONVS + 1 and changed.count("batch norm") == 1
    assert plain.count("relu") == CONVS + 1  # the activation block's own
    assert changed.count("gelu") == CONVS and changed.count("relu") == 1
    assert plain.count("dropout 0.5") == changed.count("dropout 0.5") == 1
    assert changed.count("dropout 0.25") == CONVS


def test_bias_reaches_linear_and_classifier_as_well(net: Any):
    text = "classes: 10\nnetwork: [{conv: 8}, gap, {flatten: }, {linear: 8}, {classifier: linear}]"
    assert [op for op in ops(net(text)) if "bias" in op] == []
    assert [op for op in ops(net(f"defaults: {{bias: false}}\n{text}")) if "bias" in op] == ["linear, no bias"] * 2
    assert ops(net(f"defaults: {{bias: true}}\n{text}"))[0] == "conv 3x3 bias"
    conv = "classes: 10\nnetwork: [{conv: 8}, gap, classifier]"
    assert "conv 1x1 bias" in ops(net(conv)) and "conv 1x1" in ops(net(f"defaults: {{bias: false}}\n{conv}"))


def test_padding_and_order_reach_the_conv_family_only(net: Any):
    text = "network: [{conv: 8}, {max_pool: {kernel: 3, stride: 1}}, {avg_pool: {kernel: 3, stride: 1}}]"
    assert out(net(text)) == "8x28x28"
    assert out(net(f"defaults: {{padding: valid}}\n{text}")) == "8x26x26"
    assert ops(net(f"defaults: {{order: norm-conv}}\n{text}"))[:2] == ["batch norm", "conv 3x3 bias"]


def test_a_blocks_own_field_wins(net: Any):
    text = "network: [{conv: {out: 8, norm: none, activation: silu, dropout: 0, bias: false, padding: same}}]"
    defaults = "defaults: {norm: group, activation: gelu, dropout: 0.1, bias: true, padding: valid}\n"
    assert ops(net(defaults + text)) == ["conv 3x3", "silu"]


def test_switching_layers_off_by_default(net: Any):
    assert ops(net("defaults: {norm: none, activation: none}\nnetwork: [{conv: 8}]")) == ["conv 3x3 bias"]


def test_a_bad_default_is_reported_once_and_the_rest_still_counts(net: Any, found: Any):
    text = "defaults: {norm: bach, activation: gelu}\nnetwork:\n  - conv: 8\n  - conv: {out: 9, groups: 5}"
    assert found(text) == ["3:18 AB103", "6:20 AB301"]


def test_empty_sections_are_no_problem(found: Any):
    assert found("vars:\ndefaults:\nlimits:\nnetwork: [gap]") == []


# order -> ops of a conv with dropout; from what people wrote
ORDERS = {
    "conv-norm-act": ["conv 3x3", "batch norm", "relu"],
    "conv-act-norm": ["conv 3x3", "relu", "batch norm"],
    "conv-norm-dropout-act": ["conv 3x3", "batch norm", "dropout 0.1", "relu"],
    "conv-act-dropout-norm": ["conv 3x3", "relu", "dropout 0.1", "batch norm"],
    "conv-norm-act-norm": ["conv 3x3", "batch norm", "relu", "batch norm"],
    "norm-act-conv": ["batch norm", "relu", "conv 3x3 bias"],
    "conv": ["conv 3x3 bias"],
}


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order: str, net: Any):
    assert ops(net(f"network: [{{conv: {{out: 8, order: {order}, dropout: 0.1}}}}]")) == ORDERS[order]


def test_branches_of_unequal_shape_are_both_named(net: Any):
    text = "network: [{skip: {name: s, shortcut: identity, blocks: [{strided: {name: small, out: 16}}]}}]"
    (diagnostic,) = net(text).diagnostics
    assert diagnostic.code.id == "AB305"
    assert "s.small.activation gives 16x16x16" in diagnostic.message and "input gives 16x32x32" in diagnostic.message


def test_a_map_that_shrinks_to_nothing_is_one_problem(net: Any):
    valid = "{conv: {out: 8, kernel: 5, stride: 2, padding: valid}}"
    (diagnostic,) = net(f"network: [{', '.join([valid] * 8)}, gap]").diagnostics
    assert diagnostic.code.id == "AB302" and "1x1 before padding" in diagnostic.message


def test_a_problem_in_a_repeated_block_is_reported_once(found: Any):
    assert found("network: [{repeat: {times: 50, blocks: [{conv: {out: 16, groups: 5}}]}}]") == ["3:58 AB301"]


def test_aliases_and_merges_make_blocks(net: Any):
    text = """\
network:
  - conv: &wide {out: 24, kernel: 5}
  - conv: {<<: *wide, kernel: 3}
  - repeat:
      times: 2
      blocks: &body
        - conv: 8
  - stage: {name: C, blocks: *body}"""
    assert [op for op in ops(net(text)) if "conv" in op] == ["conv 5x5", "conv 3x3", "conv 3x3", "conv 3x3", "conv 3x3"]


def test_the_name_of_a_file_without_name(tmp_path: Path):
    path = tmp_path / "my net (2).yaml"
    path.write_text("archbuilder: 1\ninput: [3, 4, 4]\nnetwork: [gap]\n")
    assert check(path).name == "my-net-2"


def test_deeply_nested_blocks_with_the_longest_expression(net: Any):
    """The deepest nesting that is read leaves Python's stack room for the deepest expression."""
    depth = 32
    lines = ["network:"]
    for level in range(depth):
        lines += ["  " * (2 * level + 1) + "- stage:", "  " * (2 * level + 3) + "blocks:"]
    lines.append("  " * (2 * depth + 1) + f"- conv: {'-' * 198}1 + 1")
    report = net("\n".join(lines))
    assert {d.code.id for d in report.diagnostics} <= {"AB007", "AB103"} and report.diagnostics
