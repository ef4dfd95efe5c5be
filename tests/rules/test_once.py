"""One cause, one finding: of a map that is too small, of a limit that a rule pack asks for as well."""

from __future__ import annotations

import pytest

from archbuilder.cli._codes import Selection
from archbuilder.pipeline import Report, check
from tests.remedies.samples import HEAD


def codes(report: Report) -> list[str]:
    return [d.code.id for d in report.diagnostics]


def strided(times: int, after: int = 8, conv: str = "conv: 8") -> Report:
    blocks = [*["{strided: 8}"] * times, *[f"{{{conv}}}"] * after]
    return check(f"{HEAD}network: [{', '.join(blocks)}, gap, classifier]\n")


@pytest.mark.parametrize("times", [5, 6, 7, 8])
@pytest.mark.parametrize("conv", ["conv: 8", "depthwise_separable: 8", "conv: {out: 8, kernel: 5}"])
def test_strides_too_many_are_reported_once(times: int, conv: str):
    """Every conv after them, the pool over one pixel, and depth that has no use follow from the same strides."""
    (finding,) = strided(times, conv=conv).diagnostics
    assert finding.code.id == "AB407" and "smaller strides before it" in finding.hint
    assert "more convs after it, up to " in finding.message


def test_what_has_another_cause_is_still_reported():
    assert codes(strided(3, after=0)) == []
    wide = "{dilated: {out: 8, dilation: 40}}"
    report = check(f"{HEAD}network: [{{strided: 8}}, {wide}, {wide}, gap, classifier]\n")
    assert codes(report).count("AB407") == 2


BOTH = """\
rules: {pack}
limits: {{params: "< 300", {more}}}
network: [{{conv: 8}}, gap, classifier]
"""


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "pack.yaml"
    path.write_text(
        "archbuilder_rules: 1\nname: p\n"
        "rules: [{limit: {of: params, bound: '<300'}}, {limit: {of: layers, bound: '< 3'}}]\n"
    )
    return path


def test_a_missed_limit_that_a_pack_asks_for_too_is_reported_once(pack):
    report = check(HEAD + BOTH.format(pack=pack, more='layers: "< 4"'))
    assert codes(report) == ["AB514", "AB503", "AB503"]  # another bound on the layers is another finding
    assert [verdict.ok for verdict in report.rules] == [False, False]
    assert codes(Selection(ignore=("AB503",))(report)) == [
        "AB514",
        "AB514",
    ]  # who waves the limit away still has the rule
    assert codes(Selection(ignore=("AB514",))(report)) == ["AB503", "AB503"]


def test_a_limit_that_a_comment_waves_away_leaves_the_rule(pack):
    text = BOTH.format(pack=pack, more='layers: "< 4"').replace(
        "}\nnetwork", "}  # archbuilder: ignore AB503 as it is\nnetwork"
    )
    assert codes(check(HEAD + text)) == ["AB514", "AB514"]
