"""Proposals: each checks clean and does what it says; where there is none, that is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archbuilder.document.parser import parse
from archbuilder.pipeline import Report, check, check_text
from archbuilder.remedies import Budget, Proposal, Suggestions, apply_edits, investigate, suggest
from archbuilder.remedies.edits import Source
from tests.remedies.samples import FORMS, HEAD, HOPELESS, REACHABLE, ROOT, SEED001, SEED002, SIX_LINES

PLENTY = Budget(seconds=60)  # a slow machine must find the same


def found(text: str) -> Suggestions:
    """The proposals for a text, cached."""
    if text not in _FOUND:
        _FOUND[text] = investigate(text, budget=PLENTY)
    return _FOUND[text]


_FOUND: dict[str, Suggestions] = {}

NETWORKS = REACHABLE | {
    "six lines": SIX_LINES.read_text(),
    "seed001": SEED001.read_text(),
    "seed002": SEED002.read_text(),
    "a real one": (ROOT / "tests" / "networks" / "909ahmed.yaml").read_text(),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_proposal_checks_clean_and_its_numbers_are_those_of_a_fresh_check(name: str):
    text = NETWORKS[name]
    before, proposals = check(text), found(text).proposals
    assert not before.ok and len(proposals) >= 3
    for proposal in proposals:
        edited = apply_edits(text, proposal.edits)
        assert edited == proposal.text
        report = check(edited)
        assert report.ok and all(measured.ok for measured in report.limits)
        assert numbers(proposal.after) == facts(report) and numbers(proposal.before) == facts(before)


def numbers(totals: object) -> tuple[object, ...]:
    return tuple(vars(totals).values())


def facts(report: Report) -> tuple[object, ...]:
    assert report.facts
    return report.facts.params, report.facts.macs, report.facts.field.size


@pytest.mark.parametrize("name", NETWORKS)
def test_what_no_edit_covers_stays_byte_for_byte(name: str):
    text = NETWORKS[name]
    for proposal in found(text).proposals:
        source, end = Source(text, ""), 0
        position = 0
        for patch in source.patches(proposal.edits):
            assert proposal.text[position : position + patch.start - end] == text[end : patch.start]
            position += patch.start - end + len(patch.text)
            end = patch.end
        assert proposal.text[position:] == text[end:]
        assert text.count("#") - proposal.text.count("#") <= sum(
            "without" in part for part in proposal.title.split(";")
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_cheapest_come_first_and_none_twice(name: str):
    proposals = found(NETWORKS[name]).proposals
    costs = [proposal.cost for proposal in proposals]
    assert costs == sorted(costs) and len({proposal.text for proposal in proposals}) == len(proposals)
    assert all(len(proposal.title) > 5 and proposal.diff.startswith("--- ") for proposal in proposals)


@pytest.mark.parametrize("name", ["six lines", "macs and field"])
def test_the_same_is_found_again(name: str):
    again = suggest(NETWORKS[name], budget=PLENTY)
    assert [proposal.text for proposal in again] == [proposal.text for proposal in found(NETWORKS[name]).proposals]


@pytest.mark.parametrize("name", NETWORKS)
def test_there_is_nothing_more_to_do_after_a_proposal(name: str):
    best = found(NETWORKS[name]).proposals[0]
    after = investigate(best.text)
    assert (
        after.report.ok and after.checks == 0 and not any(edit for p in after.proposals for edit in p.cost if edit < 0)
    )


SINGLE = ["six lines", "seed001", "seed002", "field at most", "params", "macs", "memory", "flash", "layers"]


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_edit_is_preferred_where_one_is_enough(name: str):
    best = found(NETWORKS[name]).proposals[0]
    assert best.cost.edits == 1 and ";" not in best.title


def test_a_field_grows_by_dilation_at_no_cost():
    best = found(NETWORKS["six lines"]).proposals[0]
    assert best.title == "dilate conv2 (line 6): dilation 3"
    assert best.before and best.after and (best.before.params, best.before.macs) == (best.after.params, best.after.macs)
    assert best.diff.splitlines()[-1] == "+          {strided: 64}, {dilated: {out: 64, dilation: 3}}, gap, classifier]"


def test_padding_keeps_the_map_where_it_is_not_same():
    """A fixed window after it would not fit a smaller map."""
    best = found(NETWORKS["seed001"]).proposals[0]
    assert "dilated: {out: 32, padding: 5, dilation: 6}" in best.text
    assert best.report.facts and best.report.facts.field.size == (47, 47)


def test_a_repeated_body_is_one_edit():
    best = found(NETWORKS["repeated"]).proposals[0]
    assert best.cost.edits == 1 and "# thrice" in best.text


def test_no_more_channels_are_taken_than_needed():
    """One step of the grid less is too few."""
    limit = 'limits: {params: "< 50k"}\n'
    text = HEAD + limit + "network: [{conv: 32}, {strided: 64}, {conv: 64}, gap, classifier]\n"
    titles = [p.title for p in suggest(text, budget=PLENTY)]
    (out,) = (
        int(match[1])
        for title in titles
        if (match := re.match(r"fewer channels out of conv2 .*: (\d+), not 64", title))
    )
    assert check(text.replace("{conv: 64}", f"{{conv: {out}}}")).ok
    assert not check(text.replace("{conv: 64}", f"{{conv: {out + 8}}}")).ok


@pytest.mark.parametrize("name", HOPELESS)
def test_what_cannot_be_satisfied_is_said_with_what_comes_nearest(name: str):
    suggestions = found(HOPELESS[name])
    assert not suggestions.proposals and suggestions.checks > 5
    nearest = suggestions.nearest
    assert nearest is not None and not nearest.report.ok and nearest.report.errors
    assert check(nearest.text).errors == nearest.report.errors


def test_what_came_nearest_is_gone_on_from():
    """The first conv must be both strided and narrower: no single set of edits changes one block twice."""
    text = (
        "archbuilder: 1\ninput: [3, 96, 96]\nclasses: 2\n"
        'limits: {flash: "< 100 KiB int8", peak_activations: "< 64 KiB int8", layers: "< 30"}\n'
        "network:\n  - conv: 32\n"
        "  - repeat: {times: 4, blocks: [{conv: 64}, {depthwise_separable: {out: 64, multiplier: 2}}]}\n"
        "  - avg_pool: 5\n  - flatten\n  - {linear: 64}\n  - classifier: linear\n"
    )
    suggestions = investigate(text, budget=PLENTY)
    before = check(text)
    for proposal in suggestions.proposals:
        assert check(proposal.text).ok
        assert proposal.before and before.facts and proposal.before.params == before.facts.params
        assert apply_edits(text, proposal.edits) == proposal.text
    assert any(
        "strided: " in proposal.text and "strided: 32" not in proposal.text for proposal in suggestions.proposals
    )


def test_a_rule_pack_is_satisfied_with_the_limits():
    text = SEED002.read_text()
    before = check(text, rules=["era-s9"])
    assert len(before.errors) == 4
    (best, *_) = suggest(text, rules=["era-s9"], budget=PLENTY)
    assert best.cost.edits == 3 and check(best.text, rules=["era-s9"]).ok


def test_a_rule_that_no_edit_is_known_for_stays_and_others_are_mended(tmp_path: Path):
    """The content of branches is the author's choice; stages and the section `data:` are as the rules require."""
    (tmp_path / "pack.yaml").write_text("archbuilder_rules: 1\nname: p\nrules: [{has: branches}]\n")
    text = SIX_LINES.read_text()
    packs = ["era-s9", str(tmp_path / "pack.yaml")]
    suggestions = investigate(text, rules=packs, budget=PLENTY)
    assert not suggestions.proposals and suggestions.nearest
    assert {d.code.id for d in suggestions.report.errors} == {"AB503", "AB511", "AB513", "AB515"}
    assert {d.code.id for d in suggestions.nearest.report.errors} == {"AB513"}
    (first, *_) = suggest(text, rules=packs[:1], budget=PLENTY)
    assert check(first.text, rules=packs[:1]).ok


