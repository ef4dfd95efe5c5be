"""A diagnostic's remedy as a text edit: what it writes, and that the diagnostic is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.pipeline import check
from archbuilder.remedies import Fix, apply_edits, quick_fixes, suggest
from tests.remedies.samples import HEAD

END = ", gap, classifier]\n"
FLOW = HEAD + "network: [{conv: 16}, "
NETWORK = "network: [{conv: 8}, gap, classifier]\n"
REST = HEAD.partition("\n")[2]  # without its first line


def before_after(old: str, new: str, head: str = FLOW, tail: str = END) -> tuple[str, str]:
    return head + old + tail, head + new + tail


def block(old: str, new: str) -> tuple[str, str]:
    return before_after(old, new, HEAD + "network:\n  - ", "\n  - gap\n  - classifier\n")


def limit(old: str, new: str) -> tuple[str, str]:
    return before_after(old, new, HEAD + "limits:\n  ", "  # c\nnetwork: [{conv: 8}, gap, classifier]\n")


# code and what is meant -> the text before and after
TABLE = {
    "AB101 field": before_after("{conv: {out: 8, kernal: 3}}", "{conv: {out: 8, kernel: 3}}"),
    "AB101 block": block("Conv2d: 8  # c", "conv: 8  # c"),
    "AB101 bare block": before_after("gapp", "gap", FLOW, ", classifier]\n"),
    "AB101 blank": before_after("{conv: {out:8}}", "{conv: {out: 8}}"),
    "AB101 blank in a list": block("conv:8", "conv: 8"),
    "AB101 colon": block("conv {out: 8}", "conv: {out: 8}"),
    "AB101 augmentation": before_after(
        "horizontal_flp", "horizontal_flip", FLOW + "gap, classifier]\ndata: {dataset: cifar10, augment: [", "]}\n"
    ),
    "AB103 whole": before_after("{conv: 8.0}", "{conv: 8}"),
    "AB103 truth": before_after("{conv: {out: 8, norm: none, bias: yes}}", "{conv: {out: 8, norm: none, bias: true}}"),
    "AB103 choice": before_after("ad", "add", FLOW + "{skip: {merge: ", ", blocks: [{conv: 16}]}}" + END),
    "AB103 variable": before_after("2 * widht", "2 * width", HEAD + "vars: {width: 8}\nnetwork: [{conv: ", "}" + END),
    "AB103 division": before_after("{conv: 16 / 2}", "{conv: 16 // 2}"),
    "AB103 version": before_after("2", "1", "archbuilder: ", "\n" + REST + NETWORK),
    "AB103 data set": before_after("cifar", "cifar10", FLOW + "gap, classifier]\ndata: {dataset: ", "}\n"),
    "AB102 version": (REST + NETWORK, HEAD + NETWORK),
    "AB104 data": before_after("small.npz", "{dataset: small.npz}", HEAD + NETWORK + "data: ", "  # c\n"),
    "AB104 dash": block("conv: 8\n    strided: 8", "conv: 8\n  - strided: 8"),
    "AB106": before_after("[32, 32, 3]", "[3, 32, 32]", "archbuilder: 1\nclasses: 10\ninput: ", "\n" + NETWORK),
    "AB205": before_after("  # last", "  # last\n  - gap\n  - classifier", HEAD + "network:\n  - conv: 8", "\n"),
    "AB206": before_after("{conv: {name: early, out: 8}}, {use: erly}", "{conv: {name: early, out: 8}}, {use: early}",
                          HEAD + "network: [{conv: 8}, "),
    "AB301": before_after("{conv: {out: 48, groups: 5}}", "{conv: {out: 48, groups: 4}}"),
    "AB401": before_after("{avg_pool: {name: pool, kernel: 31}}", "{gap: {name: pool}}", FLOW, ", classifier]\n"),
    "AB401 bare": before_after("{avg_pool: 31}", "gap", FLOW, ", classifier]\n"),
    "AB401 maximum": before_after("{max_pool: 31}", "adaptive_max_pool", FLOW, ", classifier]\n"),
    "AB402": before_after("{conv: {out: 8, kernel: 1, dilation: 2}}", "{conv: {out: 8, kernel: 1}}"),
    "AB402 by default": before_after("{dilated: {out: 8, kernel: 1}}", "{conv: {out: 8, kernel: 1}}"),
    "AB403": before_after("{pointwise: {padding: 1, out: 8}}", "{pointwise: {padding: 0, out: 8}}"),
    "AB403 by default": before_after(
        "{pointwise: 8}", "{pointwise: {out: 8, padding: 0}}", HEAD + "defaults: {padding: 1}\nnetwork: [{conv: 16}, "
    ),
    "AB404": before_after(
        "{grouped: {out: 32, groups: 4}}", "{depthwise: {multiplier: 2}}", FLOW, ", {pointwise: 8}" + END
    ),
    "AB409": before_after("{conv: {out: 8, bias: true}}", "{conv: {out: 8, bias: false}}"),
    "AB413": block("conv: 8\n  - avg_pool: 1  # c", "conv: 8"),
    "AB414": before_after(", {activation: relu}", "", FLOW + "gap, classifier", "]\n"),
    "AB414 field": before_after(
        "norm: none", "norm: none, activation: none", FLOW + "gap, {pointwise: {out: 10, ", "}}]\n"
    ),
    "AB415": before_after(", {dropout: 0.1}", "", FLOW + "gap, classifier", "]\n"),
    "AB501 quotes": limit("receptive_field: >4", 'receptive_field: ">4"'),
    "AB501 relation": limit("params: 200000", 'params: "< 200000"'),
    "AB502": limit('parms: "< 200k"', 'params: "< 200k"'),
    "AB003 quotes": limit("receptive_field: > 2", 'receptive_field: "> 2"'),
    "AB003 two on a line": before_after(
        "params: < 20 k, layers: > 2", 'params: "< 20 k", layers: "> 2"', HEAD + "limits: {", "}\n" + NETWORK
    ),
    "AB003 tab": before_after(
        "\t- conv: 8\n\t- gap\n\t- classifier", "  - conv: 8\n  - gap\n  - classifier", HEAD + "network:\n", "\n"
    ),
    "AB510": before_after("era-s99", "era-s9", HEAD + "rules: ", "\n" + NETWORK),
    "AB601": before_after("11", "10", HEAD.replace("10\n", ""), "\n" + NETWORK + "data: {dataset: cifar10}\n"),
}  # fmt: skip


def fix_of(text: str, code: str) -> Fix:
    return next(fix for fix in quick_fixes(check(text)) if fix.diagnostic.code.id == code)


@pytest.mark.parametrize("name", TABLE)
def test_what_a_fix_writes_and_that_its_diagnostic_is_gone(name: str):
    text, expected = TABLE[name]
    fix = fix_of(text, name[:5])
    after = apply_edits(text, fix.edits)
    assert after == expected
    assert (fix.diagnostic.code, fix.diagnostic.message) not in {(d.code, d.message) for d in check(after).diagnostics}
    assert fix.title and not fix.guess and all(edit.span.file == "<string>" for edit in fix.edits)


def test_a_value_that_is_only_an_example_is_a_guess():
    text = "archbuilder: 1\ninput: [3, 32, 32]\n# c\n" + NETWORK
    fix = fix_of(text, "AB204")
    assert fix.guess and apply_edits(text, fix.edits) == text.replace("# c\n", "# c\nclasses: 10\n")
    assert suggest(text) == []


HOLE = "coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean}"
AUGMENT = {  # data: before -> after
    "data: {dataset: cifar10, augment: [horizontal_flip]}": (
        f"data: {{dataset: cifar10, augment: [horizontal_flip, {{{HOLE}}}]}}"
    ),
    "data: {dataset: cifar10}": f"data: {{dataset: cifar10, augment: [{{{HOLE}}}]}}",
    "data:\n  dataset: cifar10\n  augment: []  # none": f"data:\n  dataset: cifar10\n  augment: [{{{HOLE}}}]  # none",
    "data:\n  dataset: cifar10\n  augment:\n    - horizontal_flip: {p: 0.5}  # c": (
        f"data:\n  dataset: cifar10\n  augment:\n    - horizontal_flip: {{p: 0.5}}  # c\n    - {HOLE}"
    ),
}


@pytest.mark.parametrize("data", AUGMENT)
def test_an_augmentation_that_a_pack_asks_for_is_added_as_it_is_written_there(data: str, tmp_path: Path):
    pack = tmp_path / "pack.yaml"
    pack.write_text(f"archbuilder_rules: 1\nname: p\nrules: [{{augment: [{{{HOLE}}}]}}]\n")
    text = f"{HEAD}{NETWORK}{data}\n"
    (fix,) = quick_fixes(check(text, rules=[str(pack)]))
    after = apply_edits(text, fix.edits)
    assert after == f"{HEAD}{NETWORK}{AUGMENT[data]}\n"
    assert check(after, rules=[str(pack)]).ok
    (proposal,) = suggest(text, rules=[str(pack)])
    assert proposal.text == after


WANTED = f"[horizontal_flip, shift_scale_rotate, {{{HOLE}}}]"
SECTION = f"""\
data:
  dataset: cifar10
  augment:
    - horizontal_flip
    - shift_scale_rotate
    - {HOLE}
