"""The runs of the open folder while they train: progress, metrics, remaining time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.files import MAX_TEXT, lies_within, read_regular
from archbuilder.live.folder import Refused, is_plain
from archbuilder.run import json_files
from archbuilder.run.folder import ARCHITECTURE, METRICS
from archbuilder.run.listing import Listed, listing
from archbuilder.sources import is_run

REPORT = "report.html"
# files whose changes the view of a run shows
TELLING = (METRICS, REPORT, "facts.json", "environment.json", ARCHITECTURE)
RECENT = 5  # number of epochs from which the remaining time is estimated


def runs(root: Path) -> list[dict[str, Any]]:
    """Every run in the folder, the oldest first."""
    return [_listed(root, run, _metrics(Path(run.path))) for run in listing(root) if lies_within(run.path, root)]


def run(root: Path, name: str) -> dict[str, Any]:
    """One run with the metrics of its epochs. Raises Refused if there is no run of that name."""
    path = run_path(root, name)
    found = next((each for each in listing(path) if Path(each.path) == path), None)
    if found is None:
        raise Refused("There is no such run in the folder that is open.", 404)
    metrics, error = _metrics(path), ""
    try:
        json_files.facts(path)
        json_files.metrics(path)
    except ArchbuilderError as damaged:
        error = damaged.diagnostics[0].message
    return {**_listed(root, found, metrics), "metrics": metrics, "file": _text(path), "error": error}


def report(root: Path, name: str) -> bytes:
    """The report of a run. Raises Refused if there is none yet."""
    path = run_path(root, name) / REPORT
    if not lies_within(path, root):
        raise Refused("The run has no report.", 404)
    try:
        return read_regular(path, MAX_TEXT)
    except OSError:
        raise Refused("The run has no report yet.", 404) from None


def run_path(root: Path, name: str) -> Path:
    """The folder of a run in the open folder. Raises Refused for any other folder."""
    path = root / name
    if not (is_plain(name) or name == ".") or not lies_within(path, root) or not is_run(path):
        raise Refused("There is no such run in the folder that is open.", 404)
    return path


def _listed(root: Path, found: Listed, metrics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    path = Path(found.path)
    left = fmean(each["seconds"] for each in metrics[-RECENT:]) * (found.epochs - found.done) if metrics else None
    return {
        **asdict(found),
        "path": path.relative_to(root).as_posix(),
        "seconds_left": left if found.state == "running" else None,
        "report": (path / REPORT).is_file(),
    }


def _metrics(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json_files.metrics(path))
    except (ArchbuilderError, OSError):
        return []


def _text(path: Path) -> str:
    try:
        return read_regular(path / ARCHITECTURE, MAX_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""
