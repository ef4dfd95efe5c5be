"""Which map a limit on the receptive field is about: worked out by hand, and the limits that follow from it."""

from __future__ import annotations

import pytest

from archbuilder.pipeline import Report, check

HEAD = "archbuilder: 1\ninput: [3, 32, 32]\n"
# dilated convs beside what the whole map looks like; Chen et al., Rethinking Atrous Convolution, 2017
ASPP = (
    "{branches: {paths: [[{pointwise: 8}], [{dilated: {out: 8, dilation: 6}}], [gap, {pointwise: 8}, {upsample: 16}]]}}"
)
STEM = "{conv: 8}, {strided: 8}"  # sees 5 pixels, 16x16

# network -> the side of the field in pixels, and what it is of
FIELDS = {
    # a pool in the middle is none at the end
    f"{STEM}, {{avg_pool: 2}}, {{conv: 8}}, {{conv: 8}}": (23, "conv3"),
    f"{STEM}, {{avg_pool: 2}}, {{conv: 8}}, flatten, {{linear: 4}}": (15, "conv2"),
    f"{STEM}, {{adaptive_avg_pool: 8}}, {{conv: 8}}, {{conv: 8}}, gap": (23, "conv3"),
    f"{STEM}, {{avg_pool: 2}}, {{max_pool: 2}}": (11, "max_pool"),
    # at the end it is, whatever follows that looks at single pixels, or at all that is left
    f"{STEM}, {{avg_pool: 2}}, {{pointwise: 8}}, {{max_pool: 1}}": (5, "strided"),
    f"{STEM}, {{avg_pool: 2}}, {{pointwise: 8}}, flatten, {{linear: 4}}": (5, "strided"),
    f"{STEM}, {{avg_pool: 2}}, {{avg_pool: 2}}, flatten": (7, "avg_pool"),
    f"{STEM}, {{avg_pool: 8}}, {{conv: {{out: 4, kernel: 2, padding: valid}}}}": (5, "strided"),
    # a global pool on one path of several ends no map
    f"{STEM}, {ASPP}, {{conv: 8}}, gap": (69, "conv2"),
    f"{STEM}, {ASPP}, {{pointwise: 8}}, flatten, {{linear: 4}}": (65, "pointwise"),
    f"{STEM}, {{branches: {{paths: [[gap], [{{conv: 8}}, {{conv: {{out: 8, kernel: 16, padding: valid}}}}]]}}}}": (
        39,
        "branches.concat",
    ),
    # but where every path has one
    f"{STEM}, {{branches: {{paths: [[gap], [{{adaptive_max_pool: 1}}]]}}}}, classifier": (5, "strided"),
    "{conv: {name: a, out: 8}}, {branches: {paths: [[{strided: 8}, {conv: 8}, gap], [gap]]}}": (
        9,
        "branches.path1.conv",
    ),
    "{conv: 8}, {branches: {paths: [[gap], [{strided: 8}, gap]]}}": (5, "branches.path2.strided"),
    # of several the first; one pixel, or a window over it, is nothing new
    f"{STEM}, gap, {{conv: 8}}, {{conv: 8}}, gap, classifier": (5, "strided"),
    f"{STEM}, gap, {{upsample: 8}}, {{conv: 8}}, gap": (5, "strided"),
    f"{STEM}, {{avg_pool: 16}}, {{pointwise: 8}}": (5, "strided"),
    # a gate's pool ends nothing
    f"{STEM}, squeeze_excite, {{conv: 8}}, flatten": (9, "conv2"),
    "squeeze_excite, {conv: 8}, gap": (3, "conv"),
    # no pool at all: the last map, on the path that sees most
    f"{STEM}, flatten, {{linear: 4}}": (5, "strided"),
    f"{STEM}, {{branches: {{paths: [[{{conv: 8}}, flatten], [flatten]]}}}}, {{linear: 4}}": (9, "branches.path1.conv"),
    "flatten": (1, "input"),
}  # fmt: skip


def network(blocks: str, limit: str = "> 0") -> Report:
    classes = "classes: 10\n" if "classifier" in blocks else ""
    return check(f'{HEAD}{classes}limits: {{receptive_field: "{limit}"}}\nnetwork: [{blocks}]\n')


@pytest.mark.parametrize("blocks", FIELDS)
def test_the_map_that_a_limit_is_about(blocks: str):
    facts = network(blocks).facts
    assert facts is not None
    side, path = FIELDS[blocks]
    assert (facts.value.removesuffix(".activation"), facts.field.size) == (path, (side, side))


@pytest.mark.parametrize("blocks", FIELDS)
def test_a_limit_is_held_against_that_map(blocks: str):
    side, _ = FIELDS[blocks]
    for limit, ok in ((f"= {side}", True), (f"> {side}", False), (f"< {side}", False)):
        (measured,) = network(blocks, limit).limits
        assert (measured.value, measured.ok) == (side, ok)
