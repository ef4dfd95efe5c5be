"""The notebook that comes along: run here, and stored without outputs, which would be of one machine and one day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archbuilder.evidence.curves import panels
from archbuilder.pipeline import check
from tests.evidence.test_notebook import drawn

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


def test_it_is_stored_without_outputs():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells and all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


@pytest.mark.needs("notebook")
@pytest.mark.timeout(600)
@pytest.mark.needs("time")
def test_every_cell_shows_what_its_text_promises(tmp_path: Path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    there = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=240, startup_timeout=240, kernel_name="python3", resources=there).execute()
    cells = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert not [output for outputs in cells.values() for output in outputs if output.get("name") == "stderr"]

    assert "AB503 receptive_field is 7, the limit is &gt;= 8" in shown(cells["check"])
    assert text(cells["suggest"]).count("--- digits.yaml") == 3
    assert "✗" not in shown(cells["apply"]) and check(tmp_path / "digits.yaml").ok
    assert "<svg" in shown(cells["draw"], "image/svg+xml")
    assert shown(cells["build"], "text/plain") == "torch.Size([2, 10])"
    (run,) = tmp_path.glob("runs/digits/*")
    log = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    assert drawn(shown(cells["train"])) == list(panels(log))
    assert log[-1]["test_accuracy"] > 85 and f"{log[-1]['test_accuracy']:.2f} %" in text(cells["train"])
    (search,) = tmp_path.glob("searches/digits/*")
    for cell, page in (("report", run / "report.html"), ("front", search / "search.html")):
        assert page.stat().st_size < len(shown(cells[cell]))
    assert "trained 4 of them" in text(cells["search"])
    assert check(search / "winner.yaml").ok and text(cells["winner"]).startswith("--- digits.yaml")


def text(outputs: list[Any]) -> str:
    """What a cell prints."""
    return "".join(output.text for output in outputs if output.output_type == "stream")


def shown(outputs: list[Any], kind: str = "text/html") -> str:
    """What a cell shows in this form, once."""
    (found,) = [output.data[kind] for output in outputs if kind in output.get("data", {})]
    return found
