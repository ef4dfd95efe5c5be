"""Texts spoilt as texts: bytes, lines, words, nesting; most of what comes out is no YAML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.spoiling.seeds import ODD, corpus, example, words

Spoil = Callable[[Random, bytes], bytes]


def _bytes(random: Random, data: bytes) -> bytes:
    """A byte changed, put in or taken out."""
    at = random.randrange(len(data) + 1)
    new = random.choice(
        [bytes([random.randrange(256)]), random.choice([b":", b" ", b"-", b"[", b"{", b"\n", b"\t", b"#"])]
    )
    return data[:at] + random.choice([new, b""]) + data[at + random.randrange(2) :]


def _lines(random: Random, data: bytes) -> bytes:
    """A line taken out, doubled, moved, indented, or glued to the next."""
    lines = data.splitlines(keepends=True) or [b"\n"]
    at = random.randrange(len(lines))
    line = lines.pop(at)
    there = random.randrange(len(lines) + 1)
    again = [(at, b"  " + line), (at, line[1:]), (at, line.rstrip(b"\n")), (there, line)]
    for position, new in random.choice([[], [(at, line), (at, line)], *([item] for item in again)]):
        lines.insert(position, new)
    return b"".join(lines)


def _comment(random: Random, data: bytes) -> bytes:
    """A comment, also one that switches findings off, behind a line."""
    lines = data.splitlines() or [b""]
    at = random.randrange(len(lines))
    lines[at] += b"  " + random.choice([word for word in ODD if word.startswith("#")]).encode()
    return b"\n".join(lines) + b"\n"


def _pieces(data: bytes) -> list[tuple[int, int]]:
    """Begin and end of every word and number in a text."""
    found, start = [], None
    for position, byte in enumerate(data + b" "):
        inside = chr(byte).isalnum() or byte in b"_.*<>+"
        if inside and start is None:
            start = position
        elif not inside and start is not None:
            found.append((start, position))
            start = None
    return found


def _replace(random: Random, data: bytes, news: Sequence[str]) -> bytes:
    pieces = _pieces(data) or [(0, 0)]
    start, end = random.choice(pieces)
    return data[:start] + random.choice(news).encode() + data[end:]


def _values(random: Random, data: bytes) -> bytes:
    """A word or number replaced by an odd value."""
    return _replace(random, data, ODD)


def _names(random: Random, data: bytes) -> bytes:
    """A word or number replaced by another word of the language."""
    return _replace(random, data, words())


def _swap(random: Random, data: bytes) -> bytes:
    """A word or number replaced by another one of the same file."""
    start, end = random.choice(_pieces(data) or [(0, 0)])
    return _replace(random, data, [data[start:end].decode("utf-8", "replace")])


def _nest(random: Random, data: bytes) -> bytes:
    """A word wrapped in collections, or a long chain of them put in."""
    start, end = random.choice(_pieces(data) or [(0, 0)])
    left, right = random.choice([(b"[", b"]"), (b"{a: ", b"}"), (b"[{stage: {blocks: [", b"]}}]"), (b"- ", b"")])
    depth = random.choice([1, 2, 5, 50, 200])
    return data[:start] + left * depth + data[start:end] + right * depth + data[end:]


def _blocks(random: Random, data: bytes) -> bytes:
    """An example of a block put before a block, or a rejected one."""
    lines = data.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.lstrip().startswith(b"- ")] or [0]
    at = random.choice(places)
    indent = b" " * (len(lines[at]) - len(lines[at].lstrip())) if lines else b""
    text = example(random)
    new = [indent + (line if line.startswith("- ") else f"- {line}").encode() + b"\n" for line in text.splitlines()]
    return b"".join(lines[:at] + new + lines[at:])


def _splice(random: Random, data: bytes) -> bytes:
    """The head of one file and the tail of another."""
    other = random.choice(corpus())
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other)) :]


SPOILS: list[Spoil] = [_bytes, _lines, _comment, _values, _values, _values, _names, _swap, _nest, _blocks, _splice]
