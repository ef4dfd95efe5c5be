"""Spoilt files through the whole check, as many as wanted: `python -m tests.fuzz_check --cases 20000 --seed 1`.

Each case is a shipped file, spoilt in a few places: bytes, lines, values, names, nesting.  Whatever it
says, it is answered by diagnostics with a place in the file, within a second and as JSON and text too.
Exit status 1 if anything else happens.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType

from archbuilder import blocks
from archbuilder.ir.builder import MAX_LAYERS
from archbuilder.pipeline import Report, check
from archbuilder.reporting import html, text
from archbuilder.reporting import json as as_json

ROOT = Path(__file__).parents[1]
SECONDS, PER_LAYER = 1.0, 0.00005  # of processor time for one case, and for each layer that it repeats
GIVE_UP = 20.0

Spoil = Callable[[Random, bytes], bytes]

EVERYTHING = b"""\
archbuilder: 1
name: everything
input: [3, 32, 32]
classes: 10
limits: {params: "< 200k", receptive_field: "> 44", macs: "<= 100M"}
vars: {width: 16, wide: 2 * width}
defaults: {norm: group, activation: gelu, dropout: 0.05, order: conv-act-norm}
network:
  - stage: {name: C1, blocks: [{conv: width}, {dilated: {out: wide, dilation: [1, 2]}}, {strided: wide}]}
  - skip: &body
      blocks:
        - repeat: {times: 3, blocks: [{depthwise_separable: {out: wide, kernel: 5, multiplier: 2}}]}
        - grouped: {out: wide, groups: 4, padding: [1, 1]}
      merge: concat
  - skip: {<<: *body, merge: add, shortcut: [{pointwise: wide}]}
  - max_pool: {kernel: 3, stride: 2, padding: 1}
  - norm: {kind: instance, affine: true}
  - activation: {kind: leaky_relu, slope: 0.2}
  - dropout: {p: 0.1, channels: true}
  - gap
  - flatten
  - linear: 32
  - classifier: linear
data:
  dataset: cifar10
  augment: [horizontal_flip, {shift_scale_rotate: {shift: 0.1}}, {coarse_dropout: {height: 8, width: 8, fill: mean}}]
train: {epochs: 3, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}, schedule: {one_cycle: {warmup: 0.3}}}
"""

ODD = (
    """
0|1|-1|2|3|7|99|1000|10000|999999|1000000|1000001|-1000000|99999999999999999999|1e3|1e-3|1e400|0.5|.5|-0.0|.nan|.inf
-.inf|0x7fffffff|0o17|007|1_000|null|~||true|false|yes|on|same|valid|auto|none|identity|add|concat|x|width|2 * width
width // 0|width ** 9|-width|(1|[]|[1]|[1, 2]|[1, 2, 3]|[1, 2, 3, 4]|[1, x]|[[1]]|{}|{a: 1}|{out: 3}|{kind: group}
{times: 1000000, blocks: [gap]}|[gap]|[gap, {conv: 3}]|'< 5'|'> 44k'|> 44|< 5|"\\0"|"\\u202e"|"\\x1b[2J"|'a''b'|*body|*x
&x 3|&x [*x]|!!int 3|!!python/name:os|!x y|<<|'<<': 1|# c|@|%|`|"|'|{|}|[|]|,|: |- |? |---|...|\t
import os|__import__('os')|lambda: 0|1 if 1 else 2|train|forward|input|conv.norm|../../etc/passwd|/dev/zero|-
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


def _corpus() -> list[bytes]:
    shipped = [
        path.read_bytes() for folder in ("architectures", "examples") for path in (ROOT / folder).rglob("*.yaml")
    ]
    return [EVERYTHING, *sorted(shipped)]


def _words() -> list[str]:
    """Every word of the language: blocks and their fields."""
    found = {field for name in blocks.names() if (block := blocks.find(name)) for field in block.model_fields}
    return sorted(found | set(blocks.names()))


CORPUS, WORDS = _corpus(), _words()


def _bytes(random: Random, data: bytes) -> bytes:
    """A byte changed, put in or taken out."""
    at = random.randrange(len(data) + 1)
    new = random.choice(
        [bytes([random.randrange(256)]), random.choice([b":", b" ", b"-", b"[", b"{", b"\n", b"\t", b"#"])]
    )
    return data[:at] + random.choice([new, b""]) + data[at + random.randrange(2) :]


def _lines(random: Random, data: bytes) -> bytes:
    """A line taken out, doubled, moved, indented, or glued to the next."""
    lines = data.splitlines(keepends=True) or [b"\n"]
    at = random.randrange(len(lines))
    line = lines.pop(at)
    there = random.randrange(len(lines) + 1)
    again = [(at, b"  " + line), (at, line[1:]), (at, line.rstrip(b"\n")), (there, line)]
    for position, new in random.choice([[], [(at, line), (at, line)], *([item] for item in again)]):
        lines.insert(position, new)
    return b"".join(lines)


def _pieces(data: bytes) -> list[tuple[int, int]]:
    """Begin and end of every word and number in a text."""
    found, start = [], None
    for position, byte in enumerate(data + b" "):
        inside = chr(byte).isalnum() or byte in b"_.*<>+"
        if inside and start is None:
            start = position
        elif not inside and start is not None:
            found.append((start, position))
            start = None
    return found


def _replace(random: Random, data: bytes, news: Sequence[str]) -> bytes:
    pieces = _pieces(data) or [(0, 0)]
    start, end = random.choice(pieces)
    return data[:start] + random.choice(news).encode() + data[end:]


