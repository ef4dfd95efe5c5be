"""A run on a subset of the training images says so wherever its accuracy is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.evidence.report import data_lines
from archbuilder.trained.open import open_run
from tests.training.conftest import TINY


def test_it_says_so_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY.replace("epochs: 4", "epochs: 1"))
    assert main(["train", "tiny.yaml", "--threads", "1", "--no-report", "--set", "data.subset=300"]) == 0
    assert "300 training, 355 test images, a subset of the 1,442 training images; cpu" in capsys.readouterr().out
    (run,) = Path("runs/tiny").iterdir()
    assert json.loads((run / "dataset.json").read_text())["subset_of"] == 1442
    assert ("subset", "300 of the 1,442 training images, the same share of every class") in data_lines(open_run(run))
    assert main(["runs"]) == 0 and "trained on 300 images" in capsys.readouterr().out
    assert main(["check", str(run), "-q"]) == 0 and "trained on 300 images" in capsys.readouterr().out
    assert main(["check", str(run), "--format", "csv"]) == 0 and ",300,1,finished,1," in capsys.readouterr().out
    assert main(["data", "prepare", "tiny.yaml", "--set", "data.subset=0.5"]) == 0
    assert "721 of the 1,442 training images are used" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--dataset", "digits"]) == 0 and "355" in capsys.readouterr().out
    facts = json.loads((run / "facts.json").read_text())
    (run / "facts.json").write_text(json.dumps(facts | {"data": {"subset": "many"}}))
    assert main(["runs"]) == 0 and "damaged" in capsys.readouterr().out
