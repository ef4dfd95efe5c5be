"""archbuilder rf: the derivation holds line by line, in every format; the measured field; the drawing."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from math import floor
from pathlib import Path

import pytest
import torch

import archbuilder
from archbuilder.analysis.coverage import views
from archbuilder.analysis.derivation import derive
from archbuilder.cli import main
from archbuilder.ir.graph import INPUT
from archbuilder.ir.reach import Axis
from archbuilder.modules.effective_field import effective_field, level, side
from tests.ir.choices import Seeded
from tests.ir.networks import Writer

ROOT = Path(__file__).parents[2]
C1C2C3C40 = str(ROOT / "architectures" / "c1c2c3c40.yaml")
SEED003 = str(ROOT / "architectures" / "seeds" / "seed003.yaml")
OBLONG = """\
archbuilder: 1
name: oblong
input: [1, 24, 32]
network: [{conv: {out: 4, kernel: [2, 5]}}, {strided: {out: 4, stride: [1, 2]}}, {skip: {blocks: [conv: 4]}}, gap]
"""


# ---- the derivation ----


def follows(before: Axis, after: Axis, sizes: tuple[int, int], window: tuple[int, ...]) -> bool:
    """Whether a line follows from the one before it by the recurrence that stands above the table."""
    (n, out), (k, s, d, p, q) = sizes, window
    return (out, after.stride, after.size, after.least, after.centre()) == (
        floor((n + p + q - d * (k - 1) - 1) / s) + 1,
        before.stride * s,
        before.size + d * (k - 1) * before.stride,
        before.least + d * (k - 1) * before.stride,
        before.centre() + (d * (k - 1) / 2 - p) * before.stride,
    )


def test_every_line_follows_from_those_before():
    lines = merges = 0
    for number in range(200):
        report = archbuilder.check(Writer(Seeded(f"rf:{number}")).network())
        if not report.facts or any(layer.reach.status in ("upper bound", "unknown") for layer in report.facts.layers):
            continue
        reaches = {INPUT: archbuilder.ir.reach.Reach()}
        for step in derive(report.facts).steps:
            sources = [reaches[name] for name in step.sources]
            reaches[step.name] = step.reach
            for axis in (0, 1):
                after, before = (step.reach.h, step.reach.w)[axis], [(r.h, r.w)[axis] for r in sources]
                if step.window:
                    window = tuple(int(pair[axis]) for pair in vars(step.window).values())
                    sizes = (step.before[1 + axis], step.after[1 + axis])
                    assert follows(before[0], after, sizes, window), (number, step)
                    lines += 1
                elif not step.op.startswith("gate"):
                    assert after.least == min(axis.least for axis in before)
                    assert after.lo == min(axis.lo for axis in before) and after.hi == max(axis.hi for axis in before)
                    merges += 1
        assert len(reaches) == 1 + len(derive(report.facts).steps), "names of steps are unique"
    assert lines > 500 and merges > 40


def test_a_padding_by_itself_is_counted_once_and_a_window_may_hang_over():
    report = archbuilder.check(
        "archbuilder: 1\ninput: [3, 33, 33]\n"
        "network: [{max_pool: {kernel: 2, ceil_mode: true}}, {pad: [1, 0, 1, 0]}, {avg_pool: 2}, {pad: 1}, "
        "{conv: {out: 4, padding: valid}}]\n"
    )
    steps = [
        (step.name, step.before.h, step.after.h, step.window.before[0], step.window.after[0])
        for step in derive(report.facts).steps
    ]
    assert steps == [("max_pool", 33, 17, 0, 1), ("pad", 17, 18, 1, 0), ("avg_pool", 18, 9, 0, 0), ("conv", 9, 9, 1, 1)]


def test_the_derivation_ends_where_the_field_is_read():
    for file, last in ((C1C2C3C40, "C4.skip.add"), (SEED003, "skip7.add")):
        _, facts = archbuilder.pipeline.analyse_file(file)
        derivation = derive(facts)
        assert derivation.last == last
        (step,) = [step for step in derivation.steps if step.name == last]
        assert step.reach == facts.field


# ---- the command ----


def run(capsys, *arguments: str) -> str:
    assert main(["rf", *arguments]) == 0
    return capsys.readouterr().out


def test_text(capsys):
    out = run(capsys, C1C2C3C40)
    assert "r_out = r_in + d (k - 1) j_in" in out
    assert "9-21: by the shortest path" in out and "height x width" not in out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert lines["C1.dilated"] == ["C1.dilated", *"conv 3x3 d2 32 32 3 1 2 2 1 7 0".split()]
    assert lines["C2.skip.add"] == [
        "C2.skip.add",
        "add",
        "C2.skip.dilated,",
        "C1.strided",
        "16",
        "16",
        "2",
        "9-21",
        "0",
    ]
    assert lines["gap"][-2:] == ["49-93*", "12"]
    assert "25 by the shortest path" in out
    assert "sees all of the 32x32 image" in out


def test_both_axes_where_they_differ(capsys, tmp_path):
    file = tmp_path / "oblong.yaml"
    file.write_text(OBLONG)
    out = run(capsys, str(file))
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert lines["conv"][-9:] == ["24x32", "24x32", "2x5", "1", "1", "(0+1)x2", "1", "2x5", "0.5x0"]
    assert lines["strided"][-9:] == ["24x32", "24x16", "3", "1x2", "1", "1", "1x2", "4x7", "0.5x0"]
    assert "3x5: height x width" in out


def test_csv_and_json_and_markdown_say_the_same(capsys):
    rows = list(csv.DictReader(io.StringIO(run(capsys, C1C2C3C40, "--format", "csv"))))
    found = json.loads(run(capsys, C1C2C3C40, "--format", "json"))
    assert [row["layer"] for row in rows] == ["input", *(layer["name"] for layer in found["layers"])]
    for row, layer in zip(rows[1:], found["layers"], strict=True):
        least, size = layer["receptive_field_least"][0], layer["receptive_field"][0]
        assert row["r"].rstrip("*") == (str(size) if least == size else f"{least}-{size}")
        assert (row["j"], row["start"]) == (str(layer["effective_stride"][0]), f"{layer['start'][0]:g}")
    assert found["before_gap"] == "C4.skip.add" and found["field"]["least"] == [25, 25]
    assert (found["version"], found["receptive_field"], found["receptive_field_with_gap"]) == (1, [69, 69], [93, 93])
    table = [line for line in run(capsys, C1C2C3C40, "--format", "markdown").splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in table[2:]] == [f"| {row['layer']}" for row in rows]
    assert len({line.count("|") for line in table}) == 1


def test_a_missed_limit_is_no_hindrance_and_a_broken_file_is(capsys, tmp_path):
    run(capsys, str(ROOT / "architectures" / "seeds" / "seed001.yaml"))
    file = tmp_path / "broken.yaml"
    file.write_text("archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [gapp]\n")
    assert main(["rf", str(file)]) == 1
    assert "AB101" in capsys.readouterr().err
    assert main(["rf", str(tmp_path / "none.yaml")]) == 2


def test_an_unknown_field_is_no_number(capsys):
    out = run(capsys, str(ROOT / "tests" / "networks" / "pratikiiitb2013.yaml"))
    assert "receptive field  unknown" in out and "?: not known" in out


def test_the_table_needs_no_torch():
    code = (
        "import sys; from archbuilder.cli import main; main(['rf', sys.argv[1]]);"
        "print(sorted({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, C1C2C3C40], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# ---- the measured field ----


def test_gradient_stays_inside_the_theoretical_field():
    report = archbuilder.check(
        "archbuilder: 1\ninput: [1, 15, 15]\nnetwork: [{conv: 4}, {conv: 4}, {dilated: 4}, gap]\n"
    )
    h, w = views(report.facts)
    heat = torch.tensor(effective_field(report.graph, report.facts.value, (h.unit, w.unit), inits=3, images=2))
    rows, columns = heat.gt(0).any(1).nonzero().flatten(), heat.gt(0).any(0).nonzero().flatten()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (h.first, h.last, w.first, w.last)
    assert h.inside == report.facts.field.size[0] == 9 and heat.max() == 1


def test_effective_field_is_a_bell():
    """Luo et al. 2016: the middle counts most, and the field is smaller than the theoretical one."""
    blocks = ", ".join(["{conv: {out: 8, activation: none, norm: none}}"] * 8)
    report = archbuilder.check(f"archbuilder: 1\ninput: [1, 31, 31]\nnetwork: [{blocks}, gap]\n")
    heat = effective_field(report.graph, report.facts.value, (15, 15))
    assert report.facts.field.size == (17, 17)
    assert 3 < side(heat) < 16
    ring = [
        sum(heat[15 + d][15] + heat[15 - d][15] + heat[15][15 + d] + heat[15][15 - d] for _ in (0,)) for d in range(9)
    ]
    assert ring[0] > ring[3] > ring[6] > ring[8] > 0


def test_measuring_leaves_the_random_state_alone():
    report = archbuilder.check(OBLONG)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = effective_field(report.graph, report.facts.value, (3, 4), inits=2, images=2)
    assert torch.equal(torch.rand(3), expected)
    assert first == effective_field(report.graph, report.facts.value, (3, 4), inits=2, images=2)


def test_level():
    assert level([[8.0, 4.0], [2.0, 2.0]], 0.5) == (8.0, 0.25)
    assert level([[8.0, 4.0], [2.0, 2.0]], 0.51) == (4.0, 0.5)
    assert level([[8.0, 4.0], [2.0, 2.0]], 1.0) == (2.0, 1.0)
    assert level([[0.0, 0.0]], 0.5) == (0.0, 0.5)
    assert side([[1.0, 0.5], [0.05, 0.04]]) == pytest.approx(3**0.5)


# ---- the drawing ----

SMALL = "archbuilder: 1\nname: small\ninput: [1, 1, 9]\nnetwork: [gap]\n"


@pytest.mark.parametrize("file", [C1C2C3C40, SEED003, OBLONG, SMALL], ids=["own", "seed003", "oblong", "small"])
def test_plot(capsys, monkeypatch, tmp_path, file):
    monkeypatch.setattr("archbuilder.modules.effective_field.effective_field.__defaults__", (1, 1))
    if "\n" in file:
        (tmp_path / "net.yaml").write_text(file)
        file = str(tmp_path / "net.yaml")
    run(capsys, file, "--plot", str(tmp_path / "rf.png"))
    assert (tmp_path / "rf.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_without_torch_the_theory_is_drawn(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "archbuilder.modules.effective_field", None)
    assert main(["rf", C1C2C3C40, "--plot", str(tmp_path / "rf.png")]) == 0
    assert "archbuilder[train]" in capsys.readouterr().err
    assert (tmp_path / "rf.png").exists()


@pytest.mark.parametrize("name", ["rf.jpg", "rf.svg", "rf.pdf"])
def test_a_drawing_is_a_png_and_is_called_so(capsys, tmp_path, name):
    assert main(["rf", C1C2C3C40, "--plot", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("--plot: AB906 the drawing is a PNG file, but ") and "rf.png" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.raises_code("AB905")
def test_without_matplotlib_the_extra_is_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "archbuilder.modules.effective_field", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["rf", C1C2C3C40, "--plot", str(tmp_path / "rf.png")]) == 2
    error = capsys.readouterr().err
    assert "AB905" in error and "pip install 'archbuilder[train]'" in error


def test_a_drawing_that_cannot_be_written(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "archbuilder.modules.effective_field", None)
    assert main(["rf", C1C2C3C40, "--plot", str(tmp_path / "none" / "rf.png")]) == 2
    assert "AB906" in capsys.readouterr().err
