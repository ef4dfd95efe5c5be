"""Quick fixes: applied as an editor applies them, after which the finding is gone."""

import pytest

from archbuilder.lsp import fixes
from archbuilder.lsp.fixes import Fix
from archbuilder.remedies.source import Patch
from tests.lsp.test_findings import CLEAN, HEAD

NETWORK = "network: [{conv: 16}, gap, classifier]\n"

# (text, code of the finding, title of the fix, text after it)
FIXES = [
    ("limits: {params: > 44, macs: >= 5}", "AB003", "Quote the limit", 'limits: {params: "> 44", macs: ">= 5"}'),
    ("limits:\n  macs: > 4k  # why", "AB003", "Quote the limit", 'limits:\n  macs: "> 4k"  # why'),
    ("limits: {params: 200000}", "AB501", 'Write "< 200000"', 'limits: {params: "< 200000"}'),
    ("limits: {parms: '< 5k'}", "AB502", "Change parms to params", "limits: {params: '< 5k'}"),
    ("rules: era-s8", "AB510", "Change era-s8 to era-s9", "rules: era-s9"),
    ("defaults: {norm: BatchNorm}", "AB103", "Change BatchNorm to batch", "defaults: {norm: batch}"),
    ("train: {optimizer: sdg}", "AB101", "Change sdg to sgd", "train: {optimizer: sgd}"),
    (
        "data: {dataset: cifar10, augment: [{shift_scale_rotate: {scale: [0.3, 0.1]}}]}",
        "AB103",
        "Write [0.1, 0.3]",
        "data: {dataset: cifar10, augment: [{shift_scale_rotate: {scale: [0.1, 0.3]}}]}",
    ),
    (
        "data: {dataset: cifar10, normalize: no}",
        "AB103",
        "Change no to false",
        "data: {dataset: cifar10, normalize: false}",
    ),
]
# (items of the network, code, title, items after it)
ITEMS = [
    ("- conv {out: 32}", "AB101", "Put a colon before the bracket", "- conv: {out: 32}"),
    ("- conv:3", "AB101", "Put a blank after the colon", "- conv: 3"),
    ("- conv: {out: 32.0}", "AB103", "Write 32", "- conv: {out: 32}"),
    ("- conv: 32.0", "AB103", "Write 32", "- conv: 32"),
    ("- conv: {out: 2 * widht}", "AB103", "Change widht to width", "- conv: {out: 2 * width}"),
    ("- conv: 32 / 2", "AB103", "Write // to divide whole numbers", "- conv: 32 // 2"),
    (
        "- conv: 3\n- strided: 4\n  pointwise: 8",
        "AB104",
        "Start a new item before pointwise",
        "- conv: 3\n- strided: 4\n- pointwise: 8",
    ),
    ("- conv:\n  out: 3\n  kernel: 5", "AB104", "Indent out", "- conv:\n    out: 3\n    kernel: 5"),
    (
        "- skip: {blocks: [conv: 16], merge: ad}",
        "AB103",
        "Change ad to add",
        "- skip: {blocks: [conv: 16], merge: add}",
    ),
    ("- conv: {name: a1, out: 3}\n- use: a11", "AB206", "Change a11 to a1", "- conv: {name: a1, out: 3}\n- use: a1"),
    (
        "- conv: {name: early, out: 3}\n- conv: 3\n- join: {from: [ealry]}",
        "AB206",
        "Change ealry to early",
        "- conv: {name: early, out: 3}\n- conv: 3\n- join: {from: [early]}",
    ),
]
SMALL = "archbuilder: 1\ninput: [3, 8, 8]\n"
CIFAR10 = NETWORK + "data: {dataset: cifar10}\n"
# (file, code, title, file after it)
FILES = [
    (HEAD.split("\n", 1)[1] + NETWORK, "AB102", "Add archbuilder: 1", HEAD + NETWORK),
    (SMALL.replace("1\n", "2\n", 1) + "network: [gap]\n", "AB103", "Set archbuilder: 1", SMALL + "network: [gap]\n"),
    (
        "archbuilder: 1\nclasses: 10\n" + NETWORK,
        "AB102",
        "Add input: [3, 32, 32]",
        "archbuilder: 1\nclasses: 10\ninput: [3, 32, 32]\n" + NETWORK,
    ),
    (SMALL + NETWORK, "AB204", "Add classes: 10", SMALL + "classes: 10\n" + NETWORK),
    (HEAD.replace("10", "7") + CIFAR10, "AB601", "Set classes: 10", HEAD + CIFAR10),
    (HEAD + NETWORK.replace("network", "netwrok"), "AB101", "Change netwrok to network", HEAD + NETWORK),
    (
        HEAD + "network:\n\t- conv: 3\n\t- gap\n",
        "AB003",
        "Indent with spaces",
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
    return HEAD + "vars: {width: 8}\nnetwork:\n" + items + "\n- gap\n- classifier\n"


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
    assert fix.is_preferred
    editor.apply(fix)
    assert editor.codes() == wanted.codes()
    assert (code, finding.message) not in [(d.code, d.message) for d in editor.findings()]
    assert editor.hints() == wanted.hints()


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "network: [{relu: 3}, gap, classifier]\n",  # like no name that is known
        HEAD + "network: [{conv: 16}, {conv: {out: 6, groups: 5}}, gap, classifier]\n",  # a choice
        HEAD + "limits: {params: '< 10'}\n" + NETWORK,  # a task
    ],
)
def test_what_is_no_matter_of_writing_has_no_quick_fix(open_, text):
    editor = open_(text)
    assert editor.findings()
    assert [editor.fixes(finding) for finding in editor.findings()] == [[] for _ in editor.findings()]


def test_fixes_of_other_lines_are_not_offered(open_):
    editor = open_(HEAD + "network:\n  - convv: 3\n  - gapp\n  - classifier\n")
    first, second = editor.findings()
    assert [fix.title for fix in editor.fixes(first)] == ["Change convv to conv"]
    assert [fix.title for fix in editor.fixes(second)] == ["Change gapp to gap"]


def test_a_guess_that_does_not_help_is_not_offered(monkeypatch):
    """Whoever adds a source of fixes need not prove them: each is tried first, and the best is taken."""
    buffer = fixes.Buffer(CLEAN.replace("16", "0"), "net.yaml")
    report = fixes.check_buffer(buffer)
    (finding,) = report.diagnostics
    start = buffer.text.index("0\n  - gap")
    tries = [Fix(text, (Patch(start, start + 1, text),)) for text in ("-1", "16\n  - bogus", "8", "{")]
    monkeypatch.setattr(fixes, "SOURCES", [lambda *_: iter(tries), lambda *_: iter(tries[:1])])
    assert [fix.title for fix in fixes.fixes(buffer, report, finding)] == ["8"]
