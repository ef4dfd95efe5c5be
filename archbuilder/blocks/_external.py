"""Blocks from outside the package: a file that the user names, or an entry point of an installed package.

Loading one runs its code; nothing is loaded that was not named or installed for the purpose.
"""

import sys
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Span, declare

GROUP = "archbuilder.blocks"

EXTERNAL = declare("AB902", "a file of blocks that cannot be loaded", exit_status=2)


def load_file(path: str) -> None:
    """Run a file that registers one block, named as the file.  Raises ArchbuilderError AB902."""
    hint = "a file of blocks defines one @register class and has the block's name; see examples/double_conv.py"
    name = f"{__package__}_outside.{Path(path).stem}"
    if name in sys.modules:
        return
    if not Path(path).is_file():
        raise ArchbuilderError(EXTERNAL.at(Span(path), "there is no such file", hint))
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArchbuilderError(EXTERNAL.at(Span(path), "this is not a Python file", hint))
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's code raises
        del sys.modules[name]
        line = error.__traceback__.tb_next.tb_lineno if error.__traceback__ and error.__traceback__.tb_next else 1
        message = f"{type(error).__name__}: {error}"
        raise ArchbuilderError(EXTERNAL.at(Span(path, line, 1, line, 1), message, hint)) from None


def load_installed(name: str) -> None:
    """Import the entry point of that name, if an installed package has one."""
    for point in entry_points(group=GROUP, name=name):
        point.load()


def installed() -> list[str]:
    """The names of all entry points."""
    return sorted(point.name for point in entry_points(group=GROUP))
