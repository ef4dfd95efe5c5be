"""What changed between two networks: the right blocks are paired, and the differences add up to those of the totals."""

from __future__ import annotations

import time
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.analysis.changes import Change, changes, parts
from archbuilder.analysis.facts import Facts
from archbuilder.pipeline import check
from tests.compare.conftest import ROOT

FILES = sorted((ROOT / "architectures").rglob("*.yaml"))


def facts(source: str | Path) -> Facts:
    report = check(source)
    assert report.facts, report.diagnostics
    return report.facts


def of(*blocks: str) -> Facts:
    return facts("archbuilder: 1\ninput: [3, 64, 64]\nnetwork:\n" + "".join(f"  - {block}\n" for block in blocks))


def shown(found: list[Change]) -> list[str]:
    """kind path, or kind path > path where it moved."""
    lines = []
    for change in found:
        paths = dict.fromkeys(part.path for part in (change.before, change.after) if part)
        lines.append(f"{change.kind} {' > '.join(paths)}")
    return lines


def adds_up(before: Facts, after: Facts) -> None:
    found = changes(before, after)
    assert sum(change.params for change in found) == after.params - before.params
    assert sum(change.macs for change in found) == after.macs - before.macs
    for axis in (0, 1):
        assert sum(change.field[axis] for change in found) == after.field.size[axis] - before.field.size[axis]


def test_parts_are_the_blocks_and_their_shares_the_totals(clean: str):
    network = facts(clean)
    found = parts(network)
    assert [part.path for part in found][:7] == [
        "C1.conv",
        "C1.dilated",
        "C1.strided",
        "C2.skip.depthwise_separable",
        "C2.skip.dilated",
        "C2.skip",
        "C2.conv",
    ]
    assert sum(part.params for part in found) == network.params
    assert sum(part.macs for part in found) == network.macs
    assert sum(part.field[0] for part in found) + 1 == network.field.size[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_network_equals_itself(path):
    network = facts(path)
    assert changes(network, network) == []


def test_every_pair_of_shipped_networks_adds_up():
    networks = [facts(path) for path in FILES]
    for before, after in combinations(networks, 2):
        adds_up(before, after)
        adds_up(after, before)


def test_one_field_changed(clean: str):
    before, after = (
        facts(clean),
        facts(clean.replace("dilated: {out: width, dilation: 2}", "dilated: {out: width, dilation: 4}")),
    )
    (change,) = changes(before, after)
    assert (change.kind, change.params, change.macs, change.field) == ("changed", 0, 0, (4, 4))


def test_a_block_whose_input_changed_follows():
    before, after = of("conv: 16", "conv: 8"), of("conv: 32", "conv: 8")
    first, second = changes(before, after)
    assert shown([first, second]) == ["changed conv", "follows conv2"]
    assert (first.params, second.params) == (16 * 27 + 32, 16 * 8 * 9)


def test_another_stride_changes_what_comes_after():
    before, after = of("conv: 8", "conv: 8", "dilated: 8"), of("conv: {out: 8, stride: 2}", "conv: 8", "dilated: 8")
    first, second, third = changes(before, after)
    assert shown([first, second, third]) == ["changed conv", "follows conv2", "follows dilated"]
    assert [change.field for change in (first, second, third)] == [(0, 0), (2, 2), (4, 4)]  # at twice the stride


def test_a_block_put_in_before_others_of_its_kind():
    before, after = of("conv: 16", "conv: 32", "conv: 64"), of("conv: 16", "conv: 24", "conv: 32", "conv: 64")
    assert shown(changes(before, after)) == ["added conv2", "follows conv2 > conv3"]


def test_one_of_several_alike():
    before, after = of("conv: 16", "conv: 16", "conv: 16"), of("conv: 16", "conv: 16")
    assert shown(changes(before, after)) == ["removed conv3"]


def test_of_two_namesakes_the_one_that_changed():
    before, after = of("conv: 16", "conv: 16"), of("conv: 24", "conv: 16")
    assert shown(changes(before, after)) == ["changed conv", "follows conv2"]


def test_another_kind_of_block_in_the_same_place(clean: str):
    after = clean.replace("        - conv: {out: 2 * width}\n", "        - depthwise_separable: {out: 2 * width}\n")
    assert shown(changes(facts(clean), facts(after))) == ["changed C2.conv > C2.depthwise_separable"]


def test_a_name_that_changed(clean: str):
    found = changes(facts(clean), facts(clean.replace("name: C2", "name: middle")))
    assert {change.kind for change in found} == {"renamed"} and len(found) == 5
    before, after = of("conv: {name: a, out: 8}"), of("conv: {name: b, out: 8}")
    assert shown(changes(before, after)) == ["renamed a > b"]


def test_a_skip_around_what_was_there(clean: str):
    before, after = of("conv: 8", "conv: 8"), of("conv: 8", "skip: {blocks: [{conv: 8}]}")
    assert shown(changes(before, after)) == ["renamed conv2 > skip.conv", "added skip"]


def test_shared_layers_cost_once():
    before, after = of("conv: {name: a, out: 3}", "conv: 3"), of("conv: {name: a, out: 3}", "use: a")
    adds_up(before, after)


def test_the_longer_branch_has_the_field():
    before = of("branches: {paths: [[{conv: 8}], [{conv: {out: 8, kernel: 5}}]]}")
    after = of("branches: {paths: [[{conv: {out: 8, kernel: 9}}], [{conv: {out: 8, kernel: 5}}]]}")
    found = changes(before, after)
    assert [(change.kind, change.field) for change in found] == [("changed", (8, 8)), ("follows", (-4, -4))]


BLOCKS = [
    "conv: 8",
    "conv: {out: 16, kernel: [3, 1]}",
    "strided: {out: 8, stride: [1, 2]}",
    "depthwise_separable: 8",
    "skip: {blocks: [{conv: 8}, {dilated: 16}]}",
    "branches: {paths: [[{conv: 8}], [{conv: {out: 8, kernel: 5}}, {conv: 8}], []]}",
    "repeat: {times: 2, blocks: [{depthwise}]}".replace("{depthwise}", "depthwise"),
    "squeeze_excite",
    "norm: batch",
    "conv: {name: own, out: 8}",
]
networks = st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=6).filter(lambda blocks: blocks.count(BLOCKS[-1]) < 2)


