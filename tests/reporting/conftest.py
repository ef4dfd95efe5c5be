"""The reports on one of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.pipeline import Report
from tests.reporting import samples


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """They are made in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    return samples.reports(tmp_path)
