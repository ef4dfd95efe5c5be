"""docs/language.md is what the code says today."""

from pathlib import Path

from archbuilder.reporting.manual import markdown

REFERENCE = Path(__file__).parent.parent / "docs" / "language.md"


def test_the_reference_is_true():
    remedy = "archbuilder blocks --markdown > docs/language.md"
    assert REFERENCE.read_text() == markdown(), f"write it anew: {remedy}"
