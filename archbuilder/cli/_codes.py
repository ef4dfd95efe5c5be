"""The options --select and --ignore of `check`: which findings count."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archbuilder.diagnostics import ArchbuilderError, Code, Diagnostic, Span, declare, declared, known_codes, nearest
from archbuilder.pipeline import Report

NO_CODE = declare(
    "AB944",
    "an unknown code, or one that cannot be ignored",
    exit_status=2,
    why=(
        "--select and --ignore take whole codes or their first characters. Errors that keep a file from being analysed "
        "always count: a file that was not checked must not pass."
    ),
    bad="$ archbuilder check net.yaml --ignore AB101",
    good="$ archbuilder check net.yaml --ignore AB4",
)


@dataclass(frozen=True)
class Selection:
    """Codes, or the first characters of codes (AB4). If two match a code, the longer one counts, then `ignore`.

    An error that keeps a file from being analysed always counts: otherwise a file that was not checked would pass."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __call__(self, report: Report) -> Report:
        """The report with the findings that count; the others are ignored."""
        if not self.select and not self.ignore:
            return report
        kept = [d for d in report.all_found if self._counts(d.code)]
        waved = tuple(d for d in report.all_found if not self._counts(d.code))
        return replace(report, ignored=report.ignored + waved).holding(kept)

    def _counts(self, code: Code) -> bool:
        selected, ignored = (_longest(code, prefixes) for prefixes in (self.select, self.ignore))
        wanted = (selected > 0 or not self.select) and (ignored == 0 or ignored < selected)
        return wanted or not code.ignorable


def _longest(code: Code, prefixes: Sequence[str]) -> int:
    return max((len(prefix) for prefix in prefixes if code.id.startswith(prefix)), default=0)


def add_code_options(parser: ArgumentParser) -> None:
    """`args.select`, `args.ignore`: lists of texts, each with codes between commas."""
    for name, what in (("select", "show only findings with these codes"), ("ignore", "hide findings with these codes")):
        help = f"{what}: AB402, or AB4 for all that begin so; several with commas, or repeat the option"
        parser.add_argument(f"--{name}", metavar="CODES", action="append", default=[], help=help)


def selection(args: Namespace) -> Selection:
    """The selection that the options describe. Raises ArchbuilderError AB944 for every invalid code."""
    chosen = {option: tuple(_codes(getattr(args, option))) for option in ("select", "ignore")}
    problems = [d for option, codes in chosen.items() for code in codes for d in _problems(option, code)]
    if problems:
        raise ArchbuilderError(*problems)
    return Selection(**chosen)


def _codes(texts: Sequence[str]) -> Iterator[str]:
    return (word.strip().upper() for text in texts for word in text.split(",") if word.strip())


def _problems(option: str, code: str) -> Iterator[Diagnostic]:
    place = Span(f"--{option} {code}")
    loaded = (kind for kind in declared().values() if kind.id.startswith(code))  # includes the codes of custom blocks
    meant = [*known_codes(code).values(), *loaded]
    if not meant:
        hint = nearest(code, list(known_codes() | declared())) or "archbuilder explain lists all codes"
        yield NO_CODE.at(place, f"there is no code {code}", hint)
    elif all(kind.note for kind in meant):
        message = f"{code} cannot be {option.removesuffix('e')}ed: it counts the warnings that are not shown"
        yield NO_CODE.at(place, message, f"{option} the codes of those warnings")
    elif option == "ignore" and not any(kind.ignorable for kind in meant):
        message = (
            f"{code} cannot be ignored: a file with this error is not analysed, so it would pass without being checked"
        )
        yield NO_CODE.at(place, message, "only warnings, missed limits and missed rules can be ignored")
