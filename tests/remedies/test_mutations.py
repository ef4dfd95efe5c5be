"""Files as people leave them in the middle of typing: nothing is raised, and what is proposed still holds."""

from __future__ import annotations

from random import Random

import pytest

from archbuilder.pipeline import check
from archbuilder.remedies import Budget, apply_edits, investigate, quick_fixes
from tests.remedies.samples import FORMS, REACHABLE, SEED001, SIX_LINES

TEXTS = [FORMS, SEED001.read_text(), SIX_LINES.read_text(), *REACHABLE.values()]
PIECES = (
    """{ } [ ] : , - # ' " & * ~ | conv dilated out kernel padding: stride: name: blocks: > 44 1e3 99999 -1 é""".split()
)
PIECES += ["\n", "  ", "\t", "\r\n", "<<: ", "&a ", "*a", "groups: 3", "!!str ", "\u202e", ": ", "- "]


def mutated(random: Random) -> str:
    text = random.choice(TEXTS)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(text) + 1)
        lines = text.split("\n")
        kind = random.randrange(4)
        if kind == 0:
            text = text[:place] + text[place + random.randint(1, 6) :]
        elif kind == 1:
            text = text[:place] + random.choice(PIECES) + text[place:]
        elif kind == 2:
            lines.insert(random.randrange(len(lines)), random.choice(lines))
            text = "\n".join(lines)
        else:
            del lines[random.randrange(len(lines))]
            text = "\n".join(lines) or "a"
    return f"{text}\n"


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_raised_and_every_proposal_holds(seed: int):
    random = Random(seed)
    for _ in range(20):
        text = mutated(random)
        for fix in quick_fixes(check(text)):
            assert apply_edits(text, fix.edits) != text, fix
        for proposal in investigate(text, budget=Budget(seconds=60, checks=12)).proposals:
            assert apply_edits(text, proposal.edits) == proposal.text and check(proposal.text).ok
