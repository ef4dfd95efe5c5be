"""Findings as SARIF 2.1.0, the exchange format of static analysis: for GitHub's code scanning and other viewers.

A problem in a file is a result. A file that cannot be read, or a wrong argument, is a notification of the run, which
then counts as unsuccessful. Source: OASIS Standard SARIF 2.1.0 with Errata 01,
https://docs.oasis-open.org/sarif/sarif/v2.1.0/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from archbuilder.diagnostics import Code, Diagnostic, Span
from archbuilder.pipeline import Report
from archbuilder.reporting.diagnostic import printable, said
from archbuilder.reporting.repository_paths import is_file, uri
from archbuilder.version import __version__

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

Object = dict[str, Any]


Found = tuple[Diagnostic, str]  # a finding, and the file that was checked


def render(reports: Iterable[Report]) -> str:
    """One run with the findings of all reports."""
    return "".join(pieces(reports))


def pieces(reports: Iterable[Report]) -> Iterator[str]:
    """The same text. Its beginning depends on all findings, so findings are collected, but not whole reports."""
    files: dict[str, None] = {}  # a file may be named twice
    found: list[Found] = []
    for report in reports:
        files[_known_as(report.file)] = None
        found += ((d, report.file) for d in report.diagnostics)
    yield json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(found, list(files))]}, indent=2)


def _run(found: Sequence[Found], files: Sequence[str]) -> Object:
    failures = [one for one in found if one[0].exit_status == 2]
    results = [one for one in found if one[0].exit_status != 2]
    rules, kinds = _codes(results), _codes(failures)
    index = {file: number for number, file in enumerate(files)}
    driver = {
        "name": "archbuilder",
        "version": __version__,
        "rules": [_descriptor(code) for code in rules],
        "notifications": [_descriptor(code) for code in kinds],
    }
    notifications = [
        {"descriptor": {"id": d.code.id, "index": kinds.index(d.code)}, **_finding(d, file, index)}
        for d, file in failures
    ]
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not failures, "toolExecutionNotifications": notifications}],
        "artifacts": [_artifact(known) for known in files],
        "results": [
            {"ruleId": d.code.id, "ruleIndex": rules.index(d.code), **_finding(d, file, index)} for d, file in results
        ],
    }


def _codes(found: Iterable[Found]) -> list[Code]:
    return sorted({d.code for d, _ in found}, key=lambda code: code.id)


def _descriptor(code: Code) -> Object:
    title = f"{code.title[0].upper()}{code.title[1:]}."
    return {
        "id": code.id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": code.why or title},
        "defaultConfiguration": {"level": code.severity},
    }


def _finding(d: Diagnostic, checked: str, files: Mapping[str, int]) -> Object:
    """The common part of results and notifications. A finding without a place in a file has its place in the
    message."""
    message = said(d, checked)
    lines = [message if _has_place(d.span) else f"{d.span}: {message}", *([f"hint: {d.hint}"] if d.hint else [])]
    locations = [{"physicalLocation": _location(d.span, files)}] if _has_place(d.span) else []
    return {"level": d.severity, "message": {"text": "\n".join(map(printable, lines))}, "locations": locations}


def _has_place(span: Span) -> bool:
    return is_file(span) or span.line > 0


def _location(span: Span, files: Mapping[str, int]) -> Object:
    known = _known_as(span.file)
    where: Object = {"uri": known} if is_file(span) else {}
    if known in files:
        where["index"] = files[known]
    region: Object = {"startLine": 1}  # viewers need a line even for a whole file
    if span.line:
        columns = {"startColumn": span.column, "endColumn": span.end_column}
        region = {"startLine": span.line, "endLine": span.end_line, **columns}
    return {"artifactLocation": where, "region": region}


def _known_as(file: str) -> str:
    """The URI of a file, or the name of a text that is not in a file (standard input)."""
    return uri(file) if is_file(Span(file)) else file


def _artifact(known: str) -> Object:
    """A file that was checked, or a text without a file."""
    where = {"location": {"uri": known}} if is_file(Span(known)) else {"description": {"text": known}}
    return {**where, "roles": ["analysisTarget"], "sourceLanguage": "yaml"}
