"""Where a command's output goes: to standard output, or into a file as a whole."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from os.path import exists, samefile
from pathlib import Path

from archbuilder.diagnostics import ArchbuilderError, Code, Diagnostic, Span


def print_data(text: str) -> None:
    """Print what another program is to read (YAML, source): UTF-8, whatever the terminal's encoding is."""
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Print what people are to read: on a screen, long lines go on under their last column."""
    from archbuilder.reporting.width import width_of, wrapped

    print(wrapped(text, width_of(sys.stdout)))


def write_file(path: str, data: bytes | Iterable[bytes], code: Code, hint: str) -> None:
    """Replace a file in one step.  Raises ArchbuilderError with `code`, and then an older file stands untouched."""
    from archbuilder.files import write_whole

    file = Path(path)
    try:
        if file.exists() and not file.is_file() and not file.is_dir():
            with file.open("wb") as stream:  # a device or a pipe is written to, not replaced
                stream.writelines([data] if isinstance(data, bytes) else data)
        else:
            write_whole(file.resolve(), data)
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise ArchbuilderError(code.at(Span(path), f"cannot be written: {reason}", hint)) from None


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two paths lead to the same existing file."""
    return exists(one) and exists(other) and samefile(one, other)


def warn(found: Iterable[Diagnostic]) -> None:
    """Print warnings, after which the command goes on."""
    from archbuilder.reporting.diagnostic import render_diagnostic
    from archbuilder.reporting.style import style_of

    for diagnostic in found:
        print(render_diagnostic(diagnostic, style=style_of(sys.stderr)), file=sys.stderr)
