"""Export a network: Python, ONNX, TFLite, torch.export, JSON, drawing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from archbuilder import exporters
from archbuilder.cli._analysed import analysed
from archbuilder.cli._options import add_source_argument, add_source_options
from archbuilder.cli._output import print_data, same_file, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.sources import is_run

ARGUMENTS = declare(
    "AB852",
    "arguments of export that do not go together",
    exit_status=2,
    why=(
        "Text formats contain no weights, binary formats cannot be written to a terminal, and an export must not "
        "overwrite its own input."
    ),
    bad="$ archbuilder export net.yaml --to torch",
    good="$ archbuilder export net.yaml --to torch --out net.pt2",
)
UNWRITABLE = declare(
    "AB853",
    "an exported file that cannot be written",
    exit_status=2,
    why="The folder is missing, read-only or full. An older file of that name is unchanged.",
    bad="$ archbuilder export net.yaml --to svg --out no/where.svg",
    good="$ archbuilder export net.yaml --to svg --out net.svg",
)


def configure(parser: ArgumentParser) -> None:
    add_source_argument(parser)
    formats = ", ".join([*exporters.TEXTS, *exporters.BINARIES])
    parser.add_argument("--to", metavar="FORMAT", required=True, help=f"one of {formats}")
    parser.add_argument("--out", metavar="FILE", help="where to write it (default for text formats: standard output)")
    parser.add_argument(
        "--weights",
        metavar="RUN",
        help="for binary formats: a run folder or a checkpoint (default: FILE, if it is a run)",
    )
    help = "for tflite (default: int8 if the run has been quantised, else float32)"
    parser.add_argument("--dtype", choices=("int8", "float32"), help=help)
    add_source_options(parser)


def run(args: Namespace) -> int:
    """Exit 0 written, even if a limit is missed; 1 the network is invalid; 2 could not run."""
    _check(args)
    exporter = exporters.exporter(args.to)
    report = analysed(args.file, args.set)
    facts = report.facts
    assert facts is not None
    graph = facts.graph
    if args.to in exporters.TEXTS:
        text = exporter.export(graph, facts)
        if args.out is None:
            print_data(text)
            return 0
        data, remark = text.encode(), f"{text.count(chr(10)):,} lines"
    else:
        weights = exporters.weights_for(report, args.weights, args.set)
        made = exporter.export(graph, weights, **({"dtype": args.dtype} if args.dtype else {}))
        data, remark = made.data, f"{weights or 'fresh weights'}; outputs differ by at most {made.difference:.1e}"
    write_file(args.out, data, UNWRITABLE, "name another file with --out")
    print(f"{args.out}: {graph.name} as {args.to}, {remark}")
    return 0


def _stem(source: str) -> str:
    """A name for a file made from a source; a run is OUT/NAME/TIME."""
    if is_run(source):
        return Path(source).resolve().parent.name
    return Path(source).stem if source != "-" else "network"


def _check(args: Namespace) -> None:
    """Raises ArchbuilderError AB852 for arguments that do not go together."""
    if args.weights and args.to in exporters.TEXTS:
        hint = "remove --weights"
        if args.to == "python":
            hint += "; load them into the class of the file with load_state_dict"
        raise ArchbuilderError(ARGUMENTS.at(Span("--weights"), f"the format {args.to} contains no weights", hint))
    if args.dtype and args.to != "tflite":
        message = f"--dtype does not apply to the format {args.to}"
        raise ArchbuilderError(ARGUMENTS.at(Span("--dtype"), message, "remove --dtype, or use --to tflite"))
    if args.out is None and args.to in exporters.BINARIES:
        hint = f"add --out {_stem(args.file)}{exporters.BINARIES[args.to]}"
        raise ArchbuilderError(ARGUMENTS.at(Span("--out"), f"{args.to} is a binary format and needs a file", hint))
    for source in (args.file, args.weights):
        if args.out and source and same_file(args.out, source):
            message = f"{args.out} is a file that the export is made from"
            raise ArchbuilderError(ARGUMENTS.at(Span("--out"), message, "name another file with --out"))
