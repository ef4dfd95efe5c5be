"""Compares the architectures in the work tree with those at a git revision: which are new, deleted, renamed or changed,
and how.

The bases and rule packs of a file are taken from the same side as the file, so a change of a base or a pack is a change
of all files that use it.
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

ALIKE = 0.7  # similarity from which two files count as one file that was renamed
MAX_PAIRS = 2_500  # deleted files times new ones; beyond that only identical files count as renamed
MAX_TEXT = 60_000  # characters of Markdown: a comment on GitHub has 65,536
MAX_VALUE, MAX_FINDINGS = 100, 10

HEADER = ("file", "change", "parameters", "MACs", "RF", "limits and rules")
WORDS = {"file", "change", "limits and rules"}
WELL = ("", table.OK, table.UNTRAINED)
NO_SETTINGS = ("archbuilder", "extends", "network", "define", "defaults")  # these are shown as changes of blocks

Setting = tuple[str, str, str]  # its dotted name, its value before and after


@dataclass(frozen=True)
class Pair:
    """One architecture before and after; None on the side that does not have it.

    kind: new, deleted, renamed or changed; was: its previous path, if it was renamed.
    """

    kind: str
    path: str
    before: Report | None
    after: Report | None
    was: str = ""

    @cached_property
    def demands(self) -> list[Setting]:
        """The limits, rules and goals that are missed now, or whose result has changed."""
        if self.after is None or self.after.facts is None:  # then their results are unknown
            return []
        was = table.row(self.before) if self.before and self.before.facts else None
        now = table.row(self.after)
        titles = dict.fromkeys(title for row in (now, was or {}) for title in row if table.is_verdict(title))
        found = [(title, _kept(was or {}, title), _kept(now, title)) for title in titles]
        return [each for each in found if each[2] not in WELL or (was and each[1] != each[2])]

    @property
    def settings(self) -> list[Setting]:
        """The settings outside the network that differ, including those of bases."""
        was, now = (dict(_settings(each)) for each in (self.before, self.after))
        names = dict.fromkeys((*was, *now)) if was and now else ()  # the settings of an unreadable file are unknown
        differ = [name for name in names if was.get(name) != now.get(name)]
        return [(name, _short(was.get(name, "")), _short(now.get(name, ""))) for name in differ]

    @property
    def findings(self) -> list[Diagnostic]:
        """Errors that are new, except those of limits and rules."""
        known = {(d.code, d.message) for d in self.before.errors} if self.before else set()
        errors = self.after.errors if self.after else ()
        return [d for d in errors if not d.code.verdict and (d.code, d.message) not in known]


@dataclass(frozen=True)
class Against:
    """All differences from a revision, and the number of architectures that are the same on both sides."""

    revision: str
    commit: str
    pairs: tuple[Pair, ...]
    alike: int

    @property
    def exit_status(self) -> int:
        """0, or the exit status of `check` for a current file that cannot be analysed."""
        errors = (d for pair in self.pairs if pair.after and not pair.after.facts for d in pair.after.errors)
        return max((d.exit_status for d in errors), default=0)


def against(
    revision: Revision, names: Sequence[str], overrides: Sequence[str] = (), rules: Sequence[str] = ()
) -> Against:
    """The differences between a revision and the work tree in files and folders, by default in the current folder.

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
    """The paths to compare on each side."""
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
    """Whether a YAML file that was not named explicitly is an architecture."""
    if report.document is None:
        return False
    root = report.document.root
    if root.is_mapping:
        return root.get("archbuilder") is not None
    return bool(re.search(r"\barchbuilder\b|\bextends\b", report.document.text))


def _differ(before: Report, after: Report) -> bool:
    """Whether the file, a base or a rule pack of a network differs."""
    if before.document is None or after.document is None:
        return before.diagnostics != after.diagnostics
    was, now = ([*doc.sources.values(), *doc.packs.values()] for doc in (before.document, after.document))
    return was != now


def _renamed(gone: dict[str, Report], fresh: dict[str, Report]) -> list[tuple[str, str]]:
    """(was, is) of renamed files, with the same or nearly the same content; the most similar first."""
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
    """The result of a limit or a rule: ok, missed by 1,234; empty if it does not apply."""
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
    """A number before and after, with their difference; only one number if they are equal or one is missing."""
    if len(set(numbers)) < 2:
        return shown(numbers[0]) if numbers else ""
    was, now = numbers
    return f"{shown(was)} > {shown(now)} ({signed(now - was)})"


def _outcome(pair: Pair) -> str:
    """The changes of limits and rules, in a few words."""
    if pair.after is None:
        return ""
    if pair.after.facts is None:
        return f"cannot be analysed: {' '.join(dict.fromkeys(d.code.id for d in pair.after.errors))}"
    counts = Counter(_words(was, now) for _, was, now in pair.demands)
    return ", ".join(f"{count} {words}" for words, count in sorted(counts.items()) if words) or "ok"


def _words(was: str, now: str) -> str:
    """The change of one limit, rule or goal; empty if there is nothing to report."""
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
    """The differences as text: a table of all changed files, and the changes of each file."""
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
    """The changes in one file: settings, limits and rules, blocks, new errors."""
    for name, was, now in (*pair.settings, *pair.demands):
        yield printable(f"{name}: {was or 'none'} > {now or 'none'}" if was != now else f"{name}: still {now}")
    if pair.before and pair.after and pair.before.facts and pair.after.facts:
        yield from compare.changes_of(pair.before, pair.after, style)
    for d in pair.findings[:MAX_FINDINGS]:
        yield printable(f"{d.span}: {d.code.id} {d.message}")


def to_markdown(found: Against) -> str:
    """The differences as a comment on a pull request, of bounded length. Names are formatted as code, so they cannot
    become links or mentions."""
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
            f"The changes of {left_out} more are too long for a comment: `archbuilder compare --against` shows them."
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