"""
ALL = {  # what stands for data: before -> after
    "": SECTION,
    "# the end\n": SECTION + "# the end\n",
    "...\n": SECTION + "...\n",
    "data: {dataset: small.npz}\n": f"data: {{dataset: small.npz, augment: {WANTED}}}\n",
    "data:\n  dataset: small.npz  # c\n": f"data:\n  dataset: small.npz  # c\n  augment: {WANTED}\n",
    "data: {dataset: cifar10, augment: [horizontal_flip]}\n": f"data: {{dataset: cifar10, augment: {WANTED}}}\n",
}


@pytest.fixture
def pack(tmp_path: Path) -> str:
    """A pack that asks for three augmentations in two rules."""
    rules = f"[{{augment: [horizontal_flip, shift_scale_rotate]}}, {{augment: {{name: holes, has: [{{{HOLE}}}]}}}}]"
    (tmp_path / "pack.yaml").write_text(f"archbuilder_rules: 1\nname: p\nrules: {rules}\n")
    return str(tmp_path / "pack.yaml")


@pytest.mark.parametrize("data", ALL)
def test_all_augmentations_of_a_pack_land_in_one_list(data: str, pack: str):
    text = f"{HEAD}{NETWORK}"
    (proposal,) = suggest(text + data, rules=[pack])
    assert proposal.text == text + ALL[data]
    assert check(proposal.text, rules=[pack]).diagnostics == ()


def test_where_the_whole_file_is_in_brackets_so_is_the_section(pack: str):
    text = "{archbuilder: 1, input: [3, 32, 32], classes: 10, network: [{conv: 8}, gap, classifier]}\n"
    (proposal,) = suggest(text, rules=[pack])
    assert proposal.text == text.replace("]}\n", f"], data: {{dataset: cifar10, augment: {WANTED}}}}}\n")


def test_no_section_is_written_for_images_of_no_data_set_that_is_known(pack: str):
    text = f"{HEAD.replace('32, 32', '48, 48')}{NETWORK}"
    first, second = check(text, rules=[pack]).diagnostics
    assert first.hint == second.hint == "add data: with dataset: and augment:"
    assert "horizontal_flip, shift_scale_rotate are required" in first.message
    assert "coarse_dropout is required" in second.message
    assert suggest(text, rules=[pack]) == []


FIVE = """\
archbuilder: 1
input: [3, 32, 32]   # five mistakes
classes: 10
limits:
  parms: "< 200k"
