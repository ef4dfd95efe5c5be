"""Each lint by a bad and a good example: the code, the place, the values in the message, a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

import archbuilder
from archbuilder.diagnostics import Diagnostic

ROOT = Path(__file__).parents[3]
HEAD = "archbuilder: 1\ninput: [3, 32, 32]\n"
ONE = "{conv: {out: 8, kernel: 32, padding: valid}}"  # a map of one pixel


def lint(network: str, head: str = HEAD) -> list[tuple[Diagnostic, str]]:
    """The warnings on a network, each with the text that its place marks."""
    text = f"{head}network: [{network}]\n"
    report = archbuilder.check(text)
    assert report.ok, [str(d) for d in report.errors]
    lines = text.splitlines()
    marked = [lines[d.span.line - 1][d.span.column - 1 : d.span.end_column - 1] for d in report.diagnostics]
    return list(zip(report.diagnostics, marked, strict=True))


def codes(network: str, head: str = HEAD) -> list[str]:
    return [d.code.id for d, _ in lint(network, head)]


# code, network, what the place marks, parts of the message
BAD = [
    ("AB401", "{conv: 8}, {avg_pool: {kernel: 17}}", "kernel", ["17x17 of the 32x32 map"]),
    ("AB402", "{pointwise: {out: 8, dilation: 2}}", "dilation", ["has no effect"]),
    ("AB403", "{pointwise: {out: 8, padding: 1}}", "padding", ["3x32x32 to 8x34x34"]),
    ("AB404", "{conv: 8}, {grouped: {out: 8, groups: 2}}, {pointwise: 8}", "groups", ["groups=2 of 8 channels"]),
    ("AB405", "{dilated: {out: 8, dilation: 2}}, {dilated: 8}, {dilated: 8}, gap", "dilation",
     ["dilated.conv", "spans 13 rows", "reads only 7", "(53 %)"]),
    ("AB405", "{conv: 8}, {dilated: {out: 8, dilation: [1, 5]}}, {conv: {out: 8, kernel: [3, 1]}}, gap", "dilation",
     ["spans 13 columns", "reads only 9"]),
    ("AB406", "{branches: {paths: [[{strided: 8}], [{avg_pool: 2}]]}}", "branches",
     ["path1.strided.activation on (0, 0)", "path2.avg_pool on (0.5, 0.5)"]),
    ("AB406", "{conv: 8}, {skip: {blocks: [{conv: {out: 8, kernel: 4}}]}}", "skip", ["on (0.5, 0.5)", "on (0, 0)"]),
    ("AB407", f"{ONE}, {{conv: {{out: 8, kernel: 3}}}}", "kernel",
     ["8 of the 9 taps of a 3x3 kernel", "the map is 1x1"]),
    ("AB407", "{dilated: {out: 8, dilation: 32}}", "dilation", ["8 of the 9", "with dilation 32", "the map is 32x32"]),
    ("AB407", f"{ONE}, {{conv: {{out: 8, kernel: 2}}}}", "kernel", ["3 of the 4 taps of a 2x2 kernel"]),
    ("AB408", "{conv: 8}, {conv: 8}, {dilated: {out: 8, dilation: 24}}", "dilation", ["75 % of what a 3x3", "32x32"]),
    ("AB409", "{conv: {out: 8, bias: true}}", "bias", ["conv.conv: the norm directly after", "8 parameters"]),
    ("AB409", "{conv: {out: 8, norm: instance, bias: true}}", "bias", ["8 parameters do nothing"]),
    ("AB410", "{conv: {out: 8, kernel: 17}}, {conv: {out: 8, kernel: 17}}, {conv: 8}, {conv: 8}", "conv",
     ["conv3.conv", "32x32", "2 of the 4"]),
    ("AB411", "{strided: {out: 8, padding: valid, stride: 2}}", "stride",
     ["the last row and the last column of the 32x32"]),
    ("AB411", "{pointwise: {out: 8, stride: 2}}", "stride", ["stride 2 leaves 16 rows and 16 columns"]),
    ("AB411", "{conv: {out: 8, stride: 2, dilation: 2}}", "stride", ["with dilation 2 leaves 16 rows and 16 columns"]),
    ("AB411", "{conv: {out: 8, padding: valid}}, {max_pool: {kernel: 4, stride: [4, 2]}}", "stride",
     ["stride 4x2 leaves the last 2 rows of the 30x30 map unread"]),
    ("AB412", "{conv: {out: 8, order: conv}}, {conv: 8}", "conv",
     ["conv.conv is directly followed by conv2.conv", "one 5x5", "600", "792"]),
    ("AB413", f"{ONE}, gap", "gap", ["single pixels of the 1x1 map"]),
    ("AB413", "{conv: 8}, {avg_pool: {kernel: 1}}", "kernel", ["single pixels of the 32x32 map"]),
    ("AB414", "{conv: 8}, gap, {conv: {out: 10, kernel: 1, norm: none, activation: relu}}", "activation",
     ["relu changes"]),
    ("AB415", "{conv: 8}, gap, flatten, {linear: 10}, {dropout: 0.1}", "dropout", ["dropout of 0.1"]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "network", "place", "parts"), BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)])
def test_bad(code, network, place, parts):
    head = HEAD + "classes: 10\n" if code in ("AB414", "AB415") else HEAD
    found = [(d, marked) for d, marked in lint(network, head) if d.code.id == code]
    assert len(found) == 1, "one finding, and no other of its kind"
    ((diagnostic, marked),) = found
    assert marked == place
    assert [part for part in parts if part not in diagnostic.message] == []
    assert diagnostic.severity == "warning" and diagnostic.hint


GOOD = {
    "AB401": ["{conv: 8}, {avg_pool: {kernel: 32}}", "{conv: 8}, {avg_pool: 2}"],
    "AB402": ["{dilated: 8}", "{conv: {out: 8, kernel: [1, 3], dilation: 2}}"],
    "AB403": ["{pointwise: 8}", "{conv: {out: 8, padding: 1}}"],
    "AB404": ["{depthwise: {multiplier: 2}}, {pointwise: 8}", "{conv: 8}, {grouped: {out: 8, groups: 2}}, {conv: 8}"],
    "AB405": [
        "{conv: 8}, {dilated: 8}, {dilated: {out: 8, dilation: 7}}, gap",  # 3, 7, then steps of 7
        "{dilated: 8}, {conv: 8}, gap",  # a conv without dilation fills the holes, before or after
        "{conv: 8}, {skip: {blocks: [{dilated: {out: 8, dilation: 5}}]}}, {conv: {out: 8, kernel: 5}}, gap",
        "{strided: 8}, {conv: {out: 8, kernel: 5}}, gap",
        "{conv: {out: 8, kernel: 29}}, {dilated: {out: 8, dilation: 30}}, gap",  # one pixel of 32 is no grid
        "{dilated: 8}, {upsample: 2}, {dilated: 8}",  # a bound is not judged
    ],
    "AB406": [
        "{skip: {blocks: [{strided: 8}]}}",
        "{branches: {paths: [[{conv: {out: 8, kernel: 2}}], [{conv: {out: 8, kernel: 2}}]]}}",
        "{conv: {out: 8, name: a}}, {max_pool: 2}, {upsample: 2}, {join: a}",
    ],
    "AB407": [
        "{conv: 8}",
        f"{ONE}, {{pointwise: 8}}",
        f"{ONE}, {{conv: {{out: 8, padding_mode: replicate}}}}",
    ],
    "AB408": ["{dilated: {out: 8, dilation: 12}}", "{conv: {out: 8, padding: valid}}"],
    "AB409": [
        "{conv: {out: 8, bias: true, norm: none}}",
        "{conv: {out: 8, bias: true, order: conv-act-norm}}",
        "{conv: {out: 8, bias: true, norm: {kind: group, groups: 2}}}",
        "{conv: {out: 8, bias: true, norm: none, activation: none, name: a}}, {norm: batch}, {join: a}",  # read twice
    ],
    "AB410": [
        "{conv: {out: 8, kernel: 17}}, {conv: {out: 8, kernel: 17}}, {conv: 8}",
        "{skip: {blocks: [{conv: {out: 8, kernel: 33}}]}}, {conv: 8}, {conv: 8}",  # the shortcut sees little
    ],
    "AB411": [
        "{strided: 8}",
        "{skip: {blocks: [{conv: 8}, {strided: 8}]}}",  # what the 1x1 shortcut leaves, the body reads
        "{max_pool: 2}",
        "{conv: {out: 8, padding: valid}}, {conv: {out: 8, kernel: 2, stride: 2}}",
        "{conv: {out: 8, kernel: 2, stride: 2, padding: [0, 1, 0, 1]}}",  # what is left over is padding
    ],
    "AB412": [
        "{depthwise: {order: conv}}, {pointwise: 8}",
        "{pointwise: {out: 64, order: conv-act}}, {pointwise: 64}",
        "{conv: 64}, {pointwise: {out: 8, order: conv}}, {pointwise: {out: 64, order: conv}}",  # a narrow waist
        "{conv: {out: 8, order: conv, name: a}}, {conv: {out: 8, order: conv}}, {join: a}",
    ],
    "AB413": [
        "{conv: 8}, gap",
        f"{ONE}, {{squeeze_excite: 4}}",
        "{conv: 8}, {max_pool: {kernel: 1, stride: 2}}",
    ],
    "AB414": ["{conv: 10}, gap", "{conv: 8}, gap, classifier"],
    "AB415": ["{conv: 8}, gap, {dropout: 0.1}, classifier", "{conv: {out: 10, dropout: 0.1}}, gap"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "network"), [(code, network) for code, networks in GOOD.items() for network in networks]
)
def test_good(code, network):
    head = HEAD + "classes: 10\n" if code in ("AB414", "AB415") else HEAD
    assert code not in codes(network, head)


def test_every_lint_has_both_examples():
    from archbuilder.diagnostics import _declared
    from archbuilder.rules.lints import _checks

    _checks()
    declared = {code for code in _declared if code.startswith("AB4")}
    assert declared == {bad[0] for bad in BAD} == set(GOOD)


def test_a_bias_from_the_defaults_is_told_once():
    found = lint("{conv: 8}, {strided: 16}, {conv: {out: 8, norm: none}}", HEAD + "defaults: {bias: true}\n")
    ((diagnostic, marked),) = [(d, marked) for d, marked in found if d.code.id == "AB409"]
    assert marked == "conv" and diagnostic.span.line == 4
    assert "conv.conv and 1 other conv:" in diagnostic.message and "24 parameters" in diagnostic.message


def test_a_repeated_block_is_told_once():
    assert codes("{repeat: {times: 4, blocks: [{pointwise: {out: 8, padding: 1}}]}}").count("AB403") == 1


def test_a_shared_layer_is_no_pair():
    """After a merge the block could not be shared."""
    assert "AB412" not in codes("{conv: {out: 8, name: a}}, {conv: {out: 8, order: conv, name: b}}, {use: b}")


@pytest.mark.parametrize("path", sorted((ROOT / "architectures").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_we_recommend_is_clean(path):
    assert archbuilder.check(path).diagnostics == ()


@pytest.mark.parametrize("path", sorted((ROOT / "architectures" / "known").glob("*.yaml")), ids=lambda path: path.stem)
def test_published_networks_raise_no_false_alarm(path):
    assert [str(d) for d in archbuilder.check(path).diagnostics] == []


# what is found in real code, beside the lints that only say what a 1x1 or a grouped conv is (AB402 to AB404)
REAL = {
    "architectures/seeds/seed000.yaml": {"AB401", "AB411", "AB412"},
    "architectures/seeds/seed001.yaml": {"AB409", "AB411", "AB412"},
    "architectures/seeds/seed002.yaml": {"AB409"},
    "architectures/seeds/seed003.yaml": {"AB408"},
    "architectures/seeds/seed004.yaml": set(),
    "tests/networks/909ahmed.yaml": {"AB410"},
    "tests/networks/hagrawal94.yaml": {"AB408", "AB410", "AB411"},
    "tests/networks/kishkath.yaml": {"AB409", "AB413"},
    "tests/networks/mkthoma.yaml": {"AB401"},
    "tests/networks/mstangirala.yaml": {"AB401"},
    "tests/networks/pyarakasrikanth.yaml": {"AB411"},
    "tests/networks/rajayourfriend.yaml": set(),
    "tests/networks/soutrik71.yaml": set(),
    "tests/networks/sunandhini96.yaml": {"AB411"},
    "tests/networks/sunpau.yaml": {"AB411"},
    "tests/networks/swapniel99.yaml": set(),
}


@pytest.mark.parametrize("file", REAL)
def test_real_networks(file):
    found = {d.code.id for d in archbuilder.check(ROOT / file).diagnostics if d.severity == "warning"}
    assert found - {"AB402", "AB403", "AB404"} == REAL[file]
