"""Turn a PyTorch model into an architecture, proven to be the same.

archbuilder import model.py:Net --input 3x32x32 --out net.yaml
archbuilder import model.py:Net --input 3x32x32 --arg dropout=0.1 --arg width=32
archbuilder import model.py:Net --input 3x32x32 --weights trained.pt --data cifar10 --out net.yaml

With --weights, the trained weights are written to a .safetensors file beside the YAML, under the names of the YAML:
export takes it as --weights, and evaluate and predict take it instead of a run if --data names the training images.

Importing runs your own code: the file that you name, and what it imports. Without --out the YAML goes to standard
output, and the report to standard error.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.cli._output import print_data, same_file, write_file
from archbuilder.diagnostics import ArchbuilderError, Span, declare

if TYPE_CHECKING:
    from torch import nn

    from archbuilder.importers import Imported

UNWRITABLE = declare(
    "AB810",
    "an imported file that cannot be written",
    exit_status=2,
    why="The folder is missing, read-only or full. Nothing was written.",
    bad="""\
$ archbuilder import model.py:Net --input 3x32x32 --out no/where.yaml""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32 --out imported.yaml""",
)


TOGETHER = declare(
    "AB812",
    "options of import that do not go together",
    exit_status=2,
    why=(
        "Weights that were trained elsewhere are written to a file beside the YAML, so `--out` is required. The "
        "options that describe the images are stored with these weights and have no other use."
    ),
    bad="""\
$ archbuilder import model.py:Net --input 3x32x32 --mean 0.5""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)


def configure(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument(
        "target",
        metavar="FILE:CLASS",
        help="a Python file or package.module, and a class or function in it; its code is run",
    )
    parser.add_argument(
        "--input", metavar="CxHxW", required=True, help="channels, height and width of an image: 3x32x32"
    )
    parser.add_argument(
        "--arg", metavar="NAME=VALUE", action="append", default=[], help="an argument for CLASS, in YAML"
    )
    parser.add_argument("--out", metavar="FILE", help="where to write the architecture")
    trained = parser.add_argument_group("trained weights")
    trained.add_argument("--weights", metavar="FILE", help="a state_dict, a checkpoint with one, or a .safetensors")
    trained.add_argument(
        "--data", metavar="NAME", help="the data set, named as in data: of a YAML file, where it is written"
    )
    trained.add_argument(
        "--mean", metavar="M,M,M", help="mean that images were normalised with, in 0..1 (default: that of the data)"
    )
    trained.add_argument(
        "--std", metavar="S,S,S", help="standard deviation, in the same way; --mean 0 --std 1: not normalised"
    )
    trained.add_argument("--data-dir", metavar="DIR", help="where prepared data sets are kept")


def run(args: Namespace) -> int:
    """Exit 0 proven to be the same network, 1 not, 2 could not run."""
    from archbuilder.importers.arguments import read_arguments, read_input, read_scale, read_target

    shape, arguments = read_input(args.input), read_arguments(args.arg)
    scales = read_scale("--mean", args.mean), read_scale("--std", args.std)
    file, name = read_target(args.target)
    _check(args, file)

    from archbuilder.importers.conversion import convert
    from archbuilder.importers.model_source import load

    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    module, source = load(file, name, arguments), f"{file.name}, {name}({given})"
    remarks = _load_weights(module, args.weights) if args.weights else []
    data = _dataset(args.data, args.out) if args.data else ""
    new = str(args.out or f"{name}.yaml")
    imported = convert(module, shape, name=name, source=source, origin=str(file), file=new, data=data)
    packed = None
    if args.weights and imported.ok:
        from archbuilder.trained.imported import content

        data_dir = Path(args.data_dir) if args.data_dir else None
        packed = content(imported.text, Path(args.out), imported.proof.state, *scales, data_dir)
    _write(imported, args.out)
    if args.weights:
        print("\n".join([*remarks, _write_weights(args.out, packed, bool(data))]))
    return max((d.exit_status for d in imported.diagnostics), default=0)


def _check(args: Namespace, file: Path) -> None:
    """Raises ArchbuilderError AB810, AB812 for options that do not go together, before torch is imported."""
    if args.out and same_file(args.out, file):
        message = "the YAML would overwrite the file that is imported"
        raise ArchbuilderError(UNWRITABLE.at(Span(args.out), message, "name another file with --out"))
    if args.weights and not args.out:
        raise ArchbuilderError(
            TOGETHER.at(
                Span("--weights"), "weights are written beside the YAML file, so it needs a name", "add --out net.yaml"
            )
        )
    if args.weights and same_file(_beside(args.out), args.weights):
        message = "the weights of the YAML would overwrite the file that they are read from"
        raise ArchbuilderError(TOGETHER.at(Span(args.weights), message, "name another file with --out"))
    for option, value, needs, other in (
        ("--mean", args.mean, "--data", args.data),
        ("--std", args.std, "--data", args.data),
        ("--data", args.data, "--weights", args.weights),
        ("--data-dir", args.data_dir, "--data", args.data),
    ):
        if value and not other:
            message = f"{option} belongs to {needs}, which is not given"
            raise ArchbuilderError(TOGETHER.at(Span(option), message, f"add {needs}, or remove {option}"))


def _beside(out: str) -> Path:
    """The file for the weights of a YAML file."""
    return Path(out).with_suffix(".safetensors")


def _load_weights(module: nn.Module, weights: str) -> list[str]:
    from archbuilder.importers.weights import load_weights
    from archbuilder.modules.weights import read

    file = Path(weights)
    state = read(file, "give a state_dict, as torch.save(module.state_dict(), ...) writes it")
    others = load_weights(module, state, file)
    return (
        [f"note: {weights} holds {len(others)} tensors that do not belong to the module, for example {others[0]}"]
        if others
        else []
    )


def _dataset(data: str, out: str) -> str:
    """A name, or a path relative to the folder of the YAML file."""
    if not Path(data).expanduser().exists():
        return data
    path = Path(os.path.relpath(Path(data).expanduser(), Path(out).parent)).as_posix()
    return path if "/" in path else f"./{path}"


def _write_weights(out: str, packed: bytes | None, usable: bool) -> str:
    """Write the weights; returns a sentence about it."""
    if packed is None:
        return "no weights were written: the file is not the same network"
    from archbuilder.reporting.memory import size_of
    from archbuilder.trained.imported import write

    path = _beside(out)
    write(path, packed)
    use = f"archbuilder export {out} --to onnx --weights {path} --out {path.with_suffix('.onnx')}"
    more = "" if usable else "; evaluate and predict need --data NAME too"
    return f"{path}: {size_of(len(packed))}; {f'archbuilder evaluate {path}' if usable else use}{more}"


def _write(imported: Imported, out: str | None) -> None:
    from archbuilder.importers.report import render_import
    from archbuilder.reporting.style import style_of

    if out is None:
        print_data(imported.text)
    else:
        write_file(out, imported.text.encode(), UNWRITABLE, "choose another place with --out")
    stream = sys.stdout if out else sys.stderr
    print(render_import(imported, style_of(stream)), file=stream)
