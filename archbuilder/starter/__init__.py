"""A first architecture: the widest network of a template within a budget and a rule pack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.pipeline import Report, check
from archbuilder.rules.limits import MISSED
from archbuilder.rules.packs.rule import TOTAL
from archbuilder.starter.answers import Wish
from archbuilder.starter.file_text import page
from archbuilder.starter.networks import Template, templates

UNMET = declare(
    "AB520",
    "a first architecture that no template can make",
    why=(
        "The budget may be too small for every template, or two rule packs may contradict each other. The message says "
        "how much the smallest network needs."
    ),
    bad="$ archbuilder init first.yaml --params 10 --input 3x32x32 --classes 10 --name first",
    good="$ archbuilder init first.yaml --params 20k --input 3x32x32 --classes 10 --name first",
)

MAX_WIDTH = 4096
TOTALS = (MISSED, TOTAL)  # findings that another width can fix


@dataclass(frozen=True)
class Start:
    """A file that checks clean: its text, and the report on it."""

    text: str
    report: Report
    width: int


def start(wish: Wish) -> Start:
    """The file for a wish. Raises ArchbuilderError AB520, with the smallest possible network, if there is none."""
    smallest: list[Report] = []
    for template in templates(wish):
        for depth in template.depths:
            found, report = _widest(template, wish, depth)
            if found:
                return found
            smallest.append(report)
    raise ArchbuilderError(_unmet(wish, min(smallest, key=_distance)))


def _distance(report: Report) -> tuple[int, int]:
    """The distance of a network from being clean, and its size."""
    missed = [d for d in report.diagnostics if d.code not in TOTALS]
    return len(missed), report.facts.params if report.facts else 0


def _widest(template: Template, wish: Wish, depth: int) -> tuple[Start | None, Report]:
    """The widest clean network of a template and a depth, and the report on the narrowest."""
    narrowest = _check(template, wish, depth, 1)
    if _distance(narrowest)[0]:
        return None, narrowest  # its structure is wrong, which no width can fix
    best: Start | None = None
    for width in _widths() if template.has_width(wish) else [1]:
        report = narrowest if width == 1 else _check(template, wish, depth, width)
        if not report.diagnostics:
            best = _start(template, wish, depth, width, report)
        elif best or _is_over(report):
            break
    if best and template.has_width(wish):
        best = _refined(template, wish, depth, best)
    return best, narrowest


def _refined(template: Template, wish: Wish, depth: int, best: Start) -> Start:
    """Refine the width between two steps of the first search: the largest that is clean."""
    width = best.width + 1
    while width <= MAX_WIDTH:
        report = _check(template, wish, depth, width)
        if report.diagnostics:
            break
        best = _start(template, wish, depth, width, report)
        width += 1
    return best


def _widths() -> Iterator[int]:
    """Widths to try, each a few per cent larger than the one before."""
    width = 1
    while width <= MAX_WIDTH:
        yield width
        width += max(1, width // 12)


def _check(template: Template, wish: Wish, depth: int, width: int) -> Report:
    return check(page(template, wish, depth, width), rules=wish.packs)


def _start(template: Template, wish: Wish, depth: int, width: int, report: Report) -> Start:
    assert report.facts
    return Start(page(template, wish, depth, width, report.facts), report, width)


def _is_over(report: Report) -> bool:
    """Whether a network has too many parameters: wider ones have more."""
    return any(not measured.ok and measured.limit.name == "params" for measured in report.limits)


def _unmet(wish: Wish, report: Report) -> Diagnostic:
    """The reason why there is no file, from the smallest network that comes closest."""
    place = Span("archbuilder init")
    if report.facts and _is_over(report):
        message = f"params {wish.params} cannot be met: the smallest network has {report.facts.params:,} parameters"
        return UNMET.at(place, message, f'allow more, for example --params "<= {report.facts.params}"')
    reasons = "; ".join(diagnostic.message for diagnostic in report.diagnostics)
    size = f" of {report.facts.params:,} parameters" if report.facts else ""
    message = f"no template satisfies all requirements; the smallest network{size}: {reasons}"
    return UNMET.at(place, message, "start from a file in architectures/, and check it with --rules")
