"""Lints: what is found, where, and that what is meant is left alone."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import check

HEAD = "archbuilder: 1\ninput: [16, 8, 8]\n"


def found(text: str, *codes: str) -> list[str]:
    """ "line:column code" of the findings of these codes."""
    report = check(f"{HEAD}{text}\n")
    assert report.ok, report.diagnostics
    return [f"{d.span.line}:{d.span.column} {d.code.id}" for d in report.diagnostics if d.code.id in codes]


# network -> findings of AB401 to AB404
LINTS = {
    # a pool to 1x1 that does not see the whole map
    "network:\n  - avg_pool: {kernel: 5, stride: 8}": ["4:16 AB401"],
    "network:\n  - max_pool: 5": ["4:15 AB401"],
    "network:\n  - avg_pool: 8": [],
    "network:\n  - gap": [],
    "network:\n  - avg_pool: 4": [],
    # dilation and padding of a single tap
    "network:\n  - conv: {out: 8, kernel: 1, dilation: 2}": ["4:31 AB402"],
    "network:\n  - conv: {out: 8, kernel: 1, padding: 1}": ["4:31 AB403"],
    "network:\n  - pointwise: {out: 8, dilation: 2, padding: 1}": ["4:25 AB402", "4:38 AB403"],
    "network:\n  - pointwise: 8": [],
    "network:\n  - conv: {out: 8, kernel: [1, 3], dilation: 2}": [],
    # grouped, then 1x1, as if it were depthwise separable
    "network:\n  - grouped: {out: 16, groups: 4}\n  - pointwise: 8": ["4:24 AB404"],
    "network:\n  - conv: {out: 16, groups: 4}\n  - pointwise: 8": ["4:21 AB404"],
    "network:\n  - conv: {out: 16, groups: 16}\n  - pointwise: 8": [],
    "network:\n  - depthwise_separable: 8": [],
    "network:\n  - grouped: {out: 16, groups: 4}\n  - conv: 8": [],
}


@pytest.mark.parametrize("text", LINTS)
def test_findings(text: str):
    assert found(text, "AB401", "AB402", "AB403", "AB404") == LINTS[text]


def test_a_repeated_block_is_one_finding():
    assert found("network: [{repeat: {times: 9, blocks: [{pointwise: {out: 16, dilation: 2}}]}}]", "AB402") == [
        "3:62 AB402"
    ]


def test_warnings_leave_a_network_in_order_and_have_a_remedy():
    report = check(f"{HEAD}network: [{{pointwise: {{out: 8, dilation: 2}}}}]\n")
    assert report.ok and report.facts
    assert {d.severity for d in report.diagnostics} == {"warning"} and all(d.hint for d in report.diagnostics)


def test_a_wrong_network_is_not_linted():
    report = check(f"{HEAD}network: [{{pointwise: {{out: 8, dilation: 2}}}}, {{linear: 3}}]\n")
    assert [d.code.id for d in report.diagnostics] == ["AB304"]
