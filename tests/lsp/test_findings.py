"""Findings while a file is typed: what, where, and about which version of the text."""

import pytest
from lsprotocol import types

from tests.lsp.client import Client, Editor

HEAD = "archbuilder: 1\ninput: [3, 32, 32]\nclasses: 10\n"
CLEAN = HEAD + "network:\n  - conv: 16\n  - gap\n  - classifier\n"

# a misspelt limit, groups that do not divide, a value of the wrong type, a misspelt field, a misspelt block
FIVE = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
limits: {params: "< 200k", receptive_feild: "> 44"}
network:
  - conv: {out: 32, groups: 2}
  - strided: {out: 64.0}
  - conv: {out: 64, kernal: 3}
  - convv: {out: 64}
  - strided: {out: 64}
  - gap
  - classifier
"""
MISTAKES = [("AB502", 3, 27), ("AB301", 5, 20), ("AB103", 6, 19), ("AB101", 7, 20), ("AB101", 8, 4)]
# nothing wrong with the writing: a missed limit, a bias that a norm cancels, the dilation of a 1x1 conv, a pool that
# is not global, an activation on the class scores
FIVE_OF_MEANING = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
limits: {params: "< 200k", receptive_field: "> 16"}
network:
  - conv: {out: 16, bias: true}
  - conv: {out: 32, kernel: 1, dilation: 2}
  - strided: {out: 32}  # a comment
  - conv: {out: 32}
  - avg_pool: {kernel: 9}
  - classifier: linear
  - activation: relu
"""
MEANT = [("AB503", 3, 27), ("AB409", 5, 20), ("AB402", 6, 31), ("AB401", 9, 15), ("AB414", 11, 4)]


def test_five_mistakes_are_five_findings_at_their_places(open_):
    editor = open_(FIVE)
    assert editor.codes() == MISTAKES
    marked = [FIVE.splitlines()[d.range.start.line][d.range.start.character :] for d in editor.findings()]
    words = ["receptive_feild", "groups", "64.0", "kernal", "convv"]
    assert [text[: len(word)] for text, word in zip(marked, words, strict=True)] == words
    assert [d.range.end.character - d.range.start.character for d in editor.findings()] == list(map(len, words))
    assert {d.source for d in editor.findings()} == {"archbuilder"}
    assert "hint: did you mean kernel?" in editor.findings()[3].message


def mended(editor: Editor) -> list[str]:
    """Applies the first quick fix of the first finding until there is none; the codes of what was mended."""
    codes = []
    for _ in range(20):
        findings = editor.findings()
        if not findings:
            return codes
        fix = editor.fixes(findings[0])[0]
        assert fix.is_preferred
        editor.apply(fix)
        codes.append(findings[0].code)
    raise AssertionError(f"still wrong after {codes}: {editor.codes()}")


def test_after_their_quick_fixes_the_file_is_clean(open_):
    """After the fix the network is analysed: its receptive field is too small, which also has a quick fix."""
    editor = open_(FIVE)
    assert mended(editor) == [code for code, _, _ in MISTAKES] + ["AB503"]
    assert "left" in editor.hover(3, 30)


def test_five_findings_about_what_is_meant(open_):
    editor = open_(FIVE_OF_MEANING)
    assert editor.codes() == MEANT
    assert mended(editor) == [code for code, _, _ in MEANT]


def test_each_quick_fix_works_by_itself(open_):
    for number in range(5):
        editor = open_(FIVE)
        finding = editor.findings()[number]
        (fix,) = editor.fixes(finding)
        editor.apply(fix)
        assert editor.codes() == MISTAKES[:number] + MISTAKES[number + 1 :]


def test_warnings_and_missed_limits(open_):
    blocks = "{conv: 64}, {conv: {out: 64, kernel: 1, dilation: 2}}, gap, classifier"
    text = f'{HEAD}limits: {{params: "< 1k"}}\nnetwork: [{blocks}]\n'
    found = {d.code: d.severity for d in open_(text).findings()}
    assert found["AB503"] == types.DiagnosticSeverity.Error
    assert types.DiagnosticSeverity.Warning in found.values()


def test_columns_count_in_utf_16(open_):
    """An emoji is two units of UTF-16, and one character for the reader of YAML."""
    editor = open_(HEAD + 'network: [{"😀é": 3}, {convv: 3}]\n')
    first, second = editor.findings()
    assert (first.range.start.character, first.range.end.character) == (11, 16)
    assert (second.range.start.character, second.range.end.character) == (23, 28)
    (fix,) = editor.fixes(second)
    editor.apply(fix)
    assert [d.range for d in editor.findings()] == [first.range]


def test_columns_count_as_the_client_wishes(tmp_path):
    client = Client(encodings=["utf-8"])
    try:
        assert client.started.capabilities.position_encoding == "utf-8"
        editor = client.open(tmp_path / "net.yaml", HEAD + 'network: [{"😀é": 3}, {convv: 3}]\n')
        assert editor.codes()[1] == ("AB101", 3, 26)
        (fix,) = editor.fixes(editor.findings()[1])
        editor.apply(fix)
        assert len(editor.codes()) == 1
    finally:
        assert client.stop() == 0


