"""archbuilder init: flags, questions on a terminal, and that nothing is overwritten."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.cli._ask import ask
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import check
from archbuilder.rules.packs.pack import shipped
from tests.init.test_start import OWN


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


Out = pytest.CaptureFixture[str]


def test_flags(capsys: Out):
    words = "init my.yaml --rules era-s9 --params 100k --classes 10 --input 3x32x32 --name mine"
    assert main(words.split()) == 0
    out = capsys.readouterr().out
    report = check("my.yaml")
    assert report.diagnostics == () and report.name == "mine" and report.facts
    assert f"my.yaml: {report.facts.params:,} parameters" in out and "10 rules satisfied" in out
    assert out.endswith("\n\narchbuilder check my.yaml\narchbuilder train my.yaml\n")


@pytest.mark.parametrize(
    "words", ["", "--rules mcu", "--name net --input 1x28x28", "--rules era-s9 --rules mcu --params 20k"]
)
def test_what_no_flag_says_has_a_default(words: str):
    assert main(["init", *words.split()]) == 0
    name = "net" if "net" in words else "network"
    assert check(f"{name}.yaml").diagnostics == ()


def test_the_name_is_the_files():
    assert main(["init", "deep-net.yaml", "--params", "9k"]) == 0
    assert check("deep-net.yaml").spec.name == "deep-net"  # type: ignore[union-attr]
    assert main(["init", "my net.yaml", "--params", "9k"]) == 0
    assert check("my net.yaml").name == "network"


@pytest.mark.parametrize("name", ["2024", "1e3", "null", "True", "3.14", "a.b-c_d"])
def test_a_name_stays_text(name: str):
    assert main(["init", "x.yaml", "--name", name, "--params", "9k"]) == 0
    assert check("x.yaml").diagnostics == () and check("x.yaml").name == name


def test_standard_output(capsys: Out):
    assert main(["init", "-", "--rules", "mcu", "--params", "9k"]) == 0
    assert check(capsys.readouterr().out).diagnostics == ()
    assert list(Path().iterdir()) == []


def test_a_pack_of_ones_own_is_named_relative_to_the_file():
    Path("packs").mkdir()
    Path("nets").mkdir()
    Path("packs/my own.yaml").write_text(OWN)
    assert main(["init", "nets/x.yaml", "--rules", "packs/my own.yaml"]) == 0
    assert '\nrules: "../packs/my own.yaml"' in Path("nets/x.yaml").read_text()
    report = check("nets/x.yaml")
    assert report.diagnostics == () and [verdict.pack for verdict in report.rules] == ["own"] * 3


def test_nothing_is_overwritten(capsys: Out):
    Path("my.yaml").write_text("precious")
    assert main(["init", "my.yaml"]) == 2
    assert "AB922" in (err := capsys.readouterr().err) and "--force" in err
    assert Path("my.yaml").read_text() == "precious"
    assert main(["init", "my.yaml", "--force", "--params", "9k"]) == 0
    assert check("my.yaml").diagnostics == ()


def test_the_default_file_is_not_overwritten_either():
    Path("network.yaml").write_text("precious")
    assert main(["init", "--params", "9k"]) == 2
    assert Path("network.yaml").read_text() == "precious"


def test_a_path_that_cannot_be_written(capsys: Out):
    assert main(["init", "none/my.yaml", "--params", "9k"]) == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_a_budget_that_cannot_be_met(capsys: Out):
    assert main(["init", "my.yaml", "--rules", "era-s9", "--params", "500"]) == 1
    assert "the smallest network has 770 parameters" in capsys.readouterr().err
    assert not Path("my.yaml").exists()


@pytest.mark.parametrize("words", ["--params much", "--input 32", "--classes 1", "--name -", "--rules era-s8"])
def test_bad_flags(words: str, capsys: Out):
    with pytest.raises(SystemExit) as stop:
        main(["init", *words.split()])
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def on_terminal(words: list[str], answers: str) -> tuple[int, str]:
    """(exit status, what is shown) of the program with someone at a terminal who gives these answers."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "archbuilder", *words]
    root = str(Path(__file__).parent.parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, answers.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def test_questions_on_a_terminal_are_asked_until_they_are_answered():
    answers = "era-s8\nera-s9\nfirst net\nfirst-net\n\n10\nlots\n60k\n"
    status, shown = on_terminal(["init"], answers)
    assert status == 0, shown
    for question in (
        f"Rule pack ({', '.join(shipped())}, a file, or none) [none]: ",
        "Input, channels x height x width [3x32x32]: ",
    ):
        assert question in shown
    assert "there is no rule pack era-s8" in shown
    assert "'first net' is not a name" in shown and "'lots' is not a number of parameters" in shown
    assert shown.count("Parameters, fewer than [200k]: ") == 2
    report = check("first-net.yaml")
    assert report.diagnostics == () and report.facts and 40_000 < report.facts.params < 60_000
    assert [verdict.pack for verdict in report.rules] == ["era-s9"] * 10


def test_only_what_no_flag_says_is_asked():
    words = ["init", "x.yaml", "--rules", "mcu", "--input", "1x28x28", "--params", "9k"]
    status, shown = on_terminal(words, "\n7\n")
    assert status == 0 and shown.count("]: ") == 2
    assert "Name [x]: " in shown and "Classes [10]: " in shown
    assert check("x.yaml").spec.classes == 7  # type: ignore[union-attr]


def test_no_question_where_the_file_is_there_already():
    Path("x.yaml").write_text("precious")
    status, shown = on_terminal(["init", "x.yaml"], "")
    assert status == 2 and "]: " not in shown


def test_the_end_of_the_answers():
    status, shown = on_terminal(["init"], "era-s9\n\x04")
    assert status == 2 and "AB923" in shown and "Traceback" not in shown


@pytest.mark.raises_code("AB923")
def test_the_end_of_the_input_is_no_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(ArchbuilderError, match="there is no answer"):
        ask("Classes", "10", int)


def test_init_needs_no_torch():
    code = (
        "import sys\nfor name in ('torch', 'numpy', 'rich'): sys.modules[name] = None\n"
        "from archbuilder.cli import main\n"
        "raise SystemExit(main(['init', 'x.yaml', '--rules', 'era-s9', '--params', '9k']))"
    )
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
