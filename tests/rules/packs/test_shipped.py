"""The networks in architectures/ under era-s9: what seeds.md and the facts of the originals say of them."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import check
from tests.rules.packs.conftest import ROOT
from tests.rules.packs.test_era_s9 import TEN

# network -> the rules that it misses; every other rule is satisfied
MISSED = {
    "c1c2c3c40": "",
    "quickstart": "stages convs receptive_field augment image",  # made for another task
    # its stages begin with a strided conv and end without one; its pool sees 9x9 of 14x14
    "seeds/seed000": "convs gap",
    # two convs in a stage; a receptive field of 27
    "seeds/seed001": "convs receptive_field",
    # two stages end in a plain conv; 8 groups of 4 channels; a receptive field of 31
    "seeds/seed002": "convs depthwise_separable receptive_field",
    # no stages, no stride; 32 groups of 2 channels
    "seeds/seed003": "stages convs depthwise_separable",
    "seeds/seed004": "",
}


@pytest.mark.parametrize("name", MISSED)
def test_verdicts(name: str):
    report = check(ROOT / "architectures" / f"{name}.yaml", rules=["era-s9"])
    verdicts = {verdict.rule: verdict for verdict in report.rules if verdict.pack == "era-s9"}
    assert list(verdicts) == TEN
    assert " ".join(rule for rule, verdict in verdicts.items() if not verdict.ok) == MISSED[name]


WHY = {
    ("seed000", "gap"): "its window covers 9x9 of the 14x14 map",
    ("seed001", "receptive_field"): "receptive_field is 27",
    ("seed002", "receptive_field"): "receptive_field is 31",
    ("seed002", "depthwise_separable"): "conv3.grouped.conv is grouped, not depthwise: its 8 groups have 4 of the 32",
    ("seed003", "depthwise_separable"): "its 32 groups have 2 of the 64 channels each",
}


@pytest.mark.parametrize(("name", "rule"), WHY)
def test_why(name: str, rule: str):
    report = check(ROOT / "architectures" / "seeds" / f"{name}.yaml", rules=["era-s9"])
    (verdict,) = [verdict for verdict in report.rules if verdict.rule == rule]
    assert WHY[name, rule] in verdict.message


def test_what_satisfies_the_seeds():
    report = check(ROOT / "architectures" / "seeds" / "seed004.yaml", rules=["era-s9"])
    by = {verdict.rule: [each.name for each in verdict.by] for verdict in report.rules}
    assert by["convs"] == ["C1.strided", "C2.strided", "C3.strided"]
    assert by["depthwise_separable"] == ["C3.depthwise2", "C4.depthwise3"]
    assert by["dilated"] == ["C1.dilated"] and by["gap"] == ["gap"]
