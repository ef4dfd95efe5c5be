"""Problems as values: the place, the values found, and the remedy.

A stage yields or collects `Diagnostic`s; only the edge (the command line, the public API)
turns them into text or into an exception.  A `Code` is declared in the module that raises it:

    GROUPS = declare(
        "AB301",
        "groups that do not divide the channels",
        why="Each group turns its share of the channels into its share of the result.",
        bad="- conv: {out: 48, groups: 5}",
        good="- conv: {out: 48, groups: 3}",
    )
    ...
    GROUPS.at(span, "groups=5 must divide 16 and 48", Change({"groups": "4"}, say="choose a common divisor: {}"))

The remedy is a value of `archbuilder.remedy` if it is an edit, else prose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from archbuilder.remedy import Hint, Remedy, Rename, Replace
from archbuilder.synonyms import synonym

Severity = Literal["error", "warning"]

MAX_PROBLEMS = 100  # a file with more problems is not read to its end
MAX_TEXT = 1000  # characters of a message: it may quote a hostile file
MAX_NAMES, MAX_NAME = 200, 100  # largest number and length of names that are compared for suggestions
NEAR, FAR = 0.75, 0.65  # similarity (1: equal) of a certain and of a possible typing mistake


class Span(NamedTuple):
    """A range of a source text. Lines and columns count from 1; the end is exclusive.

    `file` alone is a place without a line: a whole file, a folder, a command, an option (`--set classes=3`).
    """

    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    @property
    def is_option(self) -> bool:
        """Whether the place is an option of the command line."""
        return self.file.startswith("--")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Code:
    """A kind of finding, stable across versions.

    exit_status: of the command line: 1 if a readable input is wrong, 2 if the command could not run (a missing file,
    bad arguments). verdict: an analysed network misses something: a limit, a rule. Every other error stops the
    analysis. of_pack: the verdict is about a rule pack, which another check may not use. note: counts findings that are
    not shown; it cannot be selected or ignored. why, bad, good: the manual that `archbuilder explain` prints: why it
    matters, a bad and a good example. The forms of examples are described in manual/examples.py.
    """

    id: str
    title: str
    severity: Severity = "error"
    exit_status: int = 1
    verdict: bool = False
    why: str = field(default="", compare=False)
    bad: str = field(default="", compare=False)
    good: str = field(default="", compare=False)
    of_pack: bool = False
    note: bool = False

    @property
    def stops(self) -> bool:
        """Whether a file with this finding is not analysed, so that it must never count as clean."""
        return self.severity == "error" and not self.verdict

    @property
    def ignorable(self) -> bool:
        """Whether the user can ignore it."""
        return not self.stops and not self.note

    def at(self, span: Span, message: str, hint: Hint = "") -> Diagnostic:
        """A finding of this kind at a place; the hint is a remedy as a value, or prose."""
        words = str(hint)
        # a hostile file may have long names
        remedy = hint if isinstance(hint, Remedy) and len(words) <= MAX_TEXT else None
        return Diagnostic(self, shorten(message, MAX_TEXT), span, shorten(words, MAX_TEXT), remedy)


_declared: dict[str, Code] = {}


def declare(
    id: str,
    title: str,
    severity: Severity = "error",
    exit_status: int = 1,
    verdict: bool = False,
    why: str = "",
    bad: str = "",
    good: str = "",
    of_pack: bool = False,
    note: bool = False,
) -> Code:
    """Register a code. Raises ValueError if the id is taken: one id has one meaning.

    Arguments must be literals, and the result must be assigned at module level, because `known_codes` reads
    declarations without running them."""
    if id in _declared:
        raise ValueError(f"{id} is declared twice: {_declared[id].title!r} and {title!r}")
    _declared[id] = code = Code(id, title, severity, exit_status, verdict, why, bad, good, of_pack, note)
    return code


def declared() -> dict[str, Code]:
    """The codes of all imported modules, including custom blocks, by id."""
    return dict(_declared)


@cache
def known_codes(beginning: str = "") -> dict[str, Code]:
    """Every code of the package whose id begins with `beginning`, by id and in order.

    Declarations are parsed, not run, because some modules need torch."""
    from ast import Assign, Call, Name, literal_eval, parse

    found = []
    for path in Path(__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if " = declare(" not in text or f'"{beginning}' not in text:  # saves a millisecond of parsing
            continue
        for statement in parse(text).body:
            match statement:
                case Assign(value=Call(func=Name(id="declare"), args=given, keywords=named)):
                    options = {option.arg: literal_eval(option.value) for option in named if option.arg}
                    found.append(Code(*map(literal_eval, given), **options))
    return {code.id: code for code in sorted(found, key=lambda code: code.id) if code.id.startswith(beginning)}


@dataclass(frozen=True)
class Diagnostic:
    """One finding: its code, the values found, the place, and the remedy as text (`hint`) and as an edit (`remedy`).

    `remedy` is None if no edit is known; programs never parse the text."""

    code: Code
    message: str
    span: Span
    hint: str = ""
    remedy: Remedy | None = None

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def exit_status(self) -> int:
        """The exit status of the command line: that of the code, but 2 if an argument is wrong."""
        return 2 if self.span.is_option and self.code.stops else self.code.exit_status

    def __str__(self) -> str:
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.span}: {self.code.id} {self.message}{hint}"


TOO_MANY = declare(
    "AB010",
    "more problems than are reported",
    why=(
        "After this many problems, most of the others are consequences of the first ones. Reading stops here, so that "
        "a file of a completely different kind is refused quickly."
    ),
    bad="""\
