"""Quick fixes: applied as an editor applies them, after which the finding is gone."""

import time

import pytest

from archbuilder.live.editing import actions
from archbuilder.live.editing.buffer import Buffer, check_buffer
from archbuilder.remedies import Fix, suggest
from archbuilder.remedies.edits import Patch
from tests.lsp.client import PATIENCE
from tests.lsp.test_findings import CLEAN, HEAD

NETWORK = "network: [{conv: 16}, gap, classifier]\n"

# (text, code of the finding, title of the fix, text after it)
FIXES = [
    (
        "limits: {params: > 44, macs: >= 5}",
        "AB003",
        "Put the limit in quotes",
        'limits: {params: "> 44", macs: ">= 5"}',
    ),
    ("limits:\n  macs: > 4k  # why", "AB003", "Put the limit in quotes", 'limits:\n  macs: "> 4k"  # why'),
    ("limits: {params: 200000}", "AB501", 'Write params: "< 200000"', 'limits: {params: "< 200000"}'),
    ("limits: {parms: '< 5k'}", "AB502", "Write params instead of parms", "limits: {params: '< 5k'}"),
    ("rules: era-s8", "AB510", "Write era-s9 instead of era-s8", "rules: era-s9"),
    ("defaults: {norm: BatchNorm}", "AB103", "Write batch instead of BatchNorm", "defaults: {norm: batch}"),
    ("train: {optimizer: sdg}", "AB101", "Write sgd instead of sdg", "train: {optimizer: sgd}"),
    (
        "data: {dataset: cifar10, augment: [{shift_scale_rotate: {scale: [0.3, 0.1]}}]}",
        "AB103",
        "Write scale: [0.1, 0.3]",
        "data: {dataset: cifar10, augment: [{shift_scale_rotate: {scale: [0.1, 0.3]}}]}",
    ),
    (
        "data: {dataset: cifar10, normalize: no}",
        "AB103",
        "Write normalize: false",
        "data: {dataset: cifar10, normalize: false}",
    ),
]
# (items of the network, code, title, items after it)
ITEMS = [
    ("- conv {out: 32}", "AB101", "Put a colon before the bracket: conv: {out", "- conv: {out: 32}"),
    ("- conv:3", "AB101", "Put a space after the colon: conv: 3", "- conv: 3"),
    ("- conv: {out: 32.0}", "AB103", "Write out: 32", "- conv: {out: 32}"),
    ("- conv: 32.0", "AB103", "Write conv: 32", "- conv: 32"),
    ("- conv: {out: 2 * widht}", "AB103", "Write width instead of widht", "- conv: {out: 2 * width}"),
    ("- conv: 32 / 2", "AB103", "Write conv: 32 // 2", "- conv: 32 // 2"),
    (
        "- conv: 3\n- strided: 4\n  pointwise: 8",
        "AB104",
        "Start a new item before pointwise",
        "- conv: 3\n- strided: 4\n- pointwise: 8",
    ),
    ("- conv:\n  out: 3\n  kernel: 5", "AB104", "Indent out, a field of conv", "- conv:\n    out: 3\n    kernel: 5"),
    ("- conv: {out: 6, groups: 5}", "AB301", "Write groups: 2", "- conv: {out: 6, groups: 2}"),
    ("- conv: {out: 3, name: train}", "AB202", "Write name: train_", "- conv: {out: 3, name: train_}"),
    (
        "- skip: {blocks: [conv: 16], merge: ad}",
        "AB103",
        "Write add instead of ad",
        "- skip: {blocks: [conv: 16], merge: add}",
    ),
    (
        "- conv: {name: a1, out: 3}\n- use: a11",
        "AB206",
        "Write a1 instead of a11",
        "- conv: {name: a1, out: 3}\n- use: a1",
    ),
    (
        "- conv: {name: early, out: 3}\n- conv: 3\n- join: {from: [ealry]}",
        "AB206",
        "Write early instead of ealry",
        "- conv: {name: early, out: 3}\n- conv: 3\n- join: {from: [early]}",
    ),
]
GUESSES = {"Add classes: 10", "Add input: [3, 32, 32]"}  # with a value that is only an example
SMALL = "archbuilder: 1\ninput: [3, 8, 8]\n"
CIFAR10 = NETWORK + "data: {dataset: cifar10}\n"
# (file, code, title, file after it)
FILES = [
    (HEAD.split("\n", 1)[1] + NETWORK, "AB102", "Add archbuilder: 1", HEAD + NETWORK),
    (SMALL.replace("1\n", "2\n", 1) + "network: [gap]\n", "AB103", "Write archbuilder: 1", SMALL + "network: [gap]\n"),
    (
        "archbuilder: 1\nclasses: 10\n" + NETWORK,
        "AB102",
        "Add input: [3, 32, 32]",
        "archbuilder: 1\nclasses: 10\ninput: [3, 32, 32]\n" + NETWORK,
    ),
    (SMALL + NETWORK, "AB204", "Add classes: 10", SMALL + "classes: 10\n" + NETWORK),
    (HEAD.replace("10", "7") + CIFAR10, "AB601", "Write classes: 10", HEAD + CIFAR10),
    (HEAD + NETWORK.replace("network", "netwrok"), "AB101", "Write network instead of netwrok", HEAD + NETWORK),
    (
        HEAD + "network:\n\t- conv: 3\n\t- gap\n",
        "AB003",
        "Indent with spaces instead of tabs",
        HEAD + "network:\n  - conv: 3\n  - gap\n",
    ),
    (
        HEAD + "network:\n  conv:\n    out: 3\n  gap:\n  classifier:\n",
        "AB104",
        "Start each one with a dash",
        HEAD + "network:\n  - conv:\n      out: 3\n  - gap:\n  - classifier:\n",
    ),
]


