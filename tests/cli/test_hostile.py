"""Files that ask for more than any computer has: answered at once, by a diagnostic."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz_check import examine

HEAD = "archbuilder: 1\ninput: [16, 32, 32]\n"


def repeat(times: int, *blocks: str) -> str:
    return f"{{repeat: {{times: {times}, blocks: [{', '.join(blocks)}]}}}}"


def repeats(depth: int, block: str) -> str:
    """A thousand times a thousand times ... of a block."""
    for _ in range(depth):
        block = repeat(1000, block)
    return block


# what -> (text from line 3 on, the codes it is answered with)
HOSTILE: dict[str, tuple[str, list[str]]] = {
    "huge repeat": (f"network: [{repeat(1_000_000, '{conv: 16}')}]", ["AB201"]),
    "nested repeats": (f"network: [{repeats(8, '{conv: 16}')}]", ["AB201"]),
    "nested repeats of nothing": (f"network: [{repeats(8, '{norm: none}')}]", ["AB201"]),
    "repeat after a mistake": (
        f"network: [{{conv: {{out: 8, kernel: 99, padding: valid}}}}, {repeats(8, '{conv: 16}')}]",
        ["AB201", "AB302"],
    ),
    "a mistake repeated": (f"network: [{repeats(8, '{conv: {out: 16, groups: 5}}')}]", ["AB201", "AB301"]),
    "unknown blocks": ("network:\n" + "- what\n" * 15_000, ["AB010", "AB101"]),
    "a long file of few findings": ("network:\n" + "- what\n" * 99 + "# x\n" * 900_000, ["AB101"]),
    "unknown fields": ("network: [gap]\n" + "".join(f"field{i}: 1\n" for i in range(15_000)), ["AB010", "AB101"]),
    "unknown variables": (
        "vars: {" + ", ".join(f"v{i}: {i}" for i in range(5_000)) + "}\nnetwork:\n" + "- conv: w\n" * 5_000,
        ["AB010", "AB103"],
    ),
    "bad variables": (
        "vars: {" + ", ".join(f"v{i}: w" for i in range(15_000)) + "}\nnetwork: [gap]",
        ["AB010", "AB103"],
    ),
    "many variables in a chain": (
        "vars: {v0: 1, " + ", ".join(f"v{i}: v{i - 1} + 1" for i in range(1, 15_000)) + "}\nnetwork: [{conv: v14999}]",
        [],
    ),
    "unknown limits": ("limits:\n" + "".join(f"  x{i}: '< 5'\n" for i in range(15_000)) + "network: [gap]", ["AB501"]),
    "keys twice": ("network: [gap]\n" * 15_000, ["AB005", "AB010"]),
    "a long name": (f"network: [{{conv: {{out: 16, name: {'n' * 1_000_000}}}}}]", ["AB103"]),
    "a long unknown block": (f"network: [{'b' * 1_000_000}]", ["AB101"]),
    "a long unknown field": ("network: [gap]\n? " + "f" * 1_000_000 + "\n: 1", ["AB101"]),
    "a long expression": (f"network: [{{conv: {'1 + ' * 200_000}1}}]", ["AB103"]),
    "a long limit": (f"limits: {{params: '< {'9' * 1_000_000}'}}\nnetwork: [gap]", ["AB501"]),
    "a long literal": (f"network: [{{conv: {{out: 8, activation: {'relu' * 200_000}}}}}]", ["AB103"]),
    "a list for a number": (f"network: [{{conv: [{'1, ' * 30_000}]}}]", ["AB103"]),
    "enormous integers": (
        f"classes: {'9' * 300}\nnetwork: [{{conv: {{out: {'9' * 300}, kernel: -{'9' * 200}, dropout: {'1' * 300}}}}}]",
        ["AB103"],
    ),
    "enormous sizes": (
        "network: [{conv: {out: 1000000, kernel: 1000, dilation: 1000, padding: 1000}}]",
        ["AB302"],
    ),
    "channels that multiply": (f"network: [{repeat(1000, '{depthwise: {multiplier: 1000000}}')}]", ["AB210"]),
    "sides that multiply": (f"network: [{repeat(1000, '{upsample: 100}')}, {{strided: 8}}]", ["AB210"]),
    "sides that grow": (f"network: [{repeat(1000, '{conv: {out: 8, padding: 1000}}')}, {{strided: 8}}]", ["AB210"]),
    "branches that multiply": (f"network: [{repeat(1000, '{branches: {paths: [[], [], []]}}')}]", ["AB210"]),
    "unequal branches that multiply": (
        f"network: [{repeat(1000, '{branches: {paths: [[], [], [{strided: 8}]]}}')}]",
        ["AB210", "AB305"],
    ),
    "strides that multiply": (f"network: [{repeat(2000, '{strided: {out: 8, stride: 1000}}')}]", ["AB211"]),
    "strides that divide": (
        f"network: [gap, {repeat(2000, '{upsample: 3}', '{max_pool: {kernel: 3, stride: 2}}')}]",
        ["AB211"],
    ),
    "fields that grow": (f"network: [{repeat(20, '{conv: {out: 8, kernel: 999, stride: 999}}')}]", ["AB211"]),
    "a wide window": ("network: [{conv: {out: 16, kernel: 1000, padding: 1000}}, {max_pool: 1000}]", []),
    "no numbers": (
        "network: [{norm: {eps: .nan, momentum: .inf}}, {dropout: .nan}, {activation: {slope: .nan}}]",
        ["AB103"],
    ),
    "hidden direction": ('network: ["\\u202egap"]', ["AB101"]),
    "shown direction": ("network: [\u202egap]", ["AB003"]),
    "code": ("network: [{conv: '__import__(\"os\").abort()'}]\nvars: !!python/object/apply:os.abort []", ["AB008"]),
    "its own base": ("extends: case.yaml\nnetwork: [gap]", ["AB009"]),
    "an endless base": ("extends: /dev/zero\nnetwork: [gap]", ["AB009"]),
    "a base that is no path": ('extends: "a\\0b"\nnetwork: [gap]', ["AB009"]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files(what: str, tmp_path: Path):
    text, expected = HOSTILE[what]
    path = tmp_path / "case.yaml"
    path.write_text(f"{HEAD}{text}\n")
    codes, _, wrong = examine(path)  # which holds the time as well
    assert not wrong
    assert [code for code in codes if code < "AB400" or code >= "AB500"] == expected
