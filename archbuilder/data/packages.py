"""Packages that only training needs, and the error where one is missing."""

from __future__ import annotations

from archbuilder.diagnostics import ArchbuilderError, Span, declare

PACKAGE = declare(
    "AB612",
    "a package that is missing",
    exit_status=2,
    why="Checking needs no package for data, so the base installation has none. The hint says how to install it.",
    bad="$ archbuilder data download cifar10  # without archbuilder[train]",
    good="$ archbuilder check net.yaml",
)

INSTALL = "pip install 'archbuilder[train]'"


def missing(need: str, error: ImportError, place: Span, hint: str = INSTALL) -> ArchbuilderError:
    """The error for an import that failed; `need` says what for."""
    return ArchbuilderError(PACKAGE.at(place, f"{need}: {error}", hint))
