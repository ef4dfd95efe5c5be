"""What is seen is walked back in the time that it takes to look at each layer once, whatever the layers."""

from __future__ import annotations

import time
from random import Random

import pytest

from archbuilder.analysis.visible_pixels import _shrunk
from archbuilder.pipeline import check
from archbuilder.reporting import text

SECONDS = 2.0  # of processor time; pixel by pixel these take a minute
LAYERS = {
    "enlarged and halved": "{max_pool: {kernel: 3, stride: 2, padding: 1}}, {upsample: 2}",
    "enlarged between pixels": "{avg_pool: {kernel: 2, stride: 2}}, {upsample: {factor: 2, mode: bilinear}}",
    "bins of unequal size": "{adaptive_avg_pool: 999}, {upsample: 2}",
    "padding that mirrors": "{conv: {out: 8, kernel: 999, padding: 499, padding_mode: reflect, order: conv}}",
}


@pytest.mark.parametrize("what", LAYERS)
def test_thousands_of_layers(what: str):
    blocks = f"{{repeat: {{times: 5000, blocks: [{LAYERS[what]}]}}}}"
    report = check(f"archbuilder: 1\ninput: [8, 9999, 9999]\nclasses: 3\nnetwork: [{blocks}, gap, classifier]\n")
    assert report.facts
    start = time.process_time()
    assert text.render(report)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("bilinear", [False, True])
def test_an_enlarged_side_is_made_of_the_pixels_of_each_unit(bilinear: bool):
    random = Random(0)
    for _ in range(3000):
        side, factor = random.randint(1, 12), random.randint(2, 7)
        units = random.getrandbits(side * factor) & random.getrandbits(side * factor)
        expected = 0
        for unit in (unit for unit in range(side * factor) if units >> unit & 1):
            before, rest = unit // factor, 0
            if bilinear:  # at (unit + 1/2) / factor - 1/2
                before, rest = divmod(max(0, 2 * unit + 1 - factor), 2 * factor)
            expected |= 1 << before | (2 << before if rest and before + 1 < side else 0)
        assert _shrunk(units, side, factor, bilinear) == expected
