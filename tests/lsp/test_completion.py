"""Completion, where a file is half written.  `|` is the cursor."""

import pytest

from tests.lsp.client import Editor

HEAD = """\
archbuilder: 1
input: [3, 32, 32]
vars: {width: 20, depth: 2}
define:
  twice: {params: {out: null, times: 2}, blocks: [conv: out]}
"""


def complete(open_, text: str) -> dict[str, str]:
    """Label -> what would be written, at the cursor."""
    before, _, after = text.partition("|")
    editor: Editor = open_(before + after)
    lines = before.split("\n")
    return editor.complete(len(lines) - 1, len(lines[-1]))


@pytest.mark.parametrize(
    "text",
    [
        "network:\n  - co|",
        "network:\n  - |\n",
        "network:\n- conv: 3\n- |\n",
        "network: [|]",
        "network: [conv: 3, di|]",
        "network: [{conv: 3}, {|}]",
        "network:\n  - stage:\n      blocks:\n        - |",
        "network:\n  - skip: {blocks: [conv: 3], shortcut: [|]}",
        "network:\n  - branches: {paths: [[conv: 3], [|",
        "network:\n  - skip:\n      blocks: [\n        {conv: 3},\n        |\n      ]",
        "define:\n  mine:\n    blocks:\n      - |",
    ],
)
def test_blocks_in_a_list_of_blocks(open_, text):
    found = complete(open_, HEAD.partition("define")[0] + text)
    assert found["conv"] == "conv: "
    assert found["gap"].removesuffix(": ") == "gap"
    assert {"strided", "skip", "stage", "repeat", "classifier"} <= set(found)
    assert not {"out", "params", "batch"} & set(found)


def test_a_list_that_is_to_begin_gets_its_dash(open_):
    assert complete(open_, HEAD + "network:\n  |\n")["conv"] == "- conv: "


def test_blocks_that_the_file_defines(open_):
    assert "twice" in complete(open_, HEAD + "network:\n  - |")
    assert {"out", "times"} <= set(complete(open_, HEAD + "network:\n  - twice: {|}"))
    assert "out" not in complete(open_, HEAD + "network:\n  - twice: {out: 3, |}")


@pytest.mark.parametrize(
    ("text", "wanted", "taken"),
    [
        ("network: [{conv: {out: 3, ker|}}]", {"kernel", "stride", "groups", "norm"}, {"out"}),
        ("network: [{conv: {|, kernel: 3}}]", {"out", "stride"}, {"kernel"}),
        ("network:\n  - conv:\n      out: 3\n      |\n      kernel: 5\n", {"stride", "name"}, {"out", "kernel"}),
        ("network:\n  - conv: {out: 3, norm: {|}}", {"kind", "groups", "eps"}, {"out"}),
        ("network:\n  - skip:\n      |", {"blocks", "shortcut", "merge"}, {"out"}),
        ("|", {"network", "limits", "train"}, {"input", "archbuilder"}),
        ("lim|", {"limits"}, {"vars"}),
        ("limits:\n  |", {"params", "macs", "receptive_field", "layers"}, set()),
        ("limits: {params: '< 3', |}", {"macs"}, {"params"}),
        ("train:\n  |", {"epochs", "optimizer", "schedule", "loss"}, set()),
        ("train: {optimizer: {sgd: {|}}}", {"lr", "momentum"}, set()),
        ("data: {dataset: digits, augment: [{random_crop: {|}}]}", {"padding", "mode"}, set()),
        ("defaults: {|}", {"norm", "activation", "padding"}, {"out"}),
        ("define:\n  mine:\n    |", {"params", "blocks"}, set()),
        ("goals: {|}", {"accuracy", "test_accuracy", "train_time"}, {"params"}),
        ("goals: [{of: test_accuracy, |}]", {"bound", "over"}, {"of"}),
    ],
)
def test_fields_that_are_not_there_yet(open_, text, wanted, taken):
    found = complete(open_, HEAD.partition("define")[0] + text)
    assert wanted <= set(found)
    assert not taken & set(found)
    assert all(found[name] == f"{name}: " for name in wanted)


def test_required_fields_come_first(open_):
    assert next(iter(complete(open_, HEAD + "network: [{conv: {|}}]"))) == "out"


def test_a_key_that_has_its_colon_gets_no_second_one(open_):
    found = complete(open_, HEAD + "network:\n  - conv:\n      ker|nel: 3\n      out: 3\n")
    assert found["kernel"] == "kernel"
    assert "out" not in found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("network: [{conv: {norm: |}}]", {"batch", "group", "layer", "instance", "none"}),
        ("network: [{conv: {out: 3, activation: re|}}]", {"relu", "relu6", "gelu"}),
        ("network: [{conv: {padding: |", {"same", "valid", "width"}),
        ("network:\n  - conv:\n      frozen: |", {"true", "false"}),
        ("network: [{conv: {order: |", {"conv-norm-act-dropout", "conv"}),
        ("network: [conv: |]", {"width", "depth"}),
        ("goals: [{of: |}]", {"validation_accuracy", "train_time"}),
        ("goals: [{of: test_accuracy, over: |}]", {"last", "best"}),
        ("network:\n  - conv: {out: 2 * wi|}", {"width"}),
        ("network: [{skip: {blocks: [conv: 3], merge: |", {"add", "concat", "multiply"}),
        ("network: [{conv: {name: early, out: 3}}, {use: |}]", {"early"}),
        ("network: [{conv: {name: early, out: 3}}, {join: {from: [|]}}]", {"early"}),
        ("train:\n  optimizer: |", {"sgd", "adamw"}),
        ("train: {schedule: {one_cycle: {anneal: |", {"cosine", "linear"}),
        ("data: {dataset: |", {"cifar10", "digits"}),
        ("rules: |", {"era-s9", "mcu"}),
        ("rules: [mcu, |]", {"era-s9"}),
        ("data:\n  augment: [|]", {"horizontal_flip", "random_crop"}),
    ],
)
def test_values(open_, text, wanted):
    assert wanted <= set(complete(open_, HEAD + text))


def test_parameters_inside_their_definition(open_):
    text = "archbuilder: 1\nvars: {width: 3}\ndefine:\n  a:\n    params: {out: null}\n    blocks:\n      - conv: |\n"
    assert list(complete(open_, text)) == ["out", "width"]


@pytest.mark.parametrize("text", ["# a comm|ent", "network: [gap]  # com|", "name: |", "network: [{conv: {out: 3}|}]"])
def test_nothing_where_there_is_nothing_to_say(open_, text):
    assert complete(open_, "archbuilder: 1\n" + text) == {}


def test_what_is_typed_is_replaced(open_):
    """The edit covers the word before the cursor, counted in UTF-16."""
    editor = open_('archbuilder: 1\nnetwork: [{"😀": 3}, {stri}]\n')
    editor.replace((1, 22), (1, 26), editor.complete(1, 26)["strided"] + "8")
    assert editor.hints() == {}
    assert [d.code for d in editor.findings()] == ["AB102", "AB101"]
