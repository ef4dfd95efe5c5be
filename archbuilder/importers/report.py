"""The result of an import as text."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.importers.conversion import Imported
from archbuilder.reporting.diagnostic import render_diagnostic
from archbuilder.reporting.style import PLAIN, Style
from archbuilder.reporting.text import render


def render_import(imported: Imported, style: Style = PLAIN) -> str:
    """The table and facts of the new file, what was left out, and the comparison with the module."""
    parts = [render(imported.report, style), ""]
    parts += [f"note: {note}" for note in imported.notes]
    parts += _not_used(imported)
    parts += [render_diagnostic(problem, style=style) for problem in imported.problems]
    parts += _proof(imported, style)
    return "\n".join(parts)


def _not_used(imported: Imported) -> Iterator[str]:
    weighted = [one for one in imported.unused if one.params]
    others = [one.name for one in imported.unused if not one.params]
    for one in weighted:
        yield f"not used: {one}; left out"
    if others:
        yield f"not used, without parameters: {', '.join(others)}"


def _proof(imported: Imported, style: Style) -> Iterator[str]:
    proof = imported.proof
    for one in (*proof.comparisons, *proof.training.comparisons):
        verdict = style.green("ok") if one.ok else style.red("DIFFERENT")
        found = f"largest difference {one.difference:.3g}, largest value {one.largest:.3g}"
        yield f"{one.what + ':':28} {found}  {verdict}"
    yield from proof.remarks
    yield from (style.yellow(f"in training: {note}") for note in proof.training.notes)
    if imported.problems:
        yield style.red("not proven to be the same network")
    elif imported.report.facts:
        text = f"{imported.params:,} parameters, outputs equal to {proof.difference:.1g}"
        if proof.training.notes:
            yield style.yellow(f"the same network in evaluation; for training see above: {text}")
        else:
            yield style.green(f"the same network: {text}")
