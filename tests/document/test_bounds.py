"""What a hostile or mistaken text costs: a diagnostic within a second and little memory."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.parser import MAX_DEPTH, MAX_NODES, parse
from archbuilder.document.text import MAX_BYTES, read_text

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{', '.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)

HANGS = 5  # seconds of processor time: each takes under one on a quiet machine, a mistake here takes minutes

# what -> (text, code)
HOSTILE = {
    "brackets": ("[" * 200_000, "AB007"),
    "braces": ("{a: " * 200_000, "AB007"),
    "dashes": ("- " * 200_000, "AB007"),
    "question marks": ("? " * 200_000, "AB007"),
    "indentation": ("".join(" " * level + "a:\n" for level in range(1000)), "AB007"),
    "closed brackets": ("[" * 5000 + "]" * 5000, "AB007"),
    "alias bomb": (BOMB, "AB007"),
    "merge bomb": ("b: &b {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\nu:\n" + "  <<: *b\n" * 1000, "AB007"),
    "depth by aliases": ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 2000)), "AB007"),
    "many values": ("[" + "x, " * (MAX_NODES + 1) + "]", "AB007"),
    "many directives": ("".join(f"%TAG !{i}! tag:x\n" for i in range(200_000)) + "--- a\n", "AB007"),
    "digits": ("a: " + "1" * 1_000_000, "AB007"),
    "hexadecimal digits": ("a: 0x" + "f" * 1_000_000, "AB007"),
    "long key": ("? " + "k" * 1_000_000 + "\n: 1\n: 2\n", "AB003"),
    "control character at the end": ("a: 1\n" * 100_000 + "\0", "AB003"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_each_is_refused_without_a_hang(what: str, refuse: Any):
    text, code = HOSTILE[what]
    start = time.process_time()
    diagnostic = refuse(text)
    assert diagnostic.code.id == code
    assert len(str(diagnostic)) < 3000
    assert time.process_time() - start < HANGS


def test_a_place_of_every_bound(refuse: Any):
    assert str(refuse("a:\n  " + "[" * (MAX_DEPTH + 1)).span) == f"net.yaml:2:{2 + MAX_DEPTH}"
    assert str(refuse("a: 1\nb: " + "9" * 301).span) == "net.yaml:2:4"
    assert refuse(BOMB).span.line == 6  # 9^6 values


def test_what_lies_within_the_bounds_is_read():
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).root.plain()
    assert parse("a: " + "9" * 300 + "\n").root.plain()["a"] == 10**300 - 1
    assert len(parse("[" + "x, " * (MAX_NODES - 1) + "]").root.plain()) == MAX_NODES - 1
    assert len(parse("- x: &x [1, 2]\n" + "- *x\n" * 1000).root.plain()) == 1001


def test_memory():
    """A full text of values costs some tens of megabytes; ru_maxrss only ever grows, so this is an upper bound."""
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    with pytest.raises(ArchbuilderError):
        parse("[" + "x, " * (MAX_BYTES // 3) + "]")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert after - before < 150 * 2**20


def test_a_file_of_a_gigabyte(tmp_path: Any):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(2**30)  # sparse: it takes no room on the disk
    start = time.process_time()
    with pytest.raises(ArchbuilderError) as caught:
        read_text(path)
    assert caught.value.diagnostics[0].code.id == "AB007"
    assert time.process_time() - start < HANGS
