"""Architectures as they are against what git had at a revision: which are new, gone, renamed or changed, and how.

What a changed file extends and the rule packs that it names are taken from the same side as the file, so that a change
of a base or a pack is a change of all that rest on it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import accumulate, product
from typing import Any

from archbuilder.analysis.changes import changes
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, shorten
from archbuilder.document.text import MISSING
from archbuilder.pipeline import Report, check_opened
from archbuilder.reporting import compare, table
from archbuilder.reporting.diagnostic import printable
from archbuilder.reporting.dotted_settings import flat
from archbuilder.reporting.field import field_of
from archbuilder.reporting.json import VERSION, dumps, to_dict
from archbuilder.reporting.markdown import Raw, code, grid
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import columns, human
from archbuilder.revisions import Revision
from archbuilder.sources import Opened

ALIKE = 0.7  # how much of two files is the same where one of them is the other under a new name
MAX_PAIRS = 2_500  # gone files times new ones; more are told to be renamed where they are the same to the letter
MAX_TEXT = 60_000  # characters of Markdown: a comment on GitHub has 65,536
MAX_VALUE, MAX_FINDINGS = 100, 10

HEADER = ("file", "change", "parameters", "MACs", "RF", "limits and rules")
WORDS = {"file", "change", "limits and rules"}
WELL = ("", table.OK, table.UNTRAINED)
NO_SETTINGS = ("archbuilder", "extends", "network", "define", "defaults")  # which the changes of blocks tell

Setting = tuple[str, str, str]  # its dotted name, its value before and after


@dataclass(frozen=True)
class Pair:
    """One architecture before and after; None on the side that does not have it.

    kind: new, deleted, renamed or changed; was: the path that it had, where that is another one.
    """

    kind: str
    path: str
    before: Report | None
    after: Report | None
    was: str = ""

    @cached_property
    def demands(self) -> list[Setting]:
        """The limits, rules and goals that are not kept now, or were kept in another way before."""
        if self.after is None or self.after.facts is None:  # then nothing is known of them
            return []
        was = table.row(self.before) if self.before and self.before.facts else None
        now = table.row(self.after)
        titles = dict.fromkeys(title for row in (now, was or {}) for title in row if table.is_verdict(title))
        found = [(title, _kept(was or {}, title), _kept(now, title)) for title in titles]
        return [each for each in found if each[2] not in WELL or (was and each[1] != each[2])]

    @property
    def settings(self) -> list[Setting]:
        """What is written otherwise outside of the network, with what it extends."""
        was, now = (dict(_settings(each)) for each in (self.before, self.after))
        names = dict.fromkeys((*was, *now)) if was and now else ()  # of one that cannot be read nothing is known
        differ = [name for name in names if was.get(name) != now.get(name)]
        return [(name, _short(was.get(name, "")), _short(now.get(name, ""))) for name in differ]

    @property
    def findings(self) -> list[Diagnostic]:
        """Errors that there are now and were not before, but for limits and rules."""
        known = {(d.code, d.message) for d in self.before.errors} if self.before else set()
        errors = self.after.errors if self.after else ()
        return [d for d in errors if not d.code.verdict and (d.code, d.message) not in known]


@dataclass(frozen=True)
class Against:
    """All that differs from a revision, and how many architectures are the same on both sides."""

    revision: str
    commit: str
    pairs: tuple[Pair, ...]
    alike: int

    @property
    def exit_status(self) -> int:
        """0, or what `check` gives for a file of now that cannot be analysed."""
        errors = (d for pair in self.pairs if pair.after and not pair.after.facts for d in pair.after.errors)
        return max((d.exit_status for d in errors), default=0)


def against(
    revision: Revision, names: Sequence[str], overrides: Sequence[str] = (), rules: Sequence[str] = ()
) -> Against:
    """What differs between a revision and the work tree, of files and of folders; of the current one if none is named.

    Raises ArchbuilderError AB001 for a name that neither side has."""
    old, new = _candidates(revision, names)
    named = set(map(os.path.relpath, names))

    def side(open_: Callable[[str], Opened], paths: Iterable[str]) -> dict[str, Report]:
        reports = ((path, _checked(open_, path, overrides, rules)) for path in paths)
        return {path: report for path, report in reports if path in named or _is_network(report)}

    before, after = side(revision.open, sorted(old)), side(revision.repository.open, sorted(new))
    both = before.keys() & after.keys()
    found = [Pair("changed", path, before[path], after[path]) for path in both if _differ(before[path], after[path])]
    gone = {path: report for path, report in before.items() if path not in both}
    fresh = {path: report for path, report in after.items() if path not in both}
    for was, path in _renamed(gone, fresh):
        found.append(Pair("renamed", path, gone.pop(was), fresh.pop(path), was))
    found += [Pair("deleted", path, report, None) for path, report in gone.items()]
    found += [Pair("new", path, None, report) for path, report in fresh.items()]
    alike = len(both) - sum(pair.kind == "changed" for pair in found)
    return Against(revision.name, revision.commit, tuple(sorted(found, key=lambda pair: pair.path)), alike)


def _candidates(revision: Revision, names: Sequence[str]) -> tuple[set[str], set[str]]:
    """The paths to look at on either side."""
    old: set[str] = set()
    new: set[str] = set()
    for path in map(os.path.relpath, names or ["."]):
        was, now = {path} & revision.files.keys(), {path} if os.path.isfile(path) else set()
        if not was and not now:
            was = set(revision.below(path))
            now = set(revision.repository.below(path)) if os.path.isdir(path) else set()
        if not was and not now and names:
            message = f"there is no such file or folder with architectures, neither here nor in {revision.name}"
            raise ArchbuilderError(MISSING.at(Span(path), message, "check the path"))
        old, new = old | was, new | now
    return old, new


def _checked(open_: Callable[[str], Opened], path: str, overrides: Sequence[str], rules: Sequence[str]) -> Report:
    try:
        return check_opened(open_(path), overrides, rules)
    except ArchbuilderError as error:
        return Report(path, diagnostics=error.diagnostics)


def _is_network(report: Report) -> bool:
    """Whether a YAML file that nobody named means to be an architecture."""
    if report.document is None:
        return False
    root = report.document.root
    if root.is_mapping:
        return root.get("archbuilder") is not None
    return bool(re.search(r"\barchbuilder\b|\bextends\b", report.document.text))


def _differ(before: Report, after: Report) -> bool:
    """Whether one of the texts that a network is made of differs."""
    if before.document is None or after.document is None:
        return before.diagnostics != after.diagnostics
    was, now = ([*doc.sources.values(), *doc.packs.values()] for doc in (before.document, after.document))
    return was != now


def _renamed(gone: dict[str, Report], fresh: dict[str, Report]) -> list[tuple[str, str]]:
    """(was, is) of files that are the same under another name, or nearly so; the most alike first."""
    likely = len(gone) * len(fresh) <= MAX_PAIRS
    likeness = ((_likeness(gone[was], fresh[path], likely), was, path) for was, path in product(gone, fresh))
    ranked = sorted((each for each in likeness if each[0] >= ALIKE), key=lambda each: (-each[0], *each[1:]))
    found: dict[str, str] = {}
    for _, was, path in ranked:
        if was not in found and path not in found.values():
            found[was] = path
    return list(found.items())


def _likeness(before: Report, after: Report, likely: bool) -> float:
    """From 0 to 1."""
    if not before.document or not after.document:
        return 0.0
    was, now = before.document.text, after.document.text
    if was == now or not likely:
        return float(was == now)
    matcher = SequenceMatcher(None, was.splitlines(), now.splitlines(), autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE else 0.0


def _short(value: str) -> str:
    return shorten(value, MAX_VALUE)


def _settings(report: Report | None) -> Iterator[tuple[str, str]]:
    values = report.document.root.plain() if report and report.document else None
    for key, value in values.items() if isinstance(values, dict) else ():
        if key not in NO_SETTINGS:
            yield from flat(str(key), value)


def _kept(row: table.Row, title: str) -> str:
    """How a limit or a rule is kept: ok, missed by 1,234; empty where it is not asked for."""
    left = row.get(f"{title}.left")
    by = f" by {-left:,}" if row.get(title) == table.MISSED and isinstance(left, int) and left else ""
    return f"{row.get(title) or ''}{by}"


def _row(pair: Pair) -> tuple[str, ...]:
    """The cells of a pair under HEADER."""
    facts = [each.facts for each in (pair.before, pair.after) if each and each.facts]
    params = _step([each.params for each in facts], "{:,}".format, compare.signed)
    macs = _step([each.macs for each in facts], human, lambda number: compare.signed(number, short=True))
    fields = " > ".join(dict.fromkeys(field_of(each.field) for each in facts))
    return (_path(pair), pair.kind, params, macs, fields, _outcome(pair))


def _path(pair: Pair) -> str:
    return f"{pair.was} > {pair.path}" if pair.was else pair.path


def _step(numbers: Sequence[int], shown: Callable[[int], str], signed: Callable[[int], str]) -> str:
    """A number before and after, and their difference; one of them where that is all there is to say."""
    if len(set(numbers)) < 2:
        return shown(numbers[0]) if numbers else ""
    was, now = numbers
    return f"{shown(was)} > {shown(now)} ({signed(now - was)})"


def _outcome(pair: Pair) -> str:
    """What became of the limits and rules, in a few words."""
    if pair.after is None:
        return ""
    if pair.after.facts is None:
        return f"cannot be analysed: {' '.join(dict.fromkeys(d.code.id for d in pair.after.errors))}"
    counts = Counter(_words(was, now) for _, was, now in pair.demands)
    return ", ".join(f"{count} {words}" for words, count in sorted(counts.items()) if words) or "ok"


def _words(was: str, now: str) -> str:
    """What became of one limit, rule or goal; empty where there is no need to look."""
    if now.startswith(table.MISSED):
        return "still missed" if was.startswith(table.MISSED) else "newly missed"
    if was.startswith(table.MISSED) and now == table.OK:
        return "kept again"
    if not was and now in WELL:
        return "newly asked for"
    return "no longer asked for" if not now else "ignored" if now == table.IGNORED else ""


def _headline(found: Against) -> str:
    same = f"{found.alike} the same" if found.alike else ""
    kinds = [f"{sum(p.kind == kind for p in found.pairs)} {kind}" for kind in ("changed", "new", "renamed", "deleted")]
    return ", ".join(filter(None, [*(words for words in kinds if not words.startswith("0 ")), same])) or "none"


def render(found: Against, style: Style = PLAIN) -> str:
    """For people: a table of all that differs, and of each file what changed."""
    lines = [f"architectures against {printable(found.revision)} ({found.commit[:10]}): {_headline(found)}"]
    if found.pairs:
        rows = [HEADER, *(tuple(map(printable, _row(pair))) for pair in found.pairs)]
        first, *rest = columns(rows, WORDS, style, ("MACs", "RF"))
        lines += ["", style.bold(first), *rest]
    for pair in found.pairs:
        if told := list(_details(pair, style)):
            lines += ["", style.bold(printable(_path(pair))), *told]
    return "\n".join(lines)


def _details(pair: Pair, style: Style) -> Iterator[str]:
    """What changed in one file: its settings, its limits and rules, its blocks, what is wrong with it now."""
    for name, was, now in (*pair.settings, *pair.demands):
        yield printable(f"{name}: {was or 'none'} > {now or 'none'}" if was != now else f"{name}: still {now}")
    if pair.before and pair.after and pair.before.facts and pair.after.facts:
        yield from compare.changes_of(pair.before, pair.after, style)
    for d in pair.findings[:MAX_FINDINGS]:
        yield printable(f"{d.span}: {d.code.id} {d.message}")


def to_markdown(found: Against) -> str:
    """The same as a comment on a pull request: bounded, and every name in it is code, so that it is nothing else."""
    lines = [f"**Architectures against {code(found.revision)}** ({found.commit[:10]}): {_headline(found)}"]
    if found.pairs:
        rows = [_marked_row(pair) for pair in found.pairs]
        lengths = accumulate(sum(map(len, row)) + 3 * len(row) for row in rows)
        shown = sum(length <= MAX_TEXT // 2 for length in lengths)  # paths may be long
        lines.append(grid(HEADER, rows[:shown], WORDS))
        if more := len(rows) - shown:
            lines.append(f"and {more:,} more")
    left_out = 0
    for pair in found.pairs:
        part = _marked_details(pair)
        if part and sum(map(len, lines)) + len(part) > MAX_TEXT:
            left_out += 1
        elif part:
            lines.append(part)
    if left_out:
        lines.append(
            f"What changed in {left_out} more is too long for a comment: `archbuilder compare --against` has it."
        )
    return "\n\n".join(lines)


def _marked_row(pair: Pair) -> list[str]:
    path, kind, *numbers, kept = _row(pair)
    numbers = [number.replace(">", "→") for number in numbers]
    return [code(path), kind, *numbers, Raw(f"**{kept}**") if "newly" in kept or "cannot" in kept else kept]


def _marked_details(pair: Pair) -> str:
    rows = [[code(name), code(was), code(now)] for name, was, now in (*pair.settings, *pair.demands)]
    parts: list[str] = [grid(("", "was", "is"), rows, ("", "was", "is"))] if rows else []
    if pair.before and pair.after and pair.before.facts and pair.after.facts:
        parts.append(compare.marked_down(changes(pair.before.facts, pair.after.facts)))
    findings = [f"- {code(f'{d.span}: {d.code.id} {d.message}')}" for d in pair.findings[:MAX_FINDINGS]]
    parts += ["\n".join(findings)] if findings else []
    inner = "\n\n".join(parts)
    return (
        f"#### {code(_path(pair))}\n\n<details><summary>what changed</summary>\n\n{inner}\n\n</details>"
        if inner
        else ""
    )


def to_json(found: Against) -> str:
    """One JSON object, version 1; totals and verdicts as `compare --format json` has them."""
    files = [_plain(pair) for pair in found.pairs]
    revision = {"revision": found.revision, "commit": found.commit}
    return dumps({"version": VERSION, "against": revision, "unchanged": found.alike, "files": files})


def _plain(pair: Pair) -> dict[str, Any]:
    wanted = (*compare.PLAIN_KEYS, "diagnostics")
    before, after = (
        {key: value for key, value in to_dict(each).items() if key in wanted} if each else None
        for each in (pair.before, pair.after)
    )
    differ = [{"name": name, "was": was, "is": now} for name, was, now in pair.settings]
    found = compare.plain_changes(pair.before, pair.after) if pair.before and pair.after else None
    told = {"kind": pair.kind, "file": pair.path, "was": pair.was or None}
    return {**told, "before": before, "after": after, "settings": differ, "changes": found}
