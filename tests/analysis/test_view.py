"""What the map before the global pool sees of the image itself, against index sets and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import archbuilder
from archbuilder.analysis.coverage import View, middle_unit, views, whole
from archbuilder.analysis.facts import Facts
from archbuilder.analysis.visible_pixels import touched, unread
from archbuilder.ir import ops
from archbuilder.ir.graph import INPUT, Graph
from archbuilder.ir.op import Op
from archbuilder.ir.reach import Axis
from archbuilder.modules.gradient_field import linear
from tests.ir.choices import Seeded
from tests.ir.networks import Writer
from tests.ir.oracle import at_home, cut
from tests.ir.walk import walk

ROOT = Path(__file__).parents[2]
HEAD = "archbuilder: 1\ninput: [3, 32, 32]\n"


def facts_of(network: str) -> Facts:
    report = archbuilder.check(f"{HEAD}network: [{network}]\n")
    assert report.facts, report.diagnostics
    return report.facts


def random_facts(name: str, count: int) -> Iterator[tuple[Graph, Facts]]:
    for number in range(count):
        report = archbuilder.check(Writer(Seeded(f"{name}:{number}")).network())
        if report.graph and report.facts and report.facts.field.status in ("exact", "whole input"):
            yield report.graph, report.facts


def test_the_middle_unit_is_the_one_nearest_to_the_middle():
    count = 0
    for graph, facts in random_facts("view", 150):
        head_off = cut(graph, facts.value)
        for axis, found in enumerate(views(facts)):
            fields = [walk(head_off, axis, unit) for unit in range(found.units)]
            middle = (found.side - 1) / 2
            centres = [(min(field) + max(field)) / 2 for field in fields]
            assert found.first_centre == centres[0] and found.centre == centres[found.unit]
            assert abs(found.centre - middle) == min(abs(centre - middle) for centre in centres)
            assert found.offset == found.centre - middle
            count += 1
    assert count > 200


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    "network",
    [
        # the middle unit's taps lie on padding of a map in the middle of the network
        "{strided: 8}, {strided: 8}, {dilated: 8}, gap",
        "{conv: {out: 8, kernel: 5}}, {dilated: {out: 8, dilation: 4}}, {dilated: {out: 8, dilation: 5}}",
        "{conv: {out: 8, kernel: 4}}, {strided: {out: 8, kernel: 4}}, {dilated: {out: 8, dilation: 3}}, {conv: 8}",
        "{max_pool: 2}, {dilated: {out: 8, dilation: 3}}, {upsample: {factor: 3, mode: bilinear}}, {conv: 8}",
        # windows that hang over the end, and pixels around a map
        "{max_pool: {kernel: 3, stride: 2, ceil_mode: true}}, {conv: {out: 8, kernel: 9}}",
        "{avg_pool: {kernel: 2, stride: 3, padding: 1, ceil_mode: true}}, {pad: [2, 0, 0, 3]}, {dilated: 8}, {conv: 8}",
        "{strided: 8}, {adaptive_avg_pool: 5}, {dilated: {out: 8, dilation: 2}}, {avg_pool: {kernel: 3, padding: 1}}",
    ],
)
def test_views_at_borders_are_what_has_a_gradient(network: str, mode: str):
    text = f"archbuilder: 1\ninput: [3, 16, 16]\nnetwork: [{network}]\n"
    if mode != "zeros":
        for word in ("conv: {", "strided: {", "dilated: {"):
            text = text.replace(word, f"{word}padding_mode: {mode}, ")
        text = text.replace("{strided: 8}", f"{{strided: {{out: 8, padding_mode: {mode}}}}}")
    report = archbuilder.check(text)
    assert report.graph and report.facts, report.diagnostics
    assert list(at_home(cut(report.graph, report.facts.value), report.facts)) == []


def test_what_lies_on_padding_inside_the_network_is_no_image():
    report = archbuilder.check(
        "archbuilder: 1\ninput: [1, 16, 16]\nclasses: 10\n"
        "network: [{strided: 8}, {strided: 8}, {dilated: 8}, gap, classifier]\n"
    )
    h, w = views(report.facts)
    assert h == w and (h.first, h.last, h.inside, h.touched, h.covers) == (0, 11, 12, 11, False)
    assert not report.diagnostics  # 11 of 12: one hole is no grid


def is_plain(op: Op) -> bool:
    """Whether a gradient of 0 means that a pixel is not read: no product, no norm over the map, zeros as padding."""
    other = isinstance(op, (ops.Multiply, ops.GroupNorm, ops.InstanceNorm2d))
    return not other and getattr(op, "mode", getattr(op, "padding_mode", "zeros")) == "zeros"


def test_unread_pixels_are_those_without_a_gradient():
    """In a network made linear with positive weights, of the sum of all units of the map."""
    counts = []
    for graph, facts in random_facts("unread", 200):
        head_off = cut(graph, facts.value)
        if facts.value == INPUT or not all(is_plain(node.op) for node in head_off.nodes.values()):
            continue
        x = torch.ones(1, *graph.input.dims, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(linear(head_off, at_home=True)(x).sum(), x)
        seen = gradient[0].ne(0).any(0)
        for found, pixels in zip(unread(facts), (seen.any(1), seen.any(0)), strict=True):
            assert found.pixels == int((~pixels).sum())
            assert found.end == len(pixels) - 1 - max(pixels.nonzero().flatten().tolist(), default=-1)
            counts.append(found.pixels)
    assert len(counts) > 120 and sum(count > 0 for count in counts) > 12


def test_what_a_stride_leaves_over():
    assert unread(facts_of("{conv: 8}"))[0] == (0, 0)
    assert unread(facts_of("{strided: {out: 8, padding: valid}}")) == ((1, 1), (1, 1))
    assert unread(facts_of("{pointwise: {out: 8, stride: [2, 1]}}")) == ((16, 1), (0, 0))
    # the conv before it reads into the last row, so none of the image is lost
    assert unread(facts_of("{conv: 8}, {strided: {out: 8, padding: valid}}"))[0] == (0, 0)
    assert unread(facts_of("{pointwise: {out: 8, stride: 2}}, {pointwise: {out: 8, stride: 2}}"))[1] == (24, 3)


@pytest.mark.parametrize(
    ("network", "side", "expected"),
    [
        # 3x3, stride 2, padding 1: units on 0, 2, ... 30; 14 is 1.5 away from the middle, 16 is 0.5
        ("{strided: 8}", 32, View(32, 16, 8, 0, 16, 15, 17, 3)),
        # 3x3, stride 2, no padding: 15 units from 1 to 29
        ("{strided: {out: 8, padding: valid}}", 32, View(32, 15, 7, 1, 15, 14, 16, 3)),
        # a window over all: one unit
        ("{conv: {out: 8, kernel: 32, padding: valid}}", 32, View(32, 1, 0, 15.5, 15.5, 0, 31, 32)),
        # padded beyond the image: it sees the whole and more
        ("{conv: {out: 8, kernel: 99}}", 32, View(32, 32, 15, 0, 15, 0, 31, 32)),
        # every third pixel
        ("{dilated: {out: 8, dilation: 3}}", 9, View(9, 9, 4, 0, 4, 1, 7, 3)),
        # the unit looks past the image
        ("{pointwise: {out: 8, padding: 40}}, {conv: {out: 8, kernel: 87, padding: valid}}", 8,
         View(8, 2, 0, 3, 3, 0, 7, 8)),
    ],
)  # fmt: skip
def test_by_hand(network: str, side: int, expected: View):
    report = archbuilder.check(f"archbuilder: 1\ninput: [3, {side}, {side}]\nnetwork: [{network}]\n")
    assert report.facts, report.diagnostics
    assert views(report.facts)[0] == expected


def test_of_two_units_as_near_the_first_is_the_middle_one():
    assert middle_unit(Axis(), 32, 32) == 15 and middle_unit(Axis(), 5, 5) == 2


def test_a_unit_beyond_the_image_sees_nothing_of_it():
    found = views(facts_of("{pointwise: {out: 8, padding: [40, 0, 0, 0]}}, {pointwise: {out: 8, stride: 100}}"))[0]
    assert (found.inside, found.touched, found.covers) == (0, 0, False)


def test_whole_counts_norms_and_gates_in():
    conv = "{conv: {out: 8, norm: none}}"
    assert whole(facts_of(conv)) == (3, 3)
    assert whole(facts_of("{conv: {out: 8, norm: group}}")) == (32, 32)
    assert whole(facts_of(f"{conv}, {{squeeze_excite: 4}}, {conv}")) == (32, 32)
    assert whole(facts_of("{conv: {out: 8, kernel: 41, norm: layer}}")) == (41, 41)
    # upsampling makes the field a bound; the gate before it is not forgotten
    assert whole(facts_of(f"{conv}, {{squeeze_excite: 4}}, {{upsample: 2}}, {conv}")) == (32, 32)
    bound = facts_of(f"{conv}, {{upsample: 2}}, {conv}")
    assert bound.field.status == "upper bound" and whole(bound) == bound.field.size


def test_whole_is_unknown_where_branches_do_not_meet():
    path = ROOT / "tests" / "networks" / "pratikiiitb2013.yaml"
    facts = archbuilder.check(path).facts
    assert facts.field.status == "unknown" and whole(facts) is None


def test_touched_pixels_are_those_of_the_walk():
    count = 0
    for graph, facts in random_facts("touched", 150):
        head_off = cut(graph, facts.value)
        for axis in (0, 1):
            sets = touched(facts, axis)
            if sets is None:
                continue
            found = sets[facts.value]
            pixels = {found.start + i for i in range(found.span) if found.bits >> i & 1}
            assert pixels == walk(head_off, axis, 0)
            assert found.pixels == len(pixels) and found.has_holes == (len(pixels) < found.span)
            count += 1
    assert count > 200


def test_three_dilated_convs_touch_7_of_13():
    dilated = "{dilated: 8}"
    found = touched(facts_of(", ".join([dilated] * 3)), 0)
    assert (found["dilated3.activation"].span, found["dilated3.activation"].pixels) == (13, 7)


def test_what_cannot_be_walked():
    conv = "{conv: 8}"
    assert touched(facts_of(f"{conv}, {{upsample: 2}}, {conv}, gap"), 0) is None
    assert touched(facts_of(f"{conv}, {{adaptive_avg_pool: 5}}, {conv}, gap"), 0) is None
    far = ", ".join(["{strided: 8}"] * 16)
    assert touched(facts_of(far), 0) is None
