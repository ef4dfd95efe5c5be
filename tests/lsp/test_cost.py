"""A text twice as long takes twice as long: what is typed while a file is half written may be anything."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from archbuilder.live.editing.completion import complete

HEAD = "archbuilder: 1\ninput: [3, 32, 32]\nnetwork: "
SIZE = 8_000
SECONDS = 1.0  # of processor time, with the next twice the size; what is quadratic takes several

TEXTS: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "[" * n,
    "closed brackets": lambda n: "[" * n + "]" * n,
    "braces": lambda n: "{a: " * n,
    "dashes": lambda n: f"{HEAD}\n" + "- " * n,
    "pairs in brackets": lambda n: "[" + "a: [b: " * n,
    "indentation": lambda n: "".join(" " * level + "a:\n" for level in range(n // 8)),
    "blanks in a key": lambda n: f"{HEAD}\n  x{' ' * n}y",
    "blanks and tabs": lambda n: "x" + " \t" * n,
    "a long word": lambda n: "a" * n + "!",
    "quotes": lambda n: "[" + "'a\"b" * n,
    "escapes in a text without an end": lambda n: '["' + '\\"' * n,
    "keys": lambda n: "".join(f"k{number}: 1\n" for number in range(n)),
    "blocks": lambda n: f"{HEAD}\n" + "  - conv: 1\n" * n,
}


@pytest.mark.parametrize("what", TEXTS)
def test_completion(what: str):
    def seconds(size: int) -> float:
        text = TEXTS[what](size)
        start = time.process_time()
        complete(text, len(text))
        return time.process_time() - start

    seconds(10)  # the vocabulary is read once
    assert seconds(2 * SIZE) < SECONDS
