"""Files that ask for more than any computer has: answered at once, by a diagnostic."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archbuilder.diagnostics import MORE
from archbuilder.document.ignores import UNKNOWN as UNFOLLOWED
from tests.cli.samples import MISSED, WARNED
from tests.document.test_bounds import BOMB
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
    "strides that multiply": (f"network: [{repeat(2000, '{strided: {out: 8, stride: 1000}}')}]", ["AB010", "AB211"]),
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
    "a body that does not merge": (
        "network: [{skip: {blocks: [{branches: {paths: [[{adaptive_avg_pool: [1, 8]}], [gap]]}}]}}]",
        ["AB305"],
    ),
    "a comment of a million words": (f"network: [gap]  # archbuilder: ignore {'a, ' * 1_000_000}", [UNFOLLOWED.id]),
    "a comment on every line": (
        "network: [gap]\n" + "".join(f"v{i}: 1  # archbuilder: ignore AB101\n" for i in range(40_000)),
        sorted(["AB010", "AB101", UNFOLLOWED.id, MORE.id]),
    ),
    "a base that is no path": ('extends: "a\\0b"\nnetwork: [gap]', ["AB009"]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files(what: str, tmp_path: Path):
    text, expected = HOSTILE[what]
    path = tmp_path / "case.yaml"
    path.write_text(f"{HEAD}{text}\n")
    codes, _, wrong = examine(path)  # which holds the time as well
    assert not wrong
    lints = {code for code in codes if "AB400" <= code < "AB490"}
    assert [code for code in codes if code not in lints] == expected


@pytest.mark.parametrize("root", ["x", "vars", "network.0", "data", "limits.params", "define.a.blocks", "extends"])
@pytest.mark.parametrize("depth", [90, 3_000, 60_000])
def test_overrides_that_nest_without_end(root: str, depth: int, tmp_path: Path):
    path = tmp_path / "case.yaml"
    path.write_text(f"{HEAD}network: [gap]\n")
    codes, _, wrong = examine(path, (f"{root}{'.a' * depth}=1",))
    assert not wrong
    assert (codes == ["AB901"]) >= (depth > 100)


@pytest.mark.parametrize(
    "words", ["check", "check -q --suggest", "check -q --fix", "check --format concise", "compare"]
)
def test_a_name_of_a_file_does_not_steer_the_terminal(words: str, program: Any, files: Path):
    name = "x\x1b[31my.yaml"
    for text in (WARNED, MISSED):  # one that can be mended, one that cannot
        Path(name).write_text(text)
        shown = program(*words.split(), name, *([name] if words == "compare" else []))
        assert "x\\u001b[31my.yaml" in shown.out and "\x1b" not in shown.out + shown.err


# what -> (text of a file, the code it is answered with)
WHOLE: dict[str, tuple[str, str]] = {
    "alias bomb": (BOMB, "AB007"),
    "200,000 brackets": ("[" * 200_000, "AB007"),
    "200,000 closed brackets": ("[" * 200_000 + "]" * 200_000, "AB007"),
    "200,000 braces": ("{a: " * 200_000, "AB007"),
    "200,000 dashes": ("- " * 200_000, "AB007"),
    "huge repeats": (f"{HEAD}network: [{repeats(8, '{conv: 16}')}]", "AB201"),
    "a huge repeat of a mistake": (f"{HEAD}network: [{repeat(1_000_000, '{conv: {out: 16, groups: 5}}')}]", "AB201"),
    "enormous integers": (f"{HEAD}network: [{{conv: {'9' * 300}}}]", "AB103"),
    "a million digits": (f"{HEAD}network: [{{conv: {'9' * 1_000_000}}}]", "AB007"),
    "NaN": (f"{HEAD}network: [{{dropout: .nan}}]", "AB103"),
    "control characters": (f"{HEAD}network: [gap]  # \x07\x1b[2J", "AB003"),
    "hidden control characters": (f'{HEAD}network: ["\\x07\\e[2J"]', "AB101"),
    "bidirectional text": (f"{HEAD}network: [gap]  # \u202e", "AB003"),
    "hidden bidirectional text": (f'{HEAD}network: ["\\u202egap"]', "AB101"),
    "a full file of findings": (f"{HEAD}network:\n" + "- what\n" * 30_000, "AB010"),
    "a full file of values": (f"{HEAD}network: [{'x, ' * 1_300_000}]", "AB007"),
}
SECONDS, MEGABYTES = 1.0, 200.0

# the program, and then what it has used: its own processor time and the most memory it ever had
PROGRAM = """
import re, sys, time
from archbuilder.cli import main
status = main(sys.argv[1:])
peak = re.search("VmHWM:\\s*([0-9]+) kB", open("/proc/self/status").read())[1]
sys.exit(f"used {time.process_time()} s, {int(peak) / 1000} MB, status {status}")
"""


def used(path: Path | str, environment: dict[str, str]) -> tuple[str, float, float]:
    """(what `archbuilder check` prints, its seconds, its megabytes) as a process of its own."""
    words = [sys.executable, "-c", PROGRAM, "check", str(path)]
    with Path(os.devnull if path != "-" else "/dev/zero").open("rb") as stdin:
        result = subprocess.run(words, env=environment, stdin=stdin, capture_output=True, text=True, timeout=60)
    found = re.search(r"used (.*) s, (.*) MB, status ([12])$", result.stderr)
    assert found, result.stderr
    return result.stdout + result.stderr, float(found[1]), float(found[2])


def assert_answered(path: Path | str, code: str, environment: dict[str, str]) -> None:
    for _ in range(3):  # a busy machine may be slow
        shown, seconds, megabytes = used(path, environment)
        if seconds < SECONDS:
            break
    assert f": {code} " in shown
    assert "Traceback" not in shown and not re.search("[\x07\x1b\u202e]", shown)
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
class TestAWholeProcess:
    """Within a second and 200 MB, the start of Python included."""

    @pytest.mark.parametrize("what", WHOLE)
    def test_answers(self, what: str, tmp_path: Path, environment: dict[str, str]):
        text, code = WHOLE[what]
        path = tmp_path / "case.yaml"
        path.write_text(text)
        assert_answered(path, code, environment)

    def test_a_file_of_a_gigabyte(self, tmp_path: Path, environment: dict[str, str]):
        path = tmp_path / "huge.yaml"
        with path.open("wb") as stream:
            stream.truncate(2**30)  # sparse: it takes no room on the disk
        assert_answered(path, "AB007", environment)

    def test_a_fifo(self, tmp_path: Path, environment: dict[str, str]):
        os.mkfifo(tmp_path / "fifo.yaml")
        assert_answered(tmp_path / "fifo.yaml", "AB001", environment)

    def test_an_endless_standard_input(self, environment: dict[str, str]):
        assert_answered("-", "AB007", environment)

    def test_an_endless_device(self, environment: dict[str, str]):
        assert_answered("/dev/zero", "AB001", environment)
