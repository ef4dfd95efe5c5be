"""What people write who come from elsewhere: the hint names what is meant, and where it belongs."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import check
from archbuilder.remedies import apply_edits, quick_fixes
from archbuilder.remedies.repair import repair
from archbuilder.rules.limits import QUANTITIES
from archbuilder.spec.data import Data
from archbuilder.spec.misplaced_keys import LIMITS as LIMIT_NAMES
from archbuilder.spec.misplaced_keys import belongs
from archbuilder.spec.train import Train
from archbuilder.synonyms import SYNONYMS, synonym
from tests.remedies.samples import HEAD
from tests.remedies.test_fixes import NETWORK


def network(block: str) -> str:
    return f"{HEAD}network: [{{conv: 16}}, {block}, gap, classifier]\n"


# a block -> what the hint says of it, and the block that the fix writes (empty: it is left out)
BLOCKS = {
    "swish": ("activation: silu", "activation: silu"),
    "hard_swish": ("activation: hardswish", "activation: hardswish"),
    "LeakyReLU": ("activation: leaky_relu", "activation: leaky_relu"),
    "BatchNorm2d": ("norm: batch", "norm: batch"),
    "softmax": ("the loss brings the softmax", ""),
    "LogSoftmax": ("the loss brings the softmax", ""),
    "{activation: swish}": ("did you mean silu?", "{activation: silu}"),
    "{activation: softmax}": ("the loss brings the softmax", "{activation: none}"),
    "{conv: {out: 8, activation: Swish}}": ("silu", "{conv: {out: 8, activation: silu}}"),
    "{conv: {out: 8, activation: off}}": ("write none", "{conv: {out: 8, activation: none}}"),
    "{conv: {out: 8, activation: false}}": ("write none", "{conv: {out: 8, activation: none}}"),
    "{conv: {out: 8, norm: no}}": ("write none", "{conv: {out: 8, norm: none}}"),
    "{conv: {out: 8, norm: off}}": ("write none", "{conv: {out: 8, norm: none}}"),
    "{conv: {out: 8, dropout: off}}": ("write 0", "{conv: {out: 8, dropout: 0}}"),
    "{conv: {out: 8, dropout: 10%}}": ("write 0.1", "{conv: {out: 8, dropout: 0.1}}"),
    "{dropout: 12.5 %}": ("write 0.125", "{dropout: 0.125}"),
    "{conv: {filters: 8}}": ("did you mean out?", "{conv: {out: 8}}"),
    "{conv: {out: 8, kernel_size: 5}}": ("did you mean kernel?", "{conv: {out: 8, kernel: 5}}"),
    "{conv: {out: 8, use_bias: true, norm: none}}": ("did you mean bias?", "{conv: {out: 8, bias: true, norm: none}}"),
    "{MaxPooling2D: 2}": ("did you mean max_pool?", "{max_pool: 2}"),
    "GlobalAveragePooling2D": ("did you mean gap?", "gap"),
    "{SeparableConv2D: 8}": ("did you mean depthwise_separable?", "{depthwise_separable: 8}"),
    "conv 8": ("conv: 8", "conv: 8"),
    "dropout 0.1": ("dropout: 0.1", "dropout: 0.1"),
    "max_pool 2": ("max_pool: 2", "max_pool: 2"),
    "conv(8)": ("conv: 8", "conv: 8"),
    "conv=8": ("conv: 8", "conv: 8"),
    "nn.Dropout(0.25)": ("dropout: 0.25", "dropout: 0.25"),
    "MaxPool2d(2)": ("max_pool: 2", "max_pool: 2"),
    "nn.ReLU(inplace=True)": ("activation: relu", "activation: relu"),
    "{conv: {out=8}}": ("out: 8", "{conv: {out: 8}}"),
    "{conv1x1: 8}": ("did you mean pointwise?", "{pointwise: 8}"),
    "{dsconv: 8}": ("did you mean depthwise_separable?", "{depthwise_separable: 8}"),
    "{conv: {in_channels: 16, out: 8}}": ("takes all channels of the layer before it", "{conv: {out: 8}}"),
    "{conv: {out: 8, kernel: 5x3}}": ("write [5, 3]", "{conv: {out: 8, kernel: [5, 3]}}"),
    "{conv: {out: 8, padding: SAME}}": ("did you mean same?", "{conv: {out: 8, padding: same}}"),
    "{conv: {out: 8, bias: 1, norm: none}}": ("write true", "{conv: {out: 8, bias: true, norm: none}}"),
    "{conv: {out: 8, activation: linear}}": ("write none", "{conv: {out: 8, activation: none}}"),
    "{conv: {out: 8, dropout: '0.1'}}": ("write 0.1", "{conv: {out: 8, dropout: 0.1}}"),
    "{conv: 8, kernel: 5}": ("write conv: {out: 8, kernel: ...}", "{conv: {out: 8, kernel: 5}}"),
    "{skip: [{conv: 16}]}": ("put blocks: before", "{skip: {blocks: [{conv: 16}]}}"),
    "{skip: {body: [{conv: 16}]}}": ("did you mean blocks?", "{skip: {blocks: [{conv: 16}]}}"),
    "{skip: {blocks: {conv: 16, norm: batch}}}": ("dash", "{skip: {blocks: [{conv: 16}, {norm: batch}]}}"),
    "{repeat: {n: 2, blocks: [{conv: 16}]}}": ("did you mean times?", "{repeat: {times: 2, blocks: [{conv: 16}]}}"),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_word_of_elsewhere_is_mended(block: str):
    said, expected = BLOCKS[block]
    text = network(block)
    fixes = [fix for fix in quick_fixes(check(text)) if not fix.guess]
    assert [said in fix.diagnostic.hint for fix in fixes] == [True]
    after = apply_edits(text, fixes[0].edits)
    assert after == (network(expected) if expected else text.replace(f"{block}, ", "")) and check(after).ok


VECTORS = {
    "[{conv: 8}, gap, {linear: 10}]": ("put flatten before it", "[{conv: 8}, gap, flatten, {linear: 10}]"),
    "[{conv: 8}, {linear: 10}]": ("put gap and flatten before it", "[{conv: 8}, gap, flatten, {linear: 10}]"),
    "\n  - conv: 8\n  - linear: 10": ("put gap", "\n  - conv: 8\n  - gap\n  - flatten\n  - linear: 10"),
    "[{conv: 8}, gap, flatten, classifier]": (
        "write classifier: linear",
        "[{conv: 8}, gap, flatten, {classifier: {kind: linear}}]",
    ),
}


@pytest.mark.parametrize("blocks", VECTORS)
def test_what_goes_before_a_layer_over_vectors_and_what_takes_one(blocks: str):
    said, expected = VECTORS[blocks]
    text = f"{HEAD}network: {blocks}\n"
    (fix,) = quick_fixes(check(text))
    assert said in fix.diagnostic.hint
    after = apply_edits(text, fix.edits)
    assert after == f"{HEAD}network: {expected}\n" and check(after).ok


@pytest.mark.parametrize("block", ["conv", "{strided: {kernel: 5}}", "depthwise_separable", "linear"])
def test_a_missing_number_of_channels_is_asked_for_with_an_example(block: str):
    (finding,) = (d for d in check(network(block)).diagnostics if d.code.id == "AB102")
    assert finding.hint.startswith("say the number of output ") and finding.hint.endswith(": out: 32")
    (fix,) = quick_fixes(check(network(block)))
    assert fix.guess and "out: 32" in fix.edits[0].text


LIMITS = {
    "receptive_field: 45": '">= 45"',
    "params: 200000": '"< 200000"',
    "params: 200k": '"< 200k"',
    "macs: 1e6": '"< 1000000"',
    "flash: 256 KiB int8": '"< 256 KiB int8"',
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_without_a_relation_gets_the_one_that_is_meant(limit: str):
    text = f"{HEAD}limits: {{{limit}}}\n{NETWORK}"
    (fix,) = quick_fixes(check(text))
    assert fix.edits[0].text == LIMITS[limit] and fix.diagnostic.hint.endswith(LIMITS[limit])
    assert not any(d.code.id == "AB501" for d in check(apply_edits(text, fix.edits)).diagnostics)


TOP, OPTIMIZER = "at the top of the file", "under train: optimizer:"
SECTIONS = {
    "": {
        "augment": "under data:",
        "epochs": "under train:",
        "lr": OPTIMIZER,
        "max_lr": OPTIMIZER,
        "warmup": "schedule:",
    },
    "data": {"epochs": "under train:", "lr": OPTIMIZER, "classes": TOP, "horizontal_flip": "data: augment:"},
    "train": {"batch_size": "under data:", "lr": OPTIMIZER, "limits": TOP, "label_smoothing": "train: loss:"},
    "train: {optimizer: sgd": {
        "epochs": "under train:",
        "augment": "under data:",
        "vars": TOP,
        "patience": "schedule:",
    },
    "train: {schedule: one_cycle": {"max_lr": OPTIMIZER, "epochs": "under train:"},
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_key_at_the_wrong_level_is_told_where_it_belongs(section: str):
    for key, where in SECTIONS[section].items():
        path, _, inner = section.partition(": {")
        own = "dataset: cifar10, " if path == "data" else ""
        field, _, member = inner.partition(": ")
        body = f"{{{field}: {{{member}: {{{key}: 1}}}}}}" if inner else f"{{{own}{key}: 1}}"
        text = f"{HEAD}{NETWORK}{path}: {body}\n" if path else f"{HEAD}{NETWORK}{key}: 1\n"
        (finding,) = (d for d in check(text).diagnostics if d.code.id == "AB101")
        assert f"belongs {where}" in finding.hint or where in finding.hint, (key, finding.hint)


def test_every_key_of_data_and_train_is_known_in_the_other_section():
    for name in Data.model_fields:
        assert belongs(name, Train) == "it belongs under data:"
    for name in Train.model_fields:
        assert belongs(name, Data) == "it belongs under train:"
        assert belongs(name, Train) == ""


@pytest.mark.parametrize("value", ["5", "50", "99.5"])
@pytest.mark.parametrize("place", ["network", "data", "train"])
def test_a_number_of_percents_is_told_as_a_share(place: str, value: str):
    text = {
        "network": network(f"{{dropout: {value}}}"),
        "data": f"{HEAD}{NETWORK}data: {{dataset: cifar10, validation: {value}}}\n",
        "train": f"{HEAD}{NETWORK}train: {{loss: {{cross_entropy: {{label_smoothing: {value}}}}}}}\n",
    }[place]
    (finding,) = check(text).diagnostics
    assert f"{value} % is {float(value) / 100:g}" in finding.hint and finding.remedy is None


def test_all_that_a_coarse_dropout_lacks_is_said_at_once():
    text = f"{HEAD}{NETWORK}data: {{dataset: cifar10, augment: [coarse_dropout]}}\n"
    (finding,) = check(text).diagnostics
    assert "height and width are missing" in finding.message and finding.hint.endswith("height: 16, width: 16")
    (fix,) = quick_fixes(check(text))
    assert fix.guess and check(apply_edits(text, fix.edits)).ok


def test_synonyms_are_written_plainly_and_never_hide_a_word_of_ours():
    assert all(word == word.lower() and word.isalnum() for word in SYNONYMS)
    assert synonym("Batch-Norm2d", ["norm"]) == "norm" and synonym("swish", ["relu"]) == ""


def missing_and_unknown(block: str) -> list[str]:
    return [d.code.id for d in check(network(block)).diagnostics if d.code.id in ("AB101", "AB102")]


@pytest.mark.parametrize("block", ["{conv: {filters: 8}}", "{strided: {outt: 8}}", "{linear: {units: 8}}"])
def test_a_field_under_another_name_is_not_reported_as_missing_too(block: str):
    assert missing_and_unknown(block) == ["AB101"]


@pytest.mark.parametrize(
    ("block", "meant"),
    [
        ("{repeat: {times: 2, of: [{conv: 8}]}}", "{repeat: {times: 2, blocks: [{conv: 8}]}}"),
        ("{branches: {of: [[{conv: 8}], []], merge: concat}}", "{branches: {paths: [[{conv: 8}], []], merge: concat}}"),
        ("{conv: {many: 8, kernel: 1}}", "{conv: {out: 8, kernel: 1}}"),
    ],
)
def test_the_only_unknown_field_may_be_the_only_missing_one(block: str, meant: str):
    assert missing_and_unknown(block) == ["AB101"]
    (fix,) = quick_fixes(check(network(block)))
    assert fix.guess and apply_edits(network(block), fix.edits) == network(meant)


@pytest.mark.parametrize(
    "block",
    [
        "{conv: {first_weights: kaiming}}",  # no number of channels
        "{conv: {epochs: 8}}",  # belongs to train:
        "{conv: {in_channels: 8}}",  # left out on purpose
        "{conv: {many: 8, few: 3}}",  # which of the two?
        "{repeat: {times: 2, of: conv}}",
    ],
)
def test_a_field_that_cannot_be_the_missing_one_leaves_it_missing(block: str):
    assert "AB102" in missing_and_unknown(block)


# what is only somewhat like a name, and what a value hangs on that the name alone would lose: never mended unasked
FAR = ["add", "pool", "conv-16", "conv 16 3", "'MaxPool2d(2, 2)'", "'Conv2d(3, 16)'", "{ConvTranspose2d: 8}"]


@pytest.mark.parametrize("block", FAR)
def test_what_may_be_another_thing_is_asked_about_and_left_as_it_is(block: str):
    report = check(network(block))
    assert [d.code.id for d in report.errors] == ["AB101"]
    assert not [fix for fix in quick_fixes(report) if not fix.guess]


@pytest.mark.parametrize("block", ["{conv: {out: 8, filters: 8}}", "{conv: {out_channels: 8, filters: 8}}"])
def test_no_field_is_written_twice(block: str):
    text = network(block)
    mended = repair(text, check(text), check)
    assert mended.text.count("out:") == 1 and "AB005" not in [d.code.id for d in mended.report.diagnostics]
    assert "out is also given: keep one of the two" in [d.hint for d in mended.report.errors]


@pytest.mark.parametrize(
    ("key", "where"),
    [("epochs: 8", "under train:"), ("augment: [flip]", "under data:"), ("classes: 8", "at the top of the file")],
)
def test_a_key_of_a_section_in_a_block_is_told_where_it_belongs(key: str, where: str):
    (finding,) = (d for d in check(network(f"{{conv: {{out: 8, {key}}}}}")).diagnostics if d.code.id == "AB101")
    assert finding.hint == f"it belongs {where}"


@pytest.mark.parametrize("true", ["norm: true", "activation: true"])
def test_true_is_no_kind(true: str):
    (fix,) = quick_fixes(check(network(f"{{conv: {{out: 8, {true}}}}}")))
    assert fix.guess and "true does not say which" in fix.diagnostic.hint


def test_a_comma_is_no_decimal_point_and_is_one_slip():
    (finding,) = check(network("{conv: {out: 8, dropout: 0,1}}")).diagnostics
    assert finding.code.id == "AB006" and finding.hint == "write decimals with a point: 0.1"


NAMED = {  # the name as a value, as other tools have it
    "network: [{type: Conv2d, out: 16}, gap, classifier]": "{conv: {out: 16}}",
    "network: [{name: stem, type: conv, out: 16}, gap, classifier]": "{conv: {name: stem, out: 16}}",
    "network: [{conv: 16}, {type: gap}, classifier]": "gap",
    f"{NETWORK}train: {{optimizer: {{name: SGD, lr: 0.1}}}}": "{sgd: {lr: 0.1}}",
}


@pytest.mark.parametrize("text", NAMED)
def test_a_name_as_a_value_is_told_to_be_the_key(text: str):
    (finding,) = check(f"{HEAD}{text}\n").diagnostics
    assert finding.hint == f"write {NAMED[text]}" and finding.remedy is None


LINES = {
    "- conv: 16\n    kernel: 5": "- conv:\n      out: 16\n      kernel: 5",
    "- conv: 16  # few\n    kernel: 5\n    name: a": "- conv:\n      out: 16  # few\n      kernel: 5\n      name: a",
    "- conv:\n    out: 16": "- conv:\n      out: 16",
    "- skip:\n    - conv: 3\n\n    - conv:\n        out: 3": (
        "- skip:\n      blocks:\n      - conv: 3\n\n      - conv:\n          out: 3"
    ),
    "- conv: &a 16\n    kernel: 5\n  - conv: *a": None,  # the anchor has to stay
    "- conv: 16\n    kernal: 5": None,
}


@pytest.mark.parametrize("block", LINES)
def test_lines_that_stand_one_level_too_far_out(block: str):
    text = f"{HEAD}network:\n  {block}\n  - gap\n  - classifier\n"
    report = check(text)
    assert [d.code.id for d in report.errors] == ["AB104"]
    fixes = [fix for fix in quick_fixes(report) if fix.diagnostic.severity == "error"]
    after = LINES[block]
    assert [apply_edits(text, fix.edits) for fix in fixes] == ([text.replace(block, after)] if after else [])
    assert not after or check(text.replace(block, after)).ok


PLACES = {
    "dropout: 0.1": "it belongs under defaults:, or in a block",
    'params: "< 200k"': "it belongs under limits:",
    "conv: 16": "it belongs under network:, as an item of the list",
    "augmentations: []": "augment belongs under data:",
    "train: {steps: 5}": "as in optimizer: {muon: {steps: ...}}",
    "train: {optimizer: {adam: {momentum: 0.9}}}": "others have it, as in optimizer: {sgd: {momentum: ...}}",
    "train: {optimizer: {lr: 0.1}}": "as in optimizer: {sgd: {lr: ...}}",
    "train: {epochs=3}": "epochs: 3",
    "train:\n  epochs=3": "{epochs: 3}",
    "data: {name: cifar10}": "did you mean dataset?",
}


@pytest.mark.parametrize("key", PLACES)
def test_a_key_of_other_tools_or_of_another_section_has_its_place(key: str):
    (finding,) = check(f"{HEAD}{NETWORK}{key}\n").diagnostics
    assert PLACES[key] in finding.hint


def test_a_name_with_a_value_in_it_that_has_another_one_is_no_slip_of_the_colon():
    report = check(network("{conv: {out=8: 16}}"))
    assert "put a colon" in report.errors[0].hint and not quick_fixes(report)


def test_the_limits_that_people_know_are_limits():
    assert set(LIMIT_NAMES) <= set(QUANTITIES)
