"""Spoilt files through the whole check, as many as wanted: `python -m tests.fuzz_check --cases 20000 --seed 1`.

Each case of tests/spoiling is a valid file, spoilt in a few places, with the files beside it and the options it is
checked with.  Whatever it says, it is answered by diagnostics with a place, within a second in any format.
Exit status 1 if anything else happens.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

from archbuilder.cli import COLLECT_AFTER
from archbuilder.diagnostics import Span
from archbuilder.pipeline import Report, check
from archbuilder.reporting import concise, github, html, sarif, text
from archbuilder.reporting import json as as_json
from tests.spoiling import Case, case

T = TypeVar("T")

SECONDS = 1.0  # of processor time, for the check and one format
GIVE_UP = 20.0
MAX_FAILURES = 20
FORMATS: dict[str, Callable[[Report], str]] = {
    "text": text.render,
    "html": html.render,
    "concise": lambda report: concise.render([report]),
    "github": lambda report: github.render([report]),
    "json": lambda report: as_json.render([report]),
    "sarif": lambda report: sarif.render([report]),
}


@contextmanager
def limited() -> Iterator[None]:
    """Stop code that never ends, by an exception."""

    def stop(signal: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer after {GIVE_UP:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, GIVE_UP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def examine(path: Path, overrides: Sequence[str] = (), rules: Sequence[str] = ()) -> tuple[list[str], float, list[str]]:
    """(codes found, seconds for the check and the slowest format, what is wrong with the answer) of a file."""
    start = time.process_time()
    try:
        with limited():
            report, rendered, seconds = _answer(path, overrides, rules)
            if seconds > SECONDS:
                seconds = min(seconds, _deeper(9, lambda: _answer(path, overrides, rules))[2])
    except BaseException as error:  # whatever it is, it is not an answer
        if isinstance(error, KeyboardInterrupt):
            raise
        return [], time.process_time() - start, [f"{type(error).__name__}: {error}"]
    wrong = [*_wrong(report, path), *([f"{seconds:.1f} s"] if seconds > SECONDS else [])]
    if json.loads(rendered["json"])["files"][0]["ok"] != report.ok or any(
        "\x1b" in shown for shown in rendered.values()
    ):
        wrong.append("the output is not what it should be")
    return sorted({d.code.id for d in report.diagnostics}), seconds, wrong


def _deeper(calls: int, answer: Callable[[], T]) -> T:
    """The answer from so many calls further in.

    A busy machine may be to blame for a slow one, or where the interpreter's stack happened to be: CPython maps it in
    pages of 16 KiB, and work that goes back and forth over the end of one maps and unmaps the next each time.
    """
    return _deeper(calls - 1, answer) if calls else answer()


def _answer(path: Path, overrides: Sequence[str], rules: Sequence[str]) -> tuple[Report, dict[str, str], float]:
    """The report, as each format, and the seconds for it as the slowest of them."""
    start = time.process_time()
    report = check(path, overrides, rules)
    checked, rendered, slowest = time.process_time() - start, {}, 0.0
    for name, render in FORMATS.items():
        start = time.process_time()
        rendered[name] = render(report)
        slowest = max(slowest, time.process_time() - start)
    return report, rendered, checked + slowest


def _wrong(report: Report, path: Path) -> Iterator[str]:
    """Properties that no report may have."""
    is_pack = report.document is not None and report.document.root.get("archbuilder_rules") is not None
    errors = any(d.severity == "error" for d in report.diagnostics)
    if report.ok == errors or not (errors or is_pack or report.facts):
        yield "ok, facts and errors contradict each other"
    texts = {str(file): file.read_bytes().decode("utf-8", "replace") for file in path.parent.glob("*.yaml")}
    texts |= report.document.sources if report.document else {}  # a pack may be any file that can be read
    lines = {name: _line_lengths(text) for name, text in texts.items()}
    for d in report.diagnostics:
        if d.span.file not in lines and not d.span.is_option:
            yield f"a place outside the files: {d}"
        elif d.span.line and not _is_in(d.span, lines[d.span.file]):
            yield f"a place that is not there: {d}"
        if not d.message or len(d.message) > 1000:
            yield f"{len(d.message)} characters of message: {d.code.id}"
    if len(set(report.diagnostics)) != len(report.diagnostics):
        yield "a problem that is reported twice"


def _misprinted(report: Report, rendered: dict[str, str]) -> Iterator[str]:
    """What no output should be: a line of its own for each finding, and nothing that steers a terminal or a log."""
    found = len(report.diagnostics)
    if json.loads(rendered["json"])["files"][0]["ok"] != report.ok:
        yield "the JSON says something else"
    if len(json.loads(rendered["sarif"])["runs"][0].get("results", ())) > found:
        yield "the SARIF says something else"
    lines = rendered["github"].split("\n") if found else []
    if len(lines) != found or not all(line.startswith(("::error ", "::warning ")) for line in lines):
        yield "a log would take a finding for something else"
    if rendered["concise"].count("\n") != found:
        yield "findings that are not one to a line"
    yield from (f"{name} has control characters" for name, shown in rendered.items() if _CONTROL.search(shown))


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _is_in(span: Span, lines: Sequence[int]) -> bool:
    return 1 <= span.line <= len(lines) and 1 <= span.column <= lines[span.line - 1] + 2


def _line_lengths(text: str) -> list[int]:
    return [len(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def _describe(case: Case) -> str:
    """The description of a case, to read it and to repeat it by hand."""
    files = {"case.yaml": case.file, "base.yaml": case.base, "pack.yaml": case.pack, **case.others}
    parts = [f"# {name}\n{data.decode('utf-8', 'backslashreplace')}" for name, data in files.items()]
    return "\n".join(
        [*parts, *(f"# --set {text!r}" for text in case.overrides), *(f"# --rules {r}" for r in case.rules)]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_check", description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000, metavar="N", help="number of cases")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same cases")
    parser.add_argument("--only", type=int, metavar="K", help="print and examine a single case")
    args = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)  # what grows without end ends in a MemoryError
    gc.set_threshold(COLLECT_AFTER)  # as the program has it
    codes, slowest, cases, failed, start = Counter[str](), (0.0, -1), 0, 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.cases) if args.only is None else [args.only]:
            made = case(args.seed, number)
            path = made.write(Path(folder))
            found, seconds, wrong = examine(path, made.overrides, made.rules)
            codes.update(found or ["clean"])
            slowest, cases = max(slowest, (seconds, number)), cases + 1
            if args.only is not None:
                print(_describe(made))
            if wrong:
                failed += 1
                print(f"# case {number} of seed {args.seed}", *wrong, sep="\n", flush=True)
            if failed == MAX_FAILURES:
                break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = time.perf_counter() - start
    print(f"{cases} cases in {took:.0f} s, the slowest {slowest[0]:.2f} s (case {slowest[1]})")
    print(f"peak memory {peak:.0f} MiB; failed: {failed}")
    print(f"found: {', '.join(f'{count} {code}' for code, count in codes.most_common())}")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
