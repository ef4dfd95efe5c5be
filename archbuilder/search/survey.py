"""A sample of a space: how much of it is valid, what excludes the rest, and the range of its totals."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.reporting.text import human
from archbuilder.rules.limits import FIELD
from archbuilder.search.judge import Judge, Verdict
from archbuilder.spec.space import Choice, Pick, Space

SAMPLES = 1_000
SHOWN = 5  # options, reasons
BANDS = 4  # parts into which a range with many numbers is divided

NOTHING = declare(
    "AB564",
    "a space without a valid candidate",
    why=(
        "Every candidate that was judged misses a limit or a rule, so there is nothing to train. The message says "
        "which limit excludes most candidates, and the hint describes the candidate that came closest."
    ),
    bad="$ archbuilder search net.yaml --dry-run --set 'space={train.seed: [0, 1]}' --set 'limits.params=\"< 9\"'",
    good="$ archbuilder search net.yaml --dry-run --set 'space={train.seed: [0, 1]}'",
)


def draw(space: Space, random: Random) -> tuple[Pick, ...]:
    """A random candidate; all options have the same probability."""
    shares = [random.random() for _ in space.choices]
    return tuple(
        choice.range.at(share) if choice.range else int(share * len(choice.options))
        for choice, share in zip(space.choices, shares, strict=True)
    )


def every(space: Space) -> Iterator[tuple[Pick, ...]]:
    """Every candidate of a finite space, the last choice changing fastest."""
    return product(*[picks_of(choice) for choice in space.choices])


def picks_of(choice: Choice) -> Sequence[Pick]:
    """All picks of a finite choice."""
    if choice.range is None:
        return range(len(choice.options))
    found, step = choice.range, choice.range.step or 1
    return [found.nearest(found.first + number * step) for number in range(found.count or 0)]


@dataclass(frozen=True)
class Survey:
    """A judged sample; `whole` if it is the complete space."""

    space: Space
    verdicts: tuple[Verdict, ...]
    whole: bool
    seed: int

    @property
    def held(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.ok]

    def reasons(self) -> list[tuple[str, int]]:
        """The reasons for exclusion with their counts, the most frequent first."""
        found = Counter(reason for verdict in self.verdicts for reason in verdict.reasons)
        return found.most_common()

    def options(self) -> list[tuple[str, str, int, int]]:
        """(path, option, number of valid candidates, total) of the options that exclude most candidates, the worst
        first."""
        share = len(self.held) / len(self.verdicts)
        rows = []
        for number, choice in enumerate(self.space.choices):
            found: dict[str, list[bool]] = defaultdict(list)
            for verdict in self.verdicts:
                found[_band(choice, verdict.picks[number])].append(verdict.ok)
            rows += [(choice.path, band, sum(oks), len(oks)) for band, oks in found.items()]
        lost = {row: row[3] * share - row[2] for row in rows}  # how many more would be valid if it were like the others
        return sorted((row for row in rows if lost[row] > 0), key=lambda row: (-lost[row], row))

    def reach(self, quantity: str) -> tuple[int, int] | None:
        """The smallest and the largest value among valid candidates, or among all buildable ones if none is valid."""
        values = [v.value(quantity) for v in self.held] or [v.value(quantity) for v in self.verdicts if v.facts]
        return (min(values), max(values)) if values else None

    @property
    def nearest(self) -> Verdict:
        """A valid candidate, or the one that misses least."""
        return min(self.verdicts, key=lambda verdict: (not verdict.ok, verdict.distance))

    def insist(self, place: Span) -> None:
        """Raises ArchbuilderError AB564 if no candidate is valid."""
        if self.held:
            return
        reason, count = self.reasons()[0]
        near = self.nearest
        missed = [m.limit.span for m in near.limits if not m.ok]
        what = "candidates" if self.whole else f"candidates drawn with seed {self.seed}"
        message = f"none of {len(self.verdicts):,} {what} holds: {reason} excludes {count:,} of them"
        lacks = "; ".join([f"{m.limit.name} is {m.words}" for m in near.limits if not m.ok] or near.reasons)
        hint = f"the nearest is {said(self.space, near.picks)}: {lacks}"
        raise ArchbuilderError(NOTHING.at(missed[0] if missed else place, message, hint))


def said(space: Space, picks: Sequence[Pick]) -> str:
    """A candidate in words, in the form of `--set`."""
    return ", ".join(f"{choice.path}={choice.label(pick)}" for choice, pick in zip(space.choices, picks, strict=True))


def _band(choice: Choice, pick: Pick) -> str:
    """The option of a pick, or its part of a range with many numbers."""
    found = choice.range
    if found is None or (found.count is not None and found.count <= 2 * BANDS):
        return choice.label(pick)
    edges = [found.at(band / BANDS) for band in range(BANDS)]
    band = max(number for number, edge in enumerate(edges) if pick >= edge or number == 0)
    end = edges[band + 1] if band + 1 < BANDS else found.last
    return f"{edges[band]:g} to {end:g}"


def survey(judge: Judge, samples: int = SAMPLES, seed: int = 0) -> Survey:
    """Judge a sample of a space, or all of it if it is not larger."""
    space, random = judge.space, Random(seed)
    whole = space.size is not None and space.size <= samples
    candidates: Iterable[tuple[Pick, ...]] = every(space) if whole else (draw(space, random) for _ in range(samples))
    return Survey(space, tuple(map(judge, candidates)), whole, seed)


def lines(found: Survey) -> Iterator[str]:
    """A survey as text."""
    total, held = len(found.verdicts), len(found.held)
    how = "all of them" if found.whole else f"{total:,} of them, drawn with seed {found.seed}"
    yield f"space            {found.space.words}"
    yield f"judged           {how}: {held:,} hold all limits and rules ({held / total:.1%})"
    for number, (reason, count) in enumerate(found.reasons()[:SHOWN]):
        yield f"{'' if number else 'excluded by':16} {reason}: {count:,}"
    for number, (path, option, good, of) in enumerate(found.options()[:SHOWN]):
        yield f"{'' if number else 'excludes most':16} {path}={option}: {good:,} of {of:,} hold"
    for title, quantity in (("parameters", "params"), ("MACs", "macs"), ("receptive field", FIELD)):
        if reach := found.reach(quantity):
            low, high = (human(value) if quantity == "macs" else f"{value:,}" for value in reach)
            yield f"{title:16} {low} to {high}{'' if held else ', though none holds'}"
