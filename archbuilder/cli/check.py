"""Check architectures: shapes, parameters, MACs, receptive field, limits; needs no torch."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from archbuilder.cli import _codes, _remedies
from archbuilder.cli._options import add_source_options
from archbuilder.cli._output import same_file, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.document import MISSING
from archbuilder.pipeline import Report, check

UNWRITABLE = declare(
    "AB945",
    "a report that cannot be written",
    exit_status=2,
    why="The folder is missing, closed or full, or the report would take the place of a file that is checked. What was "
    "there before is left as it was.",
    bad="$ archbuilder check net.yaml --output-file net.yaml",
    good="$ archbuilder check net.yaml --output-file report.txt",
)

FORMATS = ("text", "concise", "json", "github", "sarif")
STAGES = ("document", "spec", "graph", "facts")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="a YAML file, a folder of them, or - for standard input",
    )
    help = "text for people, concise with a line for each finding; json, github (annotations) and sarif for programs"
    parser.add_argument("--format", choices=FORMATS, default="text", help=help)
    parser.add_argument("--output-file", metavar="FILE", help="write the report into a file, as a whole or not at all")
    _codes.add_code_options(parser)
    add_source_options(parser)
    help = "a rule pack to satisfy, beside those that the file names: era-s9, mcu, or a file"
    parser.add_argument("--rules", metavar="PACK", action="append", default=[], help=help)
    parser.add_argument("--strict", action="store_true", help="warnings also give exit status 1")
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument("-q", "--quiet", action="store_true", help="leave the table of layers out")
    detail.add_argument(
        "-v", "--verbose", action="store_true", help="a row of the table for every op, not for every block"
    )
    detail.add_argument("--emit", choices=STAGES, help="print what a stage made instead of the report")
    _remedies.add_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 all clean, 1 something found, 2 a file could not be read or the arguments are bad."""
    _remedies.verify(args)
    counting = _codes.selection(args)
    reports = [counting(report) for name in args.files for report in _reports(name, args.set, args.rules)]
    if args.output_file:
        _spare_sources(args, reports)
    if args.fix is not None:
        reports = _remedies.fix(args, reports, counting)
    if not _remedies.is_filter(args):  # else the text has been printed
        _write(_shown(args, reports, counting), args.output_file)
    return max(_status(report, args.strict) for report in reports)


def _spare_sources(args: Namespace, reports: list[Report]) -> None:
    """Raises ArchbuilderError AB945 where a report would overwrite what it is made from."""
    read = {*args.rules, *args.blocks, *(name for report in reports for name in _read_for(report))}
    if any(same_file(args.output_file, name) for name in read):
        message = "the report would take the place of a file that is checked, or that the check reads"
        raise ArchbuilderError(UNWRITABLE.at(Span(args.output_file), message, "name another file with --output-file"))


def _read_for(report: Report) -> Iterator[str]:
    """The file of a report, its bases, and the rule packs that they name."""
    from archbuilder.rules.packs.pack import path_of

    sources = report.document.sources if report.document else {}
    yield from sources
    for name in report.spec.rules if report.spec else ():
        if path := path_of(name, sources):
            yield str(path)


def _shown(args: Namespace, reports: list[Report], counting: _codes.Selection) -> str:
    """The reports in the format that was asked for."""
    if args.emit:
        from archbuilder.reporting import stages

        return "\n".join(stages.render(report, args.emit) for report in reports)
    if args.format in ("text", "concise"):
        return _for_people(args, reports, counting)
    shown: str = import_module(f"archbuilder.reporting.{args.format}").render(reports)
    return _remedies.with_suggestions(args, reports, shown, counting) if args.suggest else shown


def _for_people(args: Namespace, reports: list[Report], counting: _codes.Selection) -> str:
    from archbuilder.reporting.style import PLAIN, style_of

    style = PLAIN if args.output_file else style_of(sys.stdout)
    if args.format == "concise":
        from archbuilder.reporting import concise

        return concise.render(reports, style)
    from archbuilder.reporting import text

    shown = text.render_all(reports, style, table=not args.quiet, per_op=args.verbose)
    return "\n\n".join([shown, *(_remedies.shown(args, reports, counting, style) if args.suggest else ())])


def _write(text: str, file: str | None) -> None:
    if file:
        data = (text + "\n" if text else "").encode("utf-8", "backslashreplace")
        write_file(file, data, UNWRITABLE, "name another file with --output-file")
    elif text:
        print(text)


def _status(report: Report, strict: bool) -> int:
    found = [d.exit_status for d in report.diagnostics if strict or d.severity == "error"]
    return max(found, default=0)


def _reports(name: str, overrides: list[str], rules: list[str]) -> list[Report]:
    """The reports on a file, or on every .yaml and .yml file in a folder and below; hidden folders are left out."""
    folder = Path(name)
    if name in ("-", "") or not _is_folder(folder):
        return [check(name, overrides, rules)]
    found = sorted(path for path in folder.rglob("*.y*ml") if path.suffix in (".yaml", ".yml") and path.is_file())
    shown = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not shown:
        message = "the folder has no .yaml file in it"
        return [Report(name, diagnostics=(MISSING.at(Span(name), message, "name a folder of architectures"),))]
    return [check(path, overrides, rules) for path in shown]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or behind a folder that is closed: check says what is wrong
        return False