@settings(max_examples=60)
@given(networks, networks)
def test_changes_add_up(before: list[str], after: list[str]):
    adds_up(of(*before), of(*after))


def test_large_networks_take_no_minutes():
    before, after = (
        of("repeat: {times: 1500, blocks: [{conv: 8}]}"),
        of("conv: 8", "repeat: {times: 1501, blocks: [{conv: 9}]}"),
    )
    start = time.perf_counter()
    adds_up(before, after)
    many = of("repeat: {times: 2500, blocks: [{conv: 8}]}")
    adds_up(many, after)  # more than are aligned
    assert time.perf_counter() - start < 8


def test_a_block_put_in_and_everything_narrower():
    """What computes the same by chance (conv of 32, then conv2 of 32) must not be paired across all others."""
    before = of("conv: 32", "conv: 64", "strided: 64", "conv: 64", "conv: 64")
    after = of("conv: 16", "strided: 16", "conv: 32", "strided: 32", "conv: 32", "conv: 32")
    found = shown(changes(before, after))
    assert found == [
        "changed conv",
        "added strided",
        "changed conv2",
        "changed strided > strided2",
        "changed conv3",
        "changed conv4",
    ]
    adds_up(before, after)


def test_a_block_put_in_front_leaves_the_others_what_they_are():
    before, after = of("conv: 8", "conv: 16", "conv: 32"), of("conv: 4", "conv: 8", "conv: 16", "conv: 32")
    assert shown(changes(before, after)) == ["added conv", "follows conv > conv2"]
    adds_up(before, after)
