"""SARIF: valid by the standard's own schema, and with everything that a check found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator, FormatChecker

from archbuilder import __version__
from archbuilder.diagnostics import Diagnostic, known_codes
from archbuilder.pipeline import Report, check
from archbuilder.reporting.sarif import SCHEMA, render

ROOT = Path(__file__).parents[2]
STANDARD = json.loads((Path(__file__).parent / "sarif" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


def run_of(reports: list[Report]) -> Any:
    """The only run of a valid log."""
    log = json.loads(render(reports))
    Draft4Validator(STANDARD, format_checker=FormatChecker()).validate(log)
    assert (log["$schema"], log["version"]) == (SCHEMA, "2.1.0") == (STANDARD["id"], "2.1.0")
    (run,) = log["runs"]
    return run


def test_the_schema_is_one_that_can_refuse():
    validator = Draft4Validator(STANDARD)
    assert not validator.is_valid({"version": "2.1.0"})
    assert not validator.is_valid({"version": "2.0.0", "runs": []})


def test_every_finding_is_there_once_at_its_place(reports: list[Report]):
    run = run_of(reports)
    expected = [
        (d.code.id, d.severity, *_place(d, report.file))
        for report in reports
        for d in report.diagnostics
        if _in_file(d)
    ]
    assert [_result(result, run) for result in run["results"]] == expected
    assert {"AB003", "AB004", "AB101", "AB103", "AB403", "AB503"} == {code for code, *_ in expected}
    assert run["columnKind"] == "unicodeCodePoints"  # what len() of a str counts, and libyaml


def _in_file(d: Diagnostic) -> bool:
    return d.exit_status == 1


def _place(d: Diagnostic, checked: str) -> tuple[Any, ...]:
    message = d.message if d.span.file == checked else f"{d.message} (checked: {checked})"
    return ("" if d.span.file == "<string>" else d.span.file, *d.span[1:], message.split(" \u202e")[0])


def _result(result: Any, run: Any) -> tuple[Any, ...]:
    (location,) = result["locations"]
    place, region = location["physicalLocation"]["artifactLocation"], location["physicalLocation"]["region"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    if "index" in place:
        artifact = run["artifacts"][place["index"]]
        assert artifact.get("location", {}).get("uri") == place.get("uri")
    lines = [region[key] for key in ("startLine", "startColumn", "endLine", "endColumn")]
    message = result["message"]["text"].split("\nhint: ")[0].split(" \\u202e")[0]
    return (result["ruleId"], result["level"], unquote(place.get("uri", "")), *lines, message)


def test_columns_are_those_of_the_text(reports: list[Report]):
    """A region cut out of the file is the word that the finding is about."""
    (report,) = (report for report in reports if "größe" in report.file)
    for result in run_of([report])["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        line = Path(report.file).read_text(encoding="utf-8").splitlines()[region["startLine"] - 1]
        assert line[region["startColumn"] - 1 : region["endColumn"] - 1] in ('"größe 😀"', '"\\u202e"', "gapp")


def test_what_could_not_be_checked_is_a_notification_of_a_run_that_failed(reports: list[Report]):
    run = run_of(reports)
    (invocation,) = run["invocations"]
    found = [(n["descriptor"]["id"], n["message"]["text"].split("\n")[0]) for n in _notifications(run)]
    assert not invocation["executionSuccessful"]
    assert found == [
        ("AB001", "cannot be read: No such file or directory"),
        ("AB103", "--set classes=many: classes: 'many' is not an integer: there is no variable many"),
        ("AB901", "--set nothing: an override has the form key.path=value"),
    ]
    (place,) = _notifications(run)[0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "missing.yaml"


def _notifications(run: Any) -> Any:
    kinds = run["tool"]["driver"]["notifications"]
    for notification in run["invocations"][0]["toolExecutionNotifications"]:
        assert kinds[notification["descriptor"]["index"]]["id"] == notification["descriptor"]["id"]
    return run["invocations"][0]["toolExecutionNotifications"]


def test_the_rules_are_the_codes_and_their_manual(reports: list[Report]):
    driver = run_of(reports)["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("archbuilder", __version__)
    for rule in driver["rules"]:
        code = known_codes()[rule["id"]]
        assert rule["shortDescription"]["text"].lower() == f"{code.title}.".lower()
        assert rule["fullDescription"]["text"] == code.why
        assert rule["defaultConfiguration"]["level"] == code.severity


def test_nothing_found(reports: list[Report]):
    (clean,) = (report for report in reports if report.file == "clean.yaml" and report.ok)
    run = run_of([clean])
    assert run["results"] == [] and run["invocations"][0]["executionSuccessful"]
    assert [artifact["location"]["uri"] for artifact in run["artifacts"]] == ["clean.yaml"]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a b.yaml", "a%20b.yaml"),
        ("größe.yaml", "gr%C3%B6%C3%9Fe.yaml"),
        ("100%#?.yaml", "100%25%23%3F.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),  # a colon in the first segment would make it a scheme
        ("\udcff.yaml", "%FF.yaml"),  # a name that is not UTF-8
    ],
)
def test_names_are_percent_encoded(name: str, uri: str):
    (artifact,) = run_of([Report(name)])["artifacts"]
    assert artifact["location"]["uri"] == uri


def test_paths_count_from_the_root_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    def uris(*files: str) -> list[str]:
        return [run_of([Report(file)])["artifacts"][0]["location"]["uri"] for file in files]

    files = ("net.yaml", str(tmp_path / "sub" / "net.yaml"), "./x/../net.yaml", "../up.yaml")
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    assert uris(*files) == ["net.yaml", "net.yaml", "net.yaml", (tmp_path / "up.yaml").as_uri()]
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert uris(*files) == ["sub/net.yaml", "sub/net.yaml", "sub/net.yaml", "up.yaml"]
    assert urlsplit(uris("/elsewhere/net.yaml")[0]).scheme == "file"


def test_a_file_that_is_named_twice_is_one_artifact(reports: list[Report]):
    twice = [check("mistakes.yaml"), check("./sub/../mistakes.yaml")]
    run = run_of(twice)
    assert len(run["artifacts"]) == 1 and len(run["results"]) == sum(len(report.diagnostics) for report in twice)


def test_what_we_ship_is_valid():
    run_of([check(path) for path in sorted((ROOT / "architectures").rglob("*.yaml"))])