def test_overrides_hold_and_are_not_edited():
    text = REACHABLE["variable"]
    suggestions = investigate(text, ["vars.width=48"], budget=PLENTY)
    assert suggestions.proposals and any("--set" in note for note in suggestions.notes)
    for proposal in suggestions.proposals:
        assert check_text(proposal.text, "<string>", ["vars.width=48"]).ok
        assert "width: 40" in proposal.text


def test_a_base_is_not_edited_and_that_is_said(tmp_path: Path):
    (tmp_path / "base.yaml").write_text(
        HEAD + "vars: {width: 32}\nnetwork: [{conv: width}, {strided: 2 * width}, gap, classifier]\n"
    )
    own = tmp_path / "own.yaml"
    own.write_text('extends: base.yaml\nlimits: {params: "< 10k"}  # tight\n')
    suggestions = investigate(own, budget=PLENTY)
    assert not suggestions.proposals and suggestions.checks == 0
    assert any("base.yaml" in note for note in suggestions.notes)
    own.write_text('extends: base.yaml\nlimits: {params: "< 10k"}  # tight\nvars: {width: 30}\n')
    (best, *_) = suggest(own, budget=PLENTY)
    assert best.title.startswith("smaller width") and check_text(best.text, str(own)).ok


def test_an_unsaved_text_stands_for_its_file(tmp_path: Path):
    (tmp_path / "base.yaml").write_text(SIX_LINES.read_text().partition("network")[0])
    text = "extends: base.yaml\nnetwork" + SIX_LINES.read_text().partition("network")[2]
    assert not suggest(text)
    proposals = suggest(text, file=str(tmp_path / "own.yaml"), budget=PLENTY)
    assert proposals and all(edit.span.file == str(tmp_path / "own.yaml") for p in proposals for edit in p.edits)


def test_mistakes_are_mended_before_limits_are_looked_at():
    text = SIX_LINES.read_text().replace("{conv: 64}", "{conv: {out:64}}").replace("params", "parms")
    (best, *_) = suggest(text, budget=PLENTY)
    assert best.title.startswith("write params instead of parms; put a space after the colon")
    assert check(best.text).ok and best.cost.edits == 3


def test_a_clean_file_and_one_that_cannot_be_read():
    clean = investigate(ROOT / "architectures" / "c1c2c3c40.yaml")
    assert clean.report.ok and clean.proposals == () and clean.checks == 0
    missing = investigate("no/such.yaml")
    assert not missing.proposals and missing.report.errors[0].code.id == "AB001"
    assert investigate("a: [\n").proposals == ()


def test_the_budget_is_kept():
    suggestions = investigate(SEED001, budget=Budget(seconds=60, checks=20))
    assert suggestions.checks <= 20 + 30  # numbers are brought nearer for what was found
    assert any("20 checks" in note for note in suggestions.notes)


def test_the_forms_of_writing_are_edited_as_they_are_written():
    for proposal in found(FORMS).proposals:
        assert proposal.text.startswith("archbuilder: 1   # the version\n") and proposal.text.endswith(
            "# the end of the file\n"
        )
        assert parse(proposal.text).diagnostics == []


def test_a_proposal_is_plain_data(tmp_path: Path):
    proposal: Proposal = found(NETWORKS["six lines"]).proposals[0]
    (edit,) = proposal.edits
    assert edit.span.line == 6 and "dilated" in edit.text
