"""What people write who come from elsewhere: the hint names what is meant, and where it belongs."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import check
from archbuilder.remedies import apply_edits, quick_fixes
from archbuilder.spec.data import Data
from archbuilder.spec.places import belongs
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
    assert finding.hint.startswith("say how many ") and finding.hint.endswith(": out: 32")
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


@pytest.mark.parametrize("block", ["{conv: {filters: 8}}", "{strided: {outt: 8}}", "{linear: {units: 8}}"])
def test_a_field_under_another_name_is_not_reported_as_missing_too(block: str):
    assert [d.code.id for d in check(network(block)).diagnostics if d.code.id in ("AB101", "AB102")] == ["AB101"]
