"""How a stream shows text: with colours on a terminal, in ASCII if its encoding has nothing more."""

from __future__ import annotations

import codecs
import os
from typing import NamedTuple, TextIO

from archbuilder.reporting.width import width_of

READABLE = "archbuilder.readable"  # the name of an error handler for str.encode and streams

# ASCII replacements; any other character that an encoding lacks is escaped, so that names stay distinct
_ASCII = {
    "×": "x", "±": "+-", "·": "-", "…": "...", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≠": "!=",
    "−": "-", "–": "-", "—": "-", "\u2018": "'", "’": "'", "“": '"', "”": '"', "✓": "ok", "✗": "x",
    "│": "|", "├": "|", "└": "+", "─": "-", "═": "=", "²": "^2", "ᵀ": "^T",
}  # fmt: skip


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    shown = (_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking)
    return "".join(shown), error.end


codecs.register_error(READABLE, _readable)


class Style(NamedTuple):
    """Colours text with ANSI codes, or not; knows the encoding of the stream and the width of the screen.

    width: in columns; None if the text is not for a screen.
    """

    colour: bool = False
    encoding: str = "utf-8"
    width: int | None = None

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def red(self, text: str) -> str:
        return self._paint("1;31", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        return self._paint("33", text)

    def readable(self, text: str) -> str:
        """The text as the stream will show it, for aligning columns."""
        return text if text.isascii() else text.encode(self.encoding, READABLE).decode(self.encoding)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


PLAIN = Style()


def encoding_of(stream: TextIO) -> str:
    """The encoding for a stream: its own, but ASCII on a terminal if LC_ALL is C.

    Python assumes that such a terminal shows UTF-8."""
    plain = os.environ.get("LC_ALL") in ("C", "POSIX") and not os.environ.get("PYTHONIOENCODING")
    return "ascii" if plain and stream.isatty() else stream.encoding


def style_of(stream: TextIO) -> Style:
    """Colours on a terminal or if FORCE_COLOR is set, unless NO_COLOR is set.

    Source: https://no-color.org, https://force-color.org."""
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    wanted = terminal or bool(os.environ.get("FORCE_COLOR"))
    encoding = getattr(stream, "encoding", None) or PLAIN.encoding
    return Style(wanted and not os.environ.get("NO_COLOR"), encoding, width_of(stream))
