"""Blocks from outside the package: a file that the user names, or an entry point of an installed package.

Loading a block runs its code, so only files that the user names and installed entry points are loaded. A file that
cannot be loaded leaves no block behind.
"""

import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from archbuilder.blocks import _registered
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare

GROUP = "archbuilder.blocks"
OUTSIDE = f"{__package__}_outside."  # prefix of the names of modules made from files

EXTERNAL = declare(
    "AB902",
    "a file of blocks that cannot be loaded",
    exit_status=2,
    why=(
        "`--blocks` runs a Python file that registers one block with the name of the file. This one is missing, raises "
        "an error, or registers no block."
    ),
    bad="$ archbuilder check net.yaml --blocks thrice.py",
    good="$ archbuilder check net.yaml --blocks twice.py",
)

BLOCKS = declare(
    "AB716",
    "a run whose custom blocks are not loaded",
    exit_status=2,
    why=(
        "A run records the files of `--blocks` that it was trained with. Loading such a file runs its code, so a "
        "command that only reads a run does it only if you name the file."
    ),
    bad="""\
$ sed -i.old 's/conv/twice/' net.yaml
$ archbuilder train net.yaml --no-report --blocks twice.py
$ archbuilder check runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder check runs/net/*""",
)

HINT = "a file of blocks defines one @register class and has the block's name; see examples/double_conv.py"


def load_file(path: str) -> None:
    """Run a file that registers one block with the name of the file; a file is run only once.

    Raises ArchbuilderError AB902 if it cannot be loaded, or if a block of another file has the name."""
    name, module_name = Path(path).stem, OUTSIDE + Path(path).stem
    if not Path(path).is_file():
        raise ArchbuilderError(EXTERNAL.at(Span(path), "there is no such file", HINT))
    spec = spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ArchbuilderError(EXTERNAL.at(Span(path), "this is not a Python file", HINT))
    if module_name in sys.modules:
        first = str(sys.modules[module_name].__file__)
        if Path(first).samefile(path):
            return
        raise ArchbuilderError(EXTERNAL.at(Span(path), f"another file already has a block {name}: {first}", HINT))
    sys.modules[module_name] = module = module_from_spec(spec)
    run = spec.loader.exec_module
    if error := _failure(lambda: run(module), name):
        del sys.modules[module_name]
        raise _broken(error, _at_its_line(error, path))


def files() -> dict[str, Path]:
    """The files that were loaded, by the names of their blocks."""
    outside = {name: module for name, module in sys.modules.items() if name.startswith(OUTSIDE)}
    return {name.removeprefix(OUTSIDE): Path(str(module.__file__)).absolute() for name, module in outside.items()}


def not_loaded(named: Sequence[str], run: Path | None) -> Iterator[Diagnostic]:
    """Report the files of blocks that a run was trained with and that are not loaded (AB716)."""
    if lacking := [file for file in named if Path(file).stem not in files()]:
        message = f"the run was trained with the blocks of {', '.join(lacking)}, which are not loaded"
        hint = f"load them (this runs their code): {' '.join(f'--blocks {shlex.quote(file)}' for file in lacking)}"
        yield BLOCKS.at(Span(str(run)), message, hint)


def load_installed(name: str) -> None:
    """Import the entry point of that name, if an installed package has one.  Raises ArchbuilderError AB902."""
    for point in entry_points(group=GROUP, name=name):
        if error := _failure(point.load, name):
            package = f" of {point.dist.name}" if point.dist else ""
            raise _broken(error, Span(f"{point.value}{package}"))


def load_all_installed() -> None:
    """Import every entry point that can be imported; an error in another one is reported where its block is used."""
    for name in {point.name for point in entry_points(group=GROUP)} - _registered.keys():
        with suppress(ArchbuilderError):
            load_installed(name)


def forget() -> None:
    """Remove the blocks of files from the language."""
    for module_name in [name for name in sys.modules if name.startswith(OUTSIDE)]:
        del sys.modules[module_name]
    for name, block in list(_registered.items()):
        if block.__module__.startswith(OUTSIDE):
            del _registered[name]


def _failure(load: Callable[[], object], name: str) -> BaseException | None:
    """Run code that should register a block of this name; returns the error if it does not."""
    before = set(_registered)
    error: BaseException = LookupError(f"it registers no block {name}")
    try:
        load()
        if name in _registered:
            return None
    except (Exception, SystemExit) as raised:  # the user's code may raise anything
        error = raised
    for new in _registered.keys() - before:
        if not _registered[new].__module__.startswith(f"{__package__}."):  # built-in blocks that it imported stay
            del _registered[new]
    return error


def _broken(error: BaseException, place: Span) -> ArchbuilderError:
    return ArchbuilderError(EXTERNAL.at(place, f"{type(error).__name__}: {error}", HINT))


def _at_its_line(error: BaseException, path: str) -> Span:
    """The place in the file at which the error was raised."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    if isinstance(error, SyntaxError) and error.filename == path:
        lines.append(error.lineno)
    line = lines[-1] if lines else None
    return Span(path, line, 1, line, 1) if line else Span(path)
