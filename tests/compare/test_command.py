"""archbuilder compare: the table of totals, the table of changes, JSON, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.reporting.compare import signed, signed_pair
from tests.compare.conftest import C1C2C3C40, ROOT

SEEDS = ROOT / "architectures" / "seeds"


@pytest.fixture
def pair(tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two files in the current folder: one network, and a wider one with one block less."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(clean.replace("name: c1c2c3c40\n", ""))
    Path("b.yaml").write_text(
        clean.replace("name: c1c2c3c40\n", "")
        .replace("{width: 20}", "{width: 24}")
        .replace("        - dilated: {out: width, dilation: 2}\n", "")
    )
    return "a.yaml", "b.yaml"


def rows(text: str) -> dict[str, list[str]]:
    """The rows of the first table by their titles; cells are two blanks apart."""
    found = {}
    for line in text.split("\n\n")[0].splitlines()[1:]:
        title, *cells = [cell for cell in line.split("  ") if cell]
        found[title.strip()] = [cell.strip() for cell in cells]
    return found


def test_totals_of_two(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main(["compare", *pair]) == 0
    text = capsys.readouterr().out
    assert text.split("\n")[0].split() == ["a", "b", "difference"]
    found = rows(text)
    assert found["input"] == ["3x32x32", "3x32x32"]
    assert found["parameters"] == ["172,910", "242,098", "+69,188 (+40.0%)"]
    assert found["receptive field"] == ["69", "65", "-4"]
    assert found["with the global pool"] == ["93*", "89*"]
    assert found["limits"] == ["ok", "params missed by 42,098"]
    assert found["rules"] == ["ok", "2 missed: convs, params"]
    assert found["problems"] == ["none", "2 errors"]  # params is missed by the file and by the pack: one finding
    assert {
        "MACs",
        "layers",
        "peak activations, bytes",
        "kept for backward, bytes",
        "weights on disk, bytes",
    } <= found.keys()


def test_changes_of_two(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main(["compare", *pair]) == 0
    table = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert table[0].split() == ["line", "block", "was", "is", "params", "MACs", "RF"]
    removed = next(line for line in table if line.startswith("-"))
    assert "C1.dilated" in removed and "conv 3x3 d2, batch norm, relu: 20x32x32" in removed
    assert removed.split()[-3:] == ["-3,640", "-3.7M", "-4"]
    first = table[1].split()
    assert first[:5] == ["~", "20", "C1.conv", "20x32x32", "24x32x32"]
    assert table[-2].split() == ["all", "+69,188", "+2.5M", "-4"]
    assert table[-1].startswith("+ added, - removed, ~ changed")


def test_networks_that_are_alike(capsys: pytest.CaptureFixture[str]):
    assert main(["compare", str(C1C2C3C40), str(C1C2C3C40)]) == 0
    assert capsys.readouterr().out.endswith("\n\nthe blocks are the same\n")


def test_more_than_two(capsys: pytest.CaptureFixture[str]):
    files = [str(SEEDS / f"seed00{number}.yaml") for number in (0, 1, 2, 4)]
    assert main(["compare", *files, "--rules", "era-s9"]) == 0
    text = capsys.readouterr().out
    found = rows(text)
    assert found["receptive field"] == ["119", "27", "31", "95"]
    assert found["rules"][0] == "2 missed: convs, gap" and found["rules"][-1] == "ok"
    assert "difference" not in text and "\n\n" not in text


def test_more_than_four_have_a_row_each(capsys: pytest.CaptureFixture[str]):
    files = [str(SEEDS / f"seed00{number}.yaml") for number in range(5)]
    assert main(["compare", *files, "--rules", "era-s9"]) == 0
    first, *table = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert first.split()[:5] == ["file", "status", "params", "MACs", "RF"]
    assert [line.split()[4] for line in table] == ["119", "27", "31", "175", "95"]
    assert main(["compare", *files, "--rules", "era-s9", "--format", "csv"]) == 0
    compared = capsys.readouterr().out
    assert main(["check", *files, "--rules", "era-s9", "--format", "csv"]) == 1
    assert compared == capsys.readouterr().out


def test_two_as_markdown(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main(["compare", *pair, "--format", "markdown"]) == 0
    totals, changes = capsys.readouterr().out.strip().split("\n\n")
    assert [line.split(" | ")[2] for line in totals.splitlines()[2:]] == ["ok", "missed"]
    assert "| `-` | 21 | `C1.dilated` | `conv 3x3 d2, batch norm, relu: 20x32x32` |  | -3,640 | -3.7M | -4 |" in changes


def test_axes_that_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = "archbuilder: 1\ninput: [3, 32, 32]\nnetwork: [{conv: {out: 8, kernel: [3, 1]}}, gap]\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(text.replace("[3, 1]", "[1, 5]"))
    assert main(["compare", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == 0
    assert rows(capsys.readouterr().out)["receptive field"] == ["3x1", "1x5", "-2x+4"]


def test_json(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "--format", "json", *pair]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1 and [file["name"] for file in found["files"]] == ["a", "b"]
    assert found["files"][0]["totals"]["params"] == 172_910
    first = found["changes"][0]
    assert first == {
        "kind": "changed",
        "before": {
            "path": "C1.conv",
            "block": "conv",
            "ops": ["conv 3x3", "batch norm", "relu"],
            "out": [20, 32, 32],
            "line": 20,
        },
        "after": {
            "path": "C1.conv",
            "block": "conv",
            "ops": ["conv 3x3", "batch norm", "relu"],
            "out": [24, 32, 32],
            "line": 20,
        },
        "params": 116,
        "macs": 110_592,
        "receptive_field": [0, 0],
    }
    removed = next(change for change in found["changes"] if change["kind"] == "removed")
    assert removed["after"] is None and removed["receptive_field"] == [-4, -4]


def test_json_of_three_has_no_changes(capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "--format", "json", *[str(C1C2C3C40)] * 3]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] is None


def test_a_file_that_cannot_be_analysed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bad.yaml").write_text("archbuilder: 1\ninput: [3, 32, 32]\nnetwork: [{convv: 8}]\n")
    assert main(["compare", str(C1C2C3C40), str(tmp_path / "bad.yaml")]) == 1
    assert "AB101" in capsys.readouterr().err
    assert main(["compare", str(C1C2C3C40), str(tmp_path / "none.yaml")]) == 2


def test_one_file_is_not_enough(capsys: pytest.CaptureFixture[str]):
    assert main(["compare", str(C1C2C3C40)]) == 2
    assert ": AB952 at least two" in capsys.readouterr().err


def test_signs():
    assert (signed(0), signed(5), signed(-1234), signed(-1234, short=True)) == ("", "+5", "-1,234", "-1.2k")
    assert (signed_pair((0, 0)), signed_pair((4, 4)), signed_pair((0, -2))) == ("", "+4", "+0x-2")


def test_compare_needs_no_torch():
    code = (
        "import sys\nfor name in ('torch', 'numpy', 'rich'): sys.modules[name] = None\n"
        "from archbuilder.cli import main\nraise SystemExit(main(['compare', sys.argv[1], sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(C1C2C3C40)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