def network_of(items: str) -> str:
    return HEAD.replace("3,", "4,") + "vars: {width: 8}\nnetwork:\n" + items + "\n- gap\n- classifier\n"


CASES = [
    *((HEAD + text + "\n" + NETWORK, code, title, HEAD + after + "\n" + NETWORK) for text, code, title, after in FIXES),
    *((network_of(text), code, title, network_of(after)) for text, code, title, after in ITEMS),
    *FILES,
]


@pytest.mark.parametrize(("text", "code", "title", "after"), CASES, ids=[f"{case[1]} {case[2]}" for case in CASES])
def test_a_hint_becomes_an_edit(open_, text, code, title, after):
    editor, wanted = open_(text), open_(after)
    finding = next(d for d in editor.findings() if d.code == code)
    (fix,) = editor.fixes(finding)
    assert fix.title == title
    assert fix.is_preferred == (title not in GUESSES)
    editor.apply(fix)
    assert editor.codes() == wanted.codes()
    assert (code, finding.message) not in [(d.code, d.message) for d in editor.findings()]
    assert editor.hints() == wanted.hints()


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "network: [{relu: 3}, gap, classifier]\n",  # like no name that is known
        HEAD + "network: [{conv: 0}, gap, classifier]\n",  # any other number would do
        HEAD + "limits: {params: '< 10'}\n" + NETWORK,  # no network of this kind is so small
    ],
)
def test_what_has_no_single_remedy_has_no_quick_fix(open_, text):
    editor = open_(text)
    assert editor.findings()
    assert [editor.fixes(finding) for finding in editor.findings()] == [[] for _ in editor.findings()]


def test_one_of_more_equal_warnings_than_are_shown_can_be_mended(open_):
    padded = "  - pointwise: {out: 8, padding: 1}\n"
    editor = open_(f"{HEAD.replace('32, 32', '1, 1')}network:\n{padded * 150}  - gap\n  - classifier\n")
    first = editor.findings()[0]
    (fix,) = editor.fixes(first)
    editor.apply(fix)
    assert first.range not in [d.range for d in editor.findings()]
    assert "at least 49 more warnings" in editor.findings()[-1].message