network:
  - conv: {out:16}
  - Conv2d: 32.0     # two
  - skip:
      blocks:
        - conv: {out: 32, kernal: 3}
  - gapp
  - classifier
"""


def test_a_file_with_several_mistakes_is_clean_after_its_fixes():
    report = check(FIVE)
    assert len(report.errors) == 5 and len(quick_fixes(report)) == 5
    (proposal,) = suggest(FIVE)
    assert proposal.report.ok and check(proposal.text).ok
    assert "# five mistakes" in proposal.text and "- conv: 32     # two" in proposal.text
    assert proposal.title.count(";") == 5  # 32.0 came to light when its block had a name
    assert suggest(proposal.text) == []


def test_a_clean_file_has_none_and_one_that_cannot_be_read_neither():
    assert quick_fixes(check(HEAD + NETWORK)) == quick_fixes(check("no/such.yaml")) == []
    assert quick_fixes(check("a: [\n")) == []


def test_what_comes_from_another_file_is_left_alone():
    report = check(HEAD + NETWORK, ["network.0.conv=8.0"])
    assert report.errors and quick_fixes(report) == []


def test_more_warnings_than_a_report_shows_are_mended_all():
    padded = ", ".join(["{pointwise: {out: 8, padding: 1}}"] * 150)
    text = f"{HEAD}network: [{padded}, {{conv: {{out: 8, groups: 4}}}}, gap, classifier]\n"
    (proposal,) = suggest(text)
    assert proposal.text == text.replace("padding: 1", "padding: 0").replace("{conv: {out: 8, groups: 4}}", "depthwise")
    assert proposal.title == "write padding: 0 (150 times); write depthwise"


def test_warnings_of_a_clean_file_are_mended_as_far_as_that_does_no_harm():
    text = HEAD + (
        "network:\n"
        "  - conv: 16\n"
        "  - pointwise: {out: 16, padding: 1}  # harmless\n"
        "  - skip:\n"
        "      blocks:\n"
        "        - conv: {out: 16, padding: valid}\n"
        "        - pointwise: {out: 16, padding: 1}  # needed\n"
        "      shortcut: identity\n"
        "  - gap\n"
        "  - classifier\n"
    )
    assert check(text).ok
    (proposal,) = suggest(text)
    assert proposal.text == text.replace("padding: 1}  # harmless", "padding: 0}  # harmless")
