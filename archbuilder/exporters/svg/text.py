"""Text in a drawing: its approximate width, and the lines of a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from archbuilder.exporters.diagram import Block

NARROW, WIDE = set("fijlrtI.,:;|!'()[] "), set("mwMWNOQGDCH@%")
NARROWEST, WIDEST = 190.0, 330.0  # of a card
PADDING = 14.0
HEAD, LINE = 19.0, 15.0  # heights
TITLE_SIZE, TEXT_SIZE, NOTE_SIZE = 13.0, 11.5, 11.0


@lru_cache(maxsize=4096)  # the same words occur in many blocks
def width(text: str, size: float, bold: bool = False) -> float:
    """The approximate width of a text in a usual sans-serif font, rather too wide than too narrow."""
    ems = sum(0.32 if c in NARROW else 0.88 if c in WIDE else 0.6 for c in text)
    return ems * size * (1.06 if bold else 1.0)


@dataclass(frozen=True)
class Card:
    """A block as a card: a title, its cost at the right, and lines of text."""

    title: str
    cost: str
    lines: tuple[str, ...]
    width: float
    end: bool = False

    @property
    def height(self) -> float:
        return 2 * 9.0 + HEAD + LINE * len(self.lines)


def cards(drawn: Iterable[Block]) -> dict[int, Card]:
    """The card of each block except merges, by its id; all have the same width, except the first and the last."""
    made = {id(block): _card(block) for block in drawn if not block.symbol}
    widest = max((card.width for card in made.values()), default=NARROWEST)
    return {key: card if card.end else replace(card, width=widest) for key, card in made.items()}


def _card(block: Block) -> Card:
    if block.kind == "end":
        return Card(block.title, "", block.text, max(120.0, width(block.text[0], TEXT_SIZE) + 4 * PADDING), end=True)
    cost = f"{block.params:,}" if block.params else ""
    title = shortened(block.title, WIDEST - 3 * PADDING - width(cost, TEXT_SIZE))
    lines = tuple(wrapped(block.text, WIDEST - 2 * PADDING)) if block.text != (block.title,) else ()
    head = width(title, TITLE_SIZE, bold=True) + width(cost, TEXT_SIZE) + PADDING * bool(cost)
    needed = max([head, *(width(line, TEXT_SIZE) for line in lines)]) + 2 * PADDING
    return Card(title, cost, lines, min(max(needed, NARROWEST), WIDEST))


def wrapped(words: tuple[str, ...], limit: float) -> Iterator[str]:
    """Words joined by commas, in lines of a limited width."""
    line = ""
    for number, word in enumerate(words):
        piece = word + "," * (number < len(words) - 1)
        if line and width(f"{line} {piece}", TEXT_SIZE) > limit:
            yield line
            line = ""
        line = f"{line} {shortened(piece, limit)}".lstrip()
    yield line


def shortened(text: str, limit: float) -> str:
    """A path without its beginning if it is too wide: the end says more."""
    if width(text, TITLE_SIZE, bold=True) <= limit:
        return text
    while text and width(f"…{text}", TITLE_SIZE, bold=True) > limit:
        text = text[1:]
    return f"…{text}"
