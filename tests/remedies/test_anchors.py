"""An edit of what an anchor names says every place that it changes."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import check
from archbuilder.remedies import Budget, apply_edits, quick_fixes, suggest
from tests.remedies.samples import FORMS, HEAD

FOUR = f"""\
{HEAD}limits: {{params: "< 20k"}}
network:
  - conv: 16
  - conv: &wide {{out: 64, kernel: 3}}
  - conv: *wide
  - conv: {{<<: *wide, bias: false}}
  - conv: *wide
  - gap
  - classifier
"""


def test_a_proposal_names_every_block_that_it_changes():
    titles = [proposal.title for proposal in suggest(FOUR, budget=Budget(seconds=60))]
    changed = [title for title in titles if "line 7" in title]
    assert changed and all(", and by &wide on lines 8, 9, 10" in title for title in changed)


def test_so_does_a_fix():
    pair = "{pointwise: &p {out: 8, padding: 1}}, {pointwise: *p}"
    text = f"{HEAD}network: [{{conv: 16}}, {pair}, gap, classifier]\n"
    titles = {fix.title for fix in quick_fixes(check(text))}
    assert titles == {"write padding: 0, and by &p on line 4"}


@pytest.mark.parametrize("text", [FOUR, FORMS])
def test_an_edit_beside_an_anchor_names_no_other_place(text: str):
    for proposal in suggest(text, budget=Budget(seconds=60)):
        same = {line for line in text.splitlines() if "&" in line} <= set(proposal.text.splitlines())
        assert same == (", and by &" not in proposal.title), proposal.title


def test_an_anchor_in_an_anchor_and_one_that_is_never_repeated():
    stages = "{stage: {name: one, blocks: &a [{conv: &b {out: 8, kernal: 3}}]}}, {stage: {name: two, blocks: *a}}"
    text = f"{HEAD}network: [{stages},\n  {{conv: *b}},\n  gap, classifier]\n"
    (fix, *_) = quick_fixes(check(text))
    assert ", and by &b on line 5" in fix.title and "by &a on line 4" in fix.title
    assert check(apply_edits(text, fix.edits)).ok
    alone = f"{HEAD}network: [{{conv: &c {{out: 8, kernal: 3}}}}, gap, classifier]\n"
    assert [fix.title for fix in quick_fixes(check(alone))] == ["write kernel instead of kernal"]