def _values(random: Random, data: bytes) -> bytes:
    """A word or number replaced by an odd value."""
    return _replace(random, data, ODD)


def _names(random: Random, data: bytes) -> bytes:
    """A word or number replaced by another word of the language."""
    return _replace(random, data, WORDS)


def _swap(random: Random, data: bytes) -> bytes:
    """A word or number replaced by another one of the same file."""
    start, end = random.choice(_pieces(data) or [(0, 0)])
    return _replace(random, data, [data[start:end].decode("utf-8", "replace")])


def _nest(random: Random, data: bytes) -> bytes:
    """A word wrapped in collections, or a long chain of them put in."""
    start, end = random.choice(_pieces(data) or [(0, 0)])
    left, right = random.choice([(b"[", b"]"), (b"{a: ", b"}"), (b"[{stage: {blocks: [", b"]}}]"), (b"- ", b"")])
    depth = random.choice([1, 2, 5, 50, 200])
    return data[:start] + left * depth + data[start:end] + right * depth + data[end:]


def _blocks(random: Random, data: bytes) -> bytes:
    """An example of a block put before a block, or a rejected one."""
    name = random.choice(blocks.names())
    block = blocks.find(name)
    assert block is not None
    lines = data.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.lstrip().startswith(b"- ")] or [0]
    at = random.choice(places)
    indent = b" " * (len(lines[at]) - len(lines[at].lstrip())) if lines else b""
    text = random.choice([block.EXAMPLE, *block.REJECTS])
    new = [indent + (line if line.startswith("- ") else f"- {line}").encode() + b"\n" for line in text.splitlines()]
    return b"".join(lines[:at] + new + lines[at:])


def _splice(random: Random, data: bytes) -> bytes:
    """The head of one file and the tail of another."""
    other = random.choice(CORPUS)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other)) :]


SPOILS: list[Spoil] = [_bytes, _lines, _values, _values, _values, _names, _swap, _nest, _blocks, _splice]


def case(seed: int, number: int) -> bytes:
    """The case of a number: the same seed gives the same cases."""
    random = Random(f"{seed}:{number}")
    data = random.choice(CORPUS)
    for _ in range(random.choice([1, 1, 1, 1, 2, 2, 3, 5])):
        data = random.choice(SPOILS)(random, data)
    return data


@contextmanager
def limited() -> Iterator[None]:
    """Ends what uses the processor without end, by an exception."""

    def stop(signal: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer after {GIVE_UP:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, GIVE_UP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def examine(path: Path) -> tuple[list[str], float, list[str]]:
    """(codes found, seconds, what is wrong with the answer) of a file."""
    start = time.process_time()
    try:
        with limited():
            report = check(path)
            rendered = text.render(report), as_json.render([report]), html.render(report)
    except BaseException as error:  # whatever it is, it is not an answer
        if isinstance(error, KeyboardInterrupt):
            raise
        return [], time.process_time() - start, [f"{type(error).__name__}: {error}"]
    seconds = time.process_time() - start
    too_many = any(d.code.id == "AB201" for d in report.diagnostics)
    layers = MAX_LAYERS if too_many else len(report.graph.nodes if report.graph else ())
    wrong = [*_wrong(report, path), *([f"{seconds:.1f} s"] if seconds > SECONDS + PER_LAYER * layers else [])]
    if json.loads(rendered[1])["files"][0]["ok"] != report.ok or any("\x1b" in shown for shown in rendered):
        wrong.append("the output is not what it should be")
    return sorted({d.code.id for d in report.diagnostics}), seconds, wrong


def _wrong(report: Report, path: Path) -> Iterator[str]:
    """What no report should be."""
    if report.ok != (report.facts is not None and not any(d.severity == "error" for d in report.diagnostics)):
        yield "ok, facts and errors contradict each other"
    lines = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for d in report.diagnostics:
        if d.span.file != str(path):
            yield f"a place outside the file: {d}"
        elif not 1 <= d.span.line <= len(lines) or not 1 <= d.span.column <= len(lines[d.span.line - 1]) + 2:
            yield f"a place that is not there: {d}"
        if not d.message or len(d.message) > 1000:
            yield f"{len(d.message)} characters of message: {d.code.id}"
    if len(set(report.diagnostics)) != len(report.diagnostics):
        yield "a problem that is reported twice"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_check", description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000, metavar="N", help="number of files")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same files")
    parser.add_argument("--only", type=int, metavar="K", help="print and examine a single case")
    args = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)  # what grows without end ends in a MemoryError
    codes, slowest, failed, start = Counter[str](), (0.0, -1), 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.yaml"
        for number in range(args.cases) if args.only is None else [args.only]:
            path.write_bytes(case(args.seed, number))
            found, seconds, wrong = examine(path)
            codes.update(found or ["clean"])
            slowest = max(slowest, (seconds, number))
            if wrong:
                failed += 1
                print(f"# case {number} of seed {args.seed}", *wrong, sep="\n", flush=True)
        if args.only is not None:
            print(path.read_bytes().decode("utf-8", "backslashreplace"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{args.cases} files in {time.perf_counter() - start:.0f} s, the slowest {slowest[0]:.2f} s (case {slowest[1]})"
    )
    print(f"peak memory {peak:.0f} MiB; failed: {failed}")
    print(f"found: {', '.join(f'{count} {code}' for code, count in codes.most_common())}")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
