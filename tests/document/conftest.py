"""Reading a text that is wrong: the one diagnostic it gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.document.parser import parse

Refuse = Callable[[str], Diagnostic]


@pytest.fixture
def refuse() -> Refuse:
    """refuse(text) -> the diagnostic that ends the reading of a text."""

    def read(text: str) -> Diagnostic:
        with pytest.raises(ArchbuilderError) as caught:
            parse(text, "net.yaml")
        (diagnostic,) = caught.value.diagnostics
        return diagnostic

    return read
