"""Checking a YAML text: the report, and its findings in short."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archbuilder.pipeline import Report, check

HEAD = "archbuilder: 1\ninput: [16, 32, 32]\n"  # what a text needs before its own lines, which start at line 3

Check = Callable[..., Report]
Found = Callable[..., list[str]]


@pytest.fixture
def net() -> Check:
    """net(text, *overrides) -> the report on a text under the usual head."""
    return lambda text, *overrides: check(f"{HEAD}{text}\n", overrides)


@pytest.fixture
def found(net: Check) -> Found:
    """found(text, *overrides) -> "line:column code" of every finding."""
    return lambda text, *overrides: [
        f"{d.span.line}:{d.span.column} {d.code.id}" for d in net(text, *overrides).diagnostics
    ]
