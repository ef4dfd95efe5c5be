"""The program as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def command() -> list[str]:
    return [sys.executable, "-m", "archbuilder"]


@pytest.fixture
def environment() -> dict[str, str]:
    """This checkout, wherever the test changed to."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}
