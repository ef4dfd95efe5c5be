"""Files to compare."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
C1C2C3C40 = ROOT / "architectures" / "c1c2c3c40.yaml"


@pytest.fixture
def clean() -> str:
    """A network of every shape of block: stages, skips, repeats."""
    return C1C2C3C40.read_text().replace("\n\nvars:", "\n\nrules: era-s9\n\nvars:")
