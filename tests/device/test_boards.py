"""Packs of boards: what each allows, with its source, and which of MLPerf Tiny's references fit it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archbuilder import check, check_text
from archbuilder.rules.packs import pack

BOARDS = {  # KiB of flash and of RAM, as the vendor says
    "nano-esp32": (16 * 1024, 512),
    "nano33-ble": (1024, 256),
    "pico": (2048, 264),
    "portenta-c33": (2048, 512),
    "uno-r4": (256, 32),
}
FITS = {"mlperf_tiny_kws": 5 * [True], "mlperf_tiny_resnet8": [True, True, True, True, False]}


@pytest.mark.parametrize("name", BOARDS)
def test_half_of_the_flash_and_three_quarters_of_the_ram(name: str):
    found = pack.built_in(name)
    flash, memory, runs_on = found.rules
    assert [rule.title for rule in found.rules] == ["flash", "arena_total", "runs_on"] and runs_on.limit is None
    assert flash.limit and memory.limit and flash.limit.dtype == "int8"
    bounds, (whole, ram) = (flash.limit.bound, memory.limit.bound), BOARDS[name]
    share = 1 / 4 if name == "nano-esp32" else 1 / 2  # of a flash that is beside the chip
    assert bounds == (whole * 1024 * share, ram * 1024 * 3 / 4)
    text = (Path(pack.__file__).parent / f"{name}.yaml").read_text()
    assert re.match(r"# Source: (Arduino|Raspberry Pi)'s ", text)


@pytest.mark.parametrize("network", FITS)
def test_what_fits(network: str):
    file = f"architectures/known/{network}.yaml"
    assert [check(file, rules=[name]).ok for name in BOARDS] == FITS[network]


def test_a_layer_without_a_kernel_is_told_at_its_line_by_both_rules():
    text = "archbuilder: 1\ninput: [3, 8, 8]\nnetwork:\n  - conv: 4\n  - activation: gelu\n"
    found = check_text(text, rules=["pico"]).errors
    assert [(d.code.id, d.span.line) for d in found] == [("AB512", 5), ("AB514", 5)]