def test_incremental_changes(open_):
    editor = open_(CLEAN)
    assert editor.codes() == []
    editor.replace((4, 4), (4, 8), "😀")
    assert editor.codes() == [("AB101", 4, 4)]
    editor.replace((4, 4), (4, 6), "conv")  # two units
    assert editor.codes() == []
    editor.replace((5, 0), (6, 0), "")
    assert editor.codes() == [("AB205", 5, 4)]
    editor.replace((4, 99), (4, 99), "\n  - gap")  # past the end of the line is its end
    assert editor.codes() == []
    editor.replace((99, 0), (99, 0), "bogus: 1\n")
    assert editor.codes() == [("AB101", 7, 0)]


def test_several_changes_in_one_notification_follow_each_other(open_):
    editor = open_(CLEAN)
    place = types.Range(types.Position(4, 4), types.Position(4, 8))
    insert = types.Range(types.Position(0, 0), types.Position(0, 0))
    editor.change(
        types.TextDocumentContentChangePartial(place, "convv"),
        types.TextDocumentContentChangePartial(insert, "# first\n# second\n"),
    )
    assert editor.codes() == [("AB101", 6, 4)]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_breaks_of_other_systems(open_, end):
    editor = open_(FIVE.replace("\n", end))
    assert editor.codes() == MISTAKES
    editor.replace((8, 4), (8, 9), "conv")
    assert editor.codes() == MISTAKES[:4]


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1e", "\x85", "\u2028"])
def test_what_python_takes_for_a_line_break_is_none(open_, odd):
    """str.splitlines would count one line more, and every later edit would land on the wrong one."""
    editor = open_(f"# a{odd}b\n" + FIVE)
    assert editor.codes()[0][:2] == ("AB003", 0)
    editor.replace((9, 4), (9, 9), "conv")
    editor.replace((0, 3), (0, 4), " ")
    assert [line for _, line, _ in editor.codes()] == [4, 6, 7, 8]


def test_only_the_last_of_many_changes_is_published(open_):
    editor = open_(CLEAN)
    assert editor.codes() == []
    for width in range(1, 21):
        editor.write(CLEAN.replace("16", f"{width}x"))
    assert editor.codes() == [("AB103", 4, 10)]
    assert "20x" in editor.findings()[0].message
    versions = [params.version for params in editor.client.all if params.uri == editor.uri]
    assert versions[-1] == 21
    assert len(versions) < 10
    assert versions == sorted(versions)


def test_a_closed_file_has_no_findings(open_):
    editor = open_(FIVE)
    assert editor.findings()
    editor.close()
    other = open_(CLEAN)
    assert other.findings() == []  # answered after the other was closed
    assert list(editor.client.published[editor.uri].diagnostics) == []


@pytest.mark.parametrize("text", ["", "services:\n  web: {image: x}\n", "extends: x\nfoo: 1\n", "- a\n- b\n", "a: ["])
def test_other_yaml_is_left_alone(open_, text):
    assert open_(text).findings() == []


@pytest.mark.parametrize(
    "text", ["archbuilder: 1\n", "network: [gap]\ninput: 3\n", "archbuilder: 1\nnetwork: [", '"archbuilder": 2']
)
def test_what_begins_to_be_ours_is_checked(open_, text):
    assert open_(text).findings() != []


def test_a_pack_of_rules_is_checked_and_has_a_vocabulary_of_its_own(open_):
    editor = open_("archbuilder_rules: 1\nbogus: 3\n")
    assert editor.findings()
    assert editor.complete(2, 0) == {}
    assert editor.hover(1, 2) == ""


def test_a_base_that_is_wrong_is_told_where_it_is_extended(client, tmp_path):
    base, variant = tmp_path / "base.yaml", tmp_path / "variant.yaml"
    base.write_text(CLEAN.replace("conv:", "convv:"))
    editor = client.open(variant, "archbuilder: 1\nextends: base.yaml\nlimits: {params: '< 9k'}\n")
    (finding,) = editor.findings()
    assert (finding.code, finding.range.start.line) == ("AB101", 1)
    assert "base.yaml:5:5" in finding.message
    (related,) = finding.related_information
    assert related.location.uri == base.as_uri()
    assert related.location.range.start == types.Position(4, 4)

    base.write_text(CLEAN)
    client.published.clear()
    editor.save()  # any file: what one is based on may have changed
    assert editor.findings() == []
    editor.close()


def test_an_ignore_comment_holds_and_an_idle_one_is_a_warning(open_):
    padded = CLEAN.replace("conv: 16", "pointwise: {out: 16, padding: 1}")
    assert open_(padded).codes() == [("AB403", 4, 25)]
    ignored = padded.replace("1}", "1}  # archbuilder: ignore AB403")
    editor = open_(ignored)
    assert editor.findings() == []
    line = ignored.splitlines()[4]
    padding = line.index("1}")
    editor.replace((4, padding), (4, padding + 1), "0")
    assert editor.codes() == [("AB011", 4, line.index("AB403"))]
    assert editor.findings()[0].severity == types.DiagnosticSeverity.Warning