# ---- computed edits ----

SMALL_FIELD = (
    HEAD
    + """\
limits: {params: "< 200k", receptive_field: "> 20"}
network:
  - conv: 16        # the stem
  - strided: 32
  - conv: {out: 32}
  - gap
  - classifier
"""
)


def test_a_missed_limit_has_the_edits_of_suggest(open_):
    (finding,) = open_(SMALL_FIELD).findings()
    texts = [proposal.text for proposal in suggest(SMALL_FIELD)]
    assert len(texts) > 2
    for number, text in enumerate(texts):
        editor = open_(SMALL_FIELD)
        actions = editor.fixes(finding)
        assert [action.is_preferred for action in actions] == [True] + [False] * (len(texts) - 1)
        assert "receptive field 9 -> " in actions[number].title
        editor.apply(actions[number])
        assert editor.codes() == []
        assert editor.hints() == open_(text).hints()


def test_a_missed_rule_has_them_too(open_, tmp_path):
    (tmp_path / "pack.yaml").write_text("archbuilder_rules: 1\nname: p\nrules: [{has: dilated}, {without: max_pool}]\n")
    blocks = "{conv: 8}, {max_pool: 2}, {conv: 8}, gap, classifier"
    editor = open_(f"{HEAD}rules: ./pack.yaml\nnetwork: [{blocks}]\n")
    first, second = editor.findings()
    assert [first.code, second.code] == ["AB513", "AB512"]
    editor.apply(editor.fixes(second)[0])
    assert editor.findings() == []  # of both rules at once


def test_a_search_does_not_hold_up_what_is_typed(open_):
    """A user asks for remedies that take the maximum time, and continues to type."""
    blocks = "".join(f"  - conv: {{out: {8 + n % 24}, kernel: 3}}\n" for n in range(120))
    text = f"{HEAD}limits: {{params: '< 10', receptive_field: '> 9999'}}\nnetwork:\n{blocks}  - gap\n  - classifier\n"
    editor = open_(text)
    editor.findings()
    asked = editor.ask_for_fixes(3)
    editor.write(text.replace("gap", "gapp"))
    start = time.monotonic()
    assert [d.code for d in editor.findings()] == ["AB101"]
    assert time.monotonic() - start < 5
    assert not asked.result(PATIENCE)  # the text that it was about is no more


def test_fixes_of_other_lines_are_not_offered(open_):
    editor = open_(HEAD + "network:\n  - convv: 3\n  - gapp\n  - classifier\n")
    first, second = editor.findings()
    assert [fix.title for fix in editor.fixes(first)] == ["Write conv instead of convv"]
    assert [fix.title for fix in editor.fixes(second)] == ["Write gap instead of gapp"]


def test_no_fix_makes_an_error_of_a_warning(open_):
    """Without its padding the map would be too small for the pool."""
    blocks = "[{pointwise: {out: 8, padding: 1}}, {avg_pool: 34}, classifier]"
    editor = open_(f"{HEAD}network: {blocks}\n")
    (finding,) = [d for d in editor.findings() if d.code == "AB403"]
    assert editor.fixes(finding) == []


def test_a_fix_that_does_not_help_is_not_offered(monkeypatch):
    """Each remedy is tried before it is shown, so a wrong remedy is never shown."""
    buffer = Buffer(CLEAN.replace("16", "0"), "net.yaml")
    report = check_buffer(buffer)
    (finding,) = report.diagnostics
    start = buffer.text.index("0\n  - gap")
    texts = ("-1", "16\n  - bogus", "8", "{")
    tries = [Fix(finding, text, buffer.source.edits([Patch(start, start + 1, text)])) for text in texts]
    monkeypatch.setattr(actions, "quick_fixes", lambda report: tries)
    assert [action.title for action in actions.Remedies(buffer, report).of(finding)] == ["16\n  - bogus", "8"]
