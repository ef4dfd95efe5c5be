"""Answers that do not depend on the edited text: manuals, networks and packs to start from, a first file,
comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import ArchbuilderError, declared, known_codes
from archbuilder.live.answers.question import Answer, Question, Unanswered
from archbuilder.pipeline import Report, check_text
from archbuilder.reporting.diagnostic import printable


def version(question: Question) -> Answer:
    return {"language": 1}


def explain(question: Question) -> Answer:
    """The manual of a code."""
    from archbuilder.manual.explain import section

    id = question.text("code", "").upper()
    code = declared().get(id) or known_codes().get(id)  # reading the declarations of all modules takes a moment
    if code is None:
        raise Unanswered("there is no such code")
    return {
        "code": code.id,
        "title": code.title,
        "severity": code.severity,
        "why": code.why,
        "bad": code.bad,
        "good": code.good,
        "markdown": section(code),
    }


def starters(question: Question) -> Answer:
    """The shipped networks and the rule packs, each with a description in one line; nothing is checked yet."""
    from archbuilder.rules.packs.pack import FOLDER, built_in, shipped
    from archbuilder.starter.architectures import networks

    packs = [
        {"name": name, "title": built_in(name).title, "text": (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")}
        for name in shipped()
    ]
    found = [{"name": each.name, "title": each.title, "text": each.text} for each in networks()]
    return {"starters": found, "packs": packs}


def starter(question: Question) -> Answer:
    """The size of one of the shipped networks, whose text is given."""
    facts = _facts(question, check_text(question.text("text")))
    return {"params": facts.params, "macs": facts.macs}


def init(question: Question) -> Answer:
    """A first file, as `archbuilder init` writes it; `field` is the name of an invalid answer."""
    from archbuilder.starter import answers, start

    packs = _packs(question)
    (channels, height, width), count = packs.image
    shape = _read(question, "input", f"{channels}x{height}x{width}", answers.image)
    wish = answers.Wish(
        _read(question, "name", answers.NAME, answers.name),
        shape,
        _read(question, "classes", str(count), answers.classes),
        _read(question, "params", packs.params, answers.params),
        packs.texts,
        packs.texts,
    )
    try:
        return {"text": start(wish).text}
    except ArchbuilderError as error:
        found = error.diagnostics[0]
        raise Unanswered(f"{found.message}; {found.hint}", field="params") from None


def init_defaults(question: Question) -> Answer:
    """The initial values of a form for `init`, for these packs."""
    from archbuilder.rules.packs.pack import shipped

    packs = _packs(question)
    shape, classes = packs.image
    return {
        "params": packs.params,
        "classes": str(classes),
        "input": "x".join(map(str, shape)),
        "packs": shipped(),
    }


def _packs(question: Question) -> Any:
    from archbuilder.rules.packs.pack import shipped
    from archbuilder.starter import answers

    if unknown := [name for name in question.texts("packs") if name not in shipped()]:
        raise Unanswered(f"there is no rule pack {unknown[0]}", field="packs")
    return answers.packs(",".join(question.texts("packs")) or "none")


def _read(question: Question, field: str, default: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(question.text(field, "") or default)
    except ValueError as error:
        raise Unanswered(str(error), field=field) from None


def compare(question: Question) -> Answer:
    """The text compared with another one: the totals, and the effect of each changed block on them."""
    from archbuilder.analysis.changes import changes
    from archbuilder.reporting.compare import HEADER, change_rows, render, titles, total_rows

    other = {**question.given, "text": question.text("other"), "file": question.text("other_name", "other.yaml")}
    reports = (Question.of(other).report(), question.report())
    before, after = (_facts(question, report) for report in reports)
    return {
        "table": {
            "head": ["", *map(question.shown, titles(reports))],
            "rows": [list(row) for row in total_rows(reports)],
        },
        "changes": {"head": list(HEADER), "rows": [list(row) for row in change_rows(changes(before, after))]},
        "text": render(reports),
    }


def _facts(question: Question, report: Report) -> Facts:
    if report.facts is None:
        reason = printable(report.errors[0].message) if report.errors else "it is not a network"
        raise Unanswered(f"{question.shown(report.file)} cannot be analysed: {reason}")
    return report.facts
