"""`model.py:Net` -> a module: the user's file is imported, which runs the code in it."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from torch import nn

from archbuilder.diagnostics import ArchbuilderError, Code, Span, declare, did_you_mean, show
from archbuilder.importers.source_errors import failed
from archbuilder.importers.source_lines import is_installed
from archbuilder.remedy import Hint

RAISES = declare(
    "AB803",
    "a Python file that cannot be imported",
    why=(
        "The file is run from top to bottom, as Python does for an import, and it raises an error or ends the program. "
        'Put training and the parsing of arguments under `if __name__ == "__main__":`.'
    ),
    bad="""\
$ echo 'raise SystemExit' >> model.py
$ archbuilder import model.py:Net --input 3x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)
UNDEFINED = declare(
    "AB804",
    "a class that its file does not define",
    exit_status=2,
    why="The file has no network of that name: no class, no function that returns a module, and no module.",
    bad="""\
$ archbuilder import model.py:Nett --input 3x32x32""",
    good="""\
$ archbuilder import model.py:Net --input 3x32x32""",
)
UNBUILT = declare(
    "AB805",
    "a class that cannot be built",
    exit_status=2,
    why=(
        "The class is built as your own code builds it. Arguments without a default must be given with --arg; an error "
        "in its constructor is shown with its line."
    ),
    bad="""\
$ archbuilder import model.py:net --input 3x32x32""",
    good="""\
$ archbuilder import model.py:net --input 3x32x32 --arg width=8""",
)


def load(file: Path, name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The module that a file defines under a name: a class or function, which is called, or a module.

    Runs the file's code. Its output goes to standard error.  Raises ArchbuilderError AB803, AB804, AB805."""
    with _surroundings(file):
        module = _import(file)
        found = getattr(module, name, None)
        if found is None:
            names = _networks(module)
            hint = did_you_mean(name, names) if names else "the file defines no network"
            _fail(UNDEFINED, Span(str(file)), f"there is no {name} in it", hint)
        return _made(found, name, file, arguments)


@contextlib.contextmanager
def _surroundings(file: Path) -> Iterator[None]:
    """The environment that a script expects: its folder in sys.path, its name as the only argument."""
    path, arguments, before = list(sys.path), list(sys.argv), set(sys.modules)
    root = _root(file.resolve())
    sys.path[:0] = dict.fromkeys([str(file.resolve().parent), str(root)])
    sys.argv[:] = [str(file)]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:], sys.argv[:] = path, arguments
        # another file may import modules with the same names
        for name in [name for name in sys.modules.keys() - before if _lies_in(sys.modules[name], root)]:
            del sys.modules[name]


def _lies_in(module: ModuleType, root: Path) -> bool:
    """Whether a module, or a namespace package, is the user's code below a folder."""
    origin = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return isinstance(origin, str) and Path(origin).is_relative_to(root) and not is_installed(origin)


def _root(file: Path) -> Path:
    """The folder from which a file is imported: above its packages, and above everything that its relative imports
    reach."""
    folder, levels = file.parent, _levels(file)
    while folder != folder.parent and (levels > 0 or (folder / "__init__.py").exists()):
        folder, levels = folder.parent, levels - 1
    return folder


def _levels(file: Path) -> int:
    """How many folders up the relative imports of a file go (1: its own folder); 0 without relative imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):  # the import will report the error
        return 0
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def _import(file: Path) -> ModuleType:
    resolved = file.resolve()
    root = _root(resolved)
    try:
        if root != resolved.parent:  # in a package, imports may be relative
            parts = resolved.with_suffix("").relative_to(root).parts
            return importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        name = resolved.stem if resolved.stem not in sys.modules else f"imported_{resolved.stem}"
        spec = importlib.util.spec_from_file_location(name, resolved)
        if spec is None or spec.loader is None:
            _fail(RAISES, Span(str(file)), "this is not a Python file", "name a file that ends in .py")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except ArchbuilderError:
        raise
    except SyntaxError as error:
        place = Span(str(file), error.lineno or 1, error.offset or 1, error.lineno or 1, (error.offset or 1) + 1)
        _fail(RAISES, place, f"not Python: {error.msg}", "")
    except (Exception, SystemExit) as error:
        hint = "importing a file runs all of it; put training code under if __name__ == '__main__'"
        raise failed(error, RAISES, "importing the file raises ", Span(str(file)), hint) from None


def _networks(module: ModuleType) -> list[str]:
    """Candidates for suggestions: classes and functions of the file, and its modules."""
    return [name for name, found in vars(module).items() if not name.startswith("_") and _is_network(found, module)]


def _is_network(found: object, module: ModuleType) -> bool:
    if isinstance(found, type):
        return issubclass(found, nn.Module) and found.__module__ == module.__name__
    return isinstance(found, nn.Module) or (inspect.isfunction(found) and found.__module__ == module.__name__)


def _made(found: Any, name: str, file: Path, arguments: Mapping[str, Any]) -> nn.Module:
    if not isinstance(found, nn.Module):
        if not callable(found):
            _fail(
                UNDEFINED,
                Span(str(file)),
                f"{name} is of type {type(found).__name__}",
                "name a class, a function or a module",
            )
        _check_arguments(found, name, file, arguments)
        try:
            found = found(**arguments)
        except Exception as error:
            given = ", ".join(f"{key}={show(value)}" for key, value in arguments.items())
            hint = "give other values with --arg NAME=VALUE"
            raise failed(error, UNBUILT, f"{name}({given}) raises ", Span(str(file)), hint) from None
    elif arguments:
        message = f"{name} is already a module, so it takes no arguments"
        _fail(UNBUILT, Span(str(file)), message, "remove --arg, or name its class")
    if not isinstance(found, nn.Module):
        _fail(
            UNDEFINED,
            Span(str(file)),
            f"{name} returns a {type(found).__name__}, which is not a torch.nn.Module",
            "name the class of the network",
        )
    return found


def _check_arguments(build: Callable[..., Any], name: str, file: Path, arguments: Mapping[str, Any]) -> None:
    """Report missing and unknown arguments."""
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError):  # no signature: the call will report what is missing
        return
    takes = {key: p for key, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    span = Span(str(file))
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for key in arguments:
            if key not in takes:
                hint = did_you_mean(key, takes) if takes else f"{name} takes no arguments"
                _fail(UNBUILT, span, f"{name} has no argument {key}", hint)
    missing = [key for key, p in takes.items() if p.default is p.empty and key not in arguments]
    if missing:
        flags = " ".join(f"--arg {key}=..." for key in missing)
        _fail(UNBUILT, span, f"{name} needs {', '.join(missing)}", f"add {flags}")


def _fail(code: Code, span: Span, message: str, hint: Hint) -> NoReturn:
    raise ArchbuilderError(code.at(span, message, hint))
