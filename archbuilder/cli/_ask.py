"""Questions on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from archbuilder.diagnostics import ArchbuilderError, Span, declare

ENDED = declare(
    "AB923",
    "the end of the input instead of an answer",
    exit_status=2,
    why=(
        "On a terminal, `init` asks for what is not given as an option. The input ended before the answer, for example "
        "by Ctrl-D."
    ),
    bad="$ archbuilder init  # and Ctrl-D",
    good="$ archbuilder init first.yaml --rules mcu --params 20k --input 3x32x32 --classes 10 --name first",
)

T = TypeVar("T")


def can_ask() -> bool:
    """Whether a person is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str, default: str, read: Callable[[str], T]) -> T:
    """The answer to a question, parsed by `read`; an empty answer is the default. Asks again after a ValueError."""
    while True:
        try:
            text = input(f"{question} [{default}]: ").strip()
        except EOFError:
            raise ArchbuilderError(ENDED.at(Span("standard input"), "there is no answer", "use the options")) from None
        try:
            return read(text or default)
        except ValueError as error:
            print(f"  {error}")
