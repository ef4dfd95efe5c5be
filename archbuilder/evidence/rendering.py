"""Evidence -> one HTML page and one Markdown page, from the templates beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archbuilder.evidence.network import Table
from archbuilder.reporting import markdown
from archbuilder.reporting.diagnostic import printable

TEMPLATES = Path(__file__).with_name("templates")


def html(template: str, values: dict[str, Any]) -> str:
    """Every value is escaped, whether or not the template says so."""
    return _environment(autoescape=True, finalize=_visible).get_template(template).render(values).lstrip()


def md(template: str, values: dict[str, Any]) -> str:
    """Every value is escaped but those that a filter has made Markdown."""
    environment = _environment(finalize=markdown.escaped)
    environment.filters |= {"raw": markdown.Raw, "fenced": markdown.fenced}
    environment.filters |= {"table": _table, "settings": _settings}
    return environment.get_template(template).render(values).lstrip()


def _environment(**options: Any) -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options)
    environment.filters |= {"fixed": _fixed, "thousands": _thousands}
    return environment


def _visible(value: Any) -> Any:
    """A value without control characters, which a class or a file may have in its name; markup is made of such."""
    return printable(value, keep="\n\t") if isinstance(value, str) and not hasattr(value, "__html__") else value


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


def _thousands(value: int) -> str:
    return f"{value:,}"


def _table(data: Table) -> markdown.Raw:
    """A table in Markdown, its text columns to the left."""
    return markdown.grid(data.header, data.rows, data.words)


def _settings(pairs: Sequence[tuple[str, str]]) -> markdown.Raw:
    """Names and values as a table without a header, in Markdown."""
    return markdown.grid(("", ""), pairs, ("",))