$ { cat net.yaml; seq 101 | sed 's/.*/field&: 1/'; } > many.yaml
$ archbuilder check many.yaml""",
    good="$ archbuilder check net.yaml",
)
MORE = declare(
    "AB013",
    "more warnings than are shown",
    severity="warning",
    note=True,
    why=(
        "At most a hundred warnings are shown per file. This line says how many more there are (at least), so that "
        "nobody takes the file for clean after fixing those, or hiding them with --ignore. The line itself does not "
        "count as a warning and can be neither selected nor ignored."
    ),
    bad="""\
$ seq 101 | sed 's/.*/- pointwise: {out: 8, padding: 1}/' > rows
$ { grep -v ^network net.yaml; echo network:; cat rows; echo '- gap'; echo '- classifier'; } > many.yaml
$ archbuilder check many.yaml""",
    good="$ archbuilder check net.yaml",
)


def too_many(place: Span) -> Diagnostic:
    """The last finding of a file with too many problems."""
    return TOO_MANY.at(place, f"more than {MAX_PROBLEMS} problems: the rest is not read", "fix these first")


def more(place: Span, number: int) -> Diagnostic:
    """The last finding of a file with `number` more warnings that are not shown; the first of them is at `place`."""
    message = f"at least {number:,} more warning{'s' * (number > 1)} from here on: {MAX_PROBLEMS} are shown"
    return MORE.at(place, message, "fix those first, or hide some with --ignore")


class ArchbuilderError(Exception):
    """Raised by the public API for bad input; `diagnostics` has every problem with its place."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = diagnostics

    def __reduce__(self) -> tuple[type[ArchbuilderError], tuple[Diagnostic, ...]]:
        return type(self), self.diagnostics  # so that it can be pickled for another process

    @property
    def exit_status(self) -> int:
        return max((d.exit_status for d in self.diagnostics), default=1)


def did_you_mean(found: str, known: Iterable[str], is_value: bool = False, more: str = "") -> Hint:
    """A remedy for an unknown name: the most similar known name, or a list of all, followed by `more`.

    The name is a key or a block at the place, or with `is_value` a word in the value at the place."""
    known = sorted(known)[:MAX_NAMES]
    return nearest(found, known, is_value, more) or (f"known here: {', '.join(known)}{more}" if known else "")


def nearest(found: str, known: Sequence[str], is_value: bool = False, more: str = "") -> Hint:
    """The known name that is similar to the one found, as a remedy; empty if none is similar."""
    name, say = like(found, known), f"did you mean {{}}?{more}"
    if not name:
        return ""
    # sdg for sgd, which a similarity of half the letters would miss
    is_swapped = len(found) == len(name) and sorted(found.lower()) == sorted(name)
    is_far = not is_swapped and not synonym(found[:MAX_NAME], [name]) and not _near(found[:MAX_NAME], (name,), NEAR)
    return Replace(found, name, say=say, guess=is_far) if is_value else Rename(name, say=say, guess=is_far)


def like(found: str, known: Sequence[str]) -> str:
    """The known name that is similar to the one found, or a synonym of it; empty if there is none."""
    if same := synonym(found[:MAX_NAME], known):
        return same
    lower = found[:MAX_NAME].lower()
    inside = (word for word in known if len(word) > 3 and word in lower)  # DeformableConv contains conv
    return _near(found[:MAX_NAME], tuple(known), FAR) or next(inside, "")


@lru_cache(maxsize=256)  # a mistake in a definition occurs at each of its uses, and comparing long names is slow
def _near(found: str, known: tuple[str, ...], cutoff: float) -> str:
    from difflib import get_close_matches  # imported late: only needed for errors

    names = dict.fromkeys((found, found.lower()))
    return next((near for name in names for near in get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def show(value: object, width: int = 60) -> str:
    """A value for a message: as YAML on one line, cut to `width` characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return shorten(repr(value), width)


def shorten(text: str, width: int) -> str:
    """The text, cut to `width` characters."""
    return text if len(text) <= width else text[: width - 3] + "..."
