"""The options --suggest and --fix of `check`: edits that satisfy everything, shown or applied."""

from __future__ import annotations

import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from archbuilder.cli._output import print_data
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.pipeline import Report
from archbuilder.sources import is_run

if TYPE_CHECKING:
    from archbuilder.remedies import Suggestions
    from archbuilder.reporting.style import Style

NOT_TOGETHER = declare(
    "AB942",
    "options that do not go together",
    exit_status=2,
    why="The two options contradict each other, and either could be meant.",
    bad="$ archbuilder check net.yaml --fix --set name=other",
    good="$ archbuilder check net.yaml --suggest --set name=other",
)
NO_PROPOSAL = declare(
    "AB943",
    "the number of a proposal that does not exist",
    exit_status=2,
    why="Proposals are numbered from 1, the cheapest first, as `--suggest` shows them.",
    bad="""\
$ echo 'limits: {params: "< 150"}' >> net.yaml
$ archbuilder check net.yaml --fix 99""",
    good="""\
$ echo 'limits: {params: "< 150"}' >> net.yaml
$ archbuilder check net.yaml --fix 1""",
)

NOT_EDITED = declare(
    "AB717",
    "a run that cannot be edited",
    exit_status=2,
    why=(
        "A run records what was trained. If the network in its files were changed, its weights would no longer belong "
        "to it. `--suggest` shows proposals without applying them."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ archbuilder check runs/net/* --fix""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder check runs/net/* --suggest""",
)

Counting = Callable[[Report], Report]  # reduces a report to the findings that count

STDIN = "<stdin>"  # what document.py calls it


class _Fix(Action):
    """--fix, --fix 2, and --fix FILE: a word after it that is not a number is a file."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        if values.isdigit():
            namespace.fix = int(values)
            return
        namespace.fix = 1
        namespace.files = [*(namespace.files or []), values]
        for action in parser._actions:
            if action.dest == "files":  # a file was given
                action.required = False


def add_options(parser: ArgumentParser) -> None:
    """`args.suggest`; `args.fix`, the number of a proposal or None.  The files must be collected by `extend`."""
    group = parser.add_mutually_exclusive_group()
    help = "propose the cheapest edits that satisfy every limit and rule"
    group.add_argument("--suggest", action="store_true", help=help)
    help = (
        "apply proposal N (default: 1) to the file, if it then checks clean; with standard input, print the edited text"
    )
    group.add_argument("--fix", metavar="N", nargs="?", action=_Fix, const="1", help=help)


def verify(args: Namespace) -> None:
    """Raises ArchbuilderError AB942 for contradicting options, AB717 if a run would be edited."""
    if args.emit and args.format != "text":
        raise _clash("--emit", "--emit prints a stage as text instead of a report", "remove --emit or --format")
    if args.suggest and (args.emit or args.format not in ("text", "json")):
        raise _clash("--suggest", "--suggest works only with the formats text and json", "remove the other option")
    if args.fix is None:
        return
    if args.emit or args.format != "text":
        raise _clash("--fix", "--fix works only with the format text", "run check again for another format")
    if args.set:
        message = "--fix edits the file itself, but --set checks it with other values"
        raise _clash("--fix", message, "use --suggest with --set")
    for run in filter(is_run, args.files):
        message = "this is a run, and its files record what was trained"
        raise ArchbuilderError(NOT_EDITED.at(Span(run), message, "edit the file from which it was trained"))
    if "-" in args.files and len(args.files) > 1:
        raise _clash("--fix", "--fix takes standard input or files, not both", "remove -")


def is_filter(args: Namespace) -> bool:
    """Whether standard output is for the edited text."""
    return args.fix is not None and args.files == ["-"]


def shown(args: Namespace, reports: Sequence[Report], counting: Counting, style: Style) -> Iterator[str]:
    """The proposals for each file."""
    from archbuilder.remedies.show import render

    found = _investigate(args, reports, counting)
    yield from filter(None, (render(suggestions, style) for suggestions in found))
    if any(suggestions.proposals and not suggestions.report.run for suggestions in found) and not args.set:
        yield "--fix applies the first proposal, --fix N proposal N"


def as_data(args: Namespace, report: Report, counting: Counting) -> dict[str, Any]:
    """What can be proposed for a file, for the JSON of a check."""
    from archbuilder.remedies.show import to_dict

    return {"suggestions": to_dict(_investigate(args, [report], counting)[0])}


def fix(args: Namespace, reports: Sequence[Report], counting: Counting) -> list[Report]:
    """Apply the chosen proposal to each file; returns the reports on the edited files.

    Raises ArchbuilderError AB943, before any file is changed, if a file has no proposal of that number."""
    found = _investigate(args, reports, counting)
    for suggestions in found:
        count = len(suggestions.proposals)
        if count and not 1 <= args.fix <= count:
            there = "is 1 proposal" if count == 1 else f"are {count} proposals"
            message = f"there {there} for this file, but no number {args.fix}"
            raise ArchbuilderError(NO_PROPOSAL.at(Span(suggestions.report.file), message, "--suggest shows them"))
    return [_fix(suggestions, args.fix) for suggestions in found]


def _fix(suggestions: Suggestions, number: int) -> Report:
    from archbuilder.remedies.edits import replace_text
    from archbuilder.remedies.show import applied, render
    from archbuilder.reporting.diagnostic import printable
    from archbuilder.reporting.style import style_of

    report = suggestions.report
    piped = report.file == STDIN
    stream = sys.stderr if piped else sys.stdout
    proposal = suggestions.proposals[number - 1] if suggestions.proposals else None
    if proposal and not piped:
        replace_text(report.file, proposal.source, proposal.text)
    paint = style_of(stream)
    if shown := applied(proposal, suggestions, paint) if proposal else render(suggestions, paint):
        print(shown, end="\n\n", file=stream)
    if piped and report.document:
        print_data(proposal.text if proposal else report.document.text)
    elif not proposal and report.diagnostics:
        print(f"{printable(report.file)}: nothing was written", end="\n\n")
    return proposal.report if proposal else report


def _investigate(args: Namespace, reports: Sequence[Report], counting: Counting) -> list[Suggestions]:
    from archbuilder.remedies import Budget, Session, Suggestions

    return [
        Session(report.file, report.document.text, args.set, args.rules, counting, report.opened).run(Budget(), report)
        if report.document
        else Suggestions(report)
        for report in reports
    ]


def _clash(option: str, message: str, hint: str) -> ArchbuilderError:
    return ArchbuilderError(NOT_TOGETHER.at(Span(option), message, hint))
