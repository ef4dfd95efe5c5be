"""The edits that can be tried on a network: every file in this folder is a kind of edit.

A file defines `moves(context)`, which yields a `Move` for every place where the edit can be made. A move states which
totals it increases or decreases, so that only helpful ones are tried; its real effect is measured by checking the
edited text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, ParamSpec

from archbuilder.analysis.facts import Facts
from archbuilder.remedies.anchors import Anchor, anchors_of, elsewhere
from archbuilder.remedies.edits import Patches, Source
from archbuilder.remedies.sites import Site, Variable
from archbuilder.remedies.writing import Unwritable

if TYPE_CHECKING:
    from archbuilder.rules.packs.network import Network
    from archbuilder.rules.packs.rule import Rule  # imported only if a pack is used

P = ParamSpec("P")

Needs = frozenset[tuple[str, int]]  # a quantity, and +1 if it must grow, -1 if it must shrink

WEIGHTS = frozenset({"params", "trainable_params", "flash"})
WORK = frozenset({"macs"})
MEMORY = frozenset({"peak_activations", "training_activations", "arena", "arena_total"})
FIELD = frozenset({"receptive_field"})
LAYERS = frozenset({"layers"})
ALL = WEIGHTS | WORK | MEMORY | LAYERS | FIELD


@dataclass(frozen=True)
class Move:
    """One edit of a network.

    `places` are the offsets of the blocks that it changes; two moves with a common place exclude each other. `form`
    means that it changes the kinds of layers, not only their sizes, as some rules require. Moves with the same `ladder`
    differ only in strength, in the order of `step`; after the first sufficient one, the others are not tried. `old` and
    `value` are the number before and after, and `at` makes the move for another number.
    """

    kind: str
    title: str
    patches: Patches
    places: frozenset[int]
    raises: frozenset[str] = frozenset()
    lowers: frozenset[str] = frozenset()
    form: bool = False
    count: int = 1
    ladder: str = ""
    step: float = 0
    value: int = 0
    old: int = 0
    at: Callable[[int], Move | None] | None = field(default=None, compare=False)

    def helps(self, needs: Needs, forms: bool) -> bool:
        """Whether it changes a needed quantity in the right direction, or may satisfy a rule about layers."""
        if forms and self.form:
            return True
        return any(name in (self.raises if sign > 0 else self.lowers) for name, sign in needs)


@dataclass(frozen=True)
class Context:
    """A network and the places where it can be changed; its field is too small by `field_missing` pixels.

    `rules` are those of its packs; `network` is the network as rules see it, None if there are no rules."""

    source: Source
    facts: Facts
    sites: tuple[Site, ...]
    variables: tuple[Variable, ...]
    field_missing: int = 0
    rules: tuple[Rule, ...] = ()
    network: Network | None = None


@cache
def _kinds() -> tuple[Callable[[Context], Iterable[Move]], ...]:
    names = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    return tuple(import_module(f"{__name__}.{name}").moves for name in names)


def all_moves(context: Context) -> list[Move]:
    """All moves, ordered by kind, then by their place in the file."""
    anchors = anchors_of(context.source)
    found = (move for kind in _kinds() for move in kind(context))
    return [_told(move, context.source, anchors) for move in found] if anchors else list(found)


def _told(move: Move, source: Source, anchors: Sequence[Anchor]) -> Move:
    """The move, with a title that names every place it changes."""
    more, at = elsewhere(source, anchors, move.patches), move.at
    if not more:
        return move
    other = (lambda value: (made := at(value)) and _told(made, source, anchors)) if at else None
    return replace(move, title=move.title + more, at=other)


def written(write: Callable[P, Patches], *args: P.args, **kwargs: P.kwargs) -> Patches | None:
    """The patches of a change, None if the block's form in the file has no place for it."""
    try:
        return write(*args, **kwargs) or None
    except Unwritable:
        return None


def conv_sites(context: Context) -> Iterator[Site]:
    """The blocks of the conv family with a window."""
    return (site for site in context.sites if site.conv and max(site.conv.kernel) > 1)
