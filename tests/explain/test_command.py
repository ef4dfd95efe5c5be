"""archbuilder explain: the list, one manual, an unknown code, the page; and that none of it needs torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.diagnostics import known_codes
from archbuilder.manual import explain
from archbuilder.reporting.style import Style

ROOT = Path(__file__).parents[2]
Out = pytest.CaptureFixture[str]


def said(capsys: Out, *words: str, status: int = 0) -> str:
    """What the command prints, to either stream."""
    assert main(["explain", *words]) == status
    return "".join(capsys.readouterr())


def test_all_codes_are_listed_in_groups(capsys: Out):
    shown = said(capsys)
    assert re.findall(r"^(AB[0-9]{3})  ", shown, re.MULTILINE) == list(known_codes())
    assert re.findall(r"^(AB[0-9])xx", shown, re.MULTILINE) == list(explain.GROUPS)
    assert "AB3xx  shapes\nAB301   groups that do not divide the channels\n" in shown


def test_the_manual_of_a_code(capsys: Out):
    code = known_codes()["AB301"]
    shown = said(capsys, "ab301")
    assert shown.startswith("AB301  groups that do not divide the channels (error)\n\n")
    for line in [*code.bad.splitlines(), *code.good.splitlines()]:
        assert f"  {line}\n" in shown
    assert code.why.replace(" ", "") in re.sub(r"\s", "", shown)
    (finding,) = re.findall(r"net.yaml:[0-9]+:[0-9]+: AB301 (.*)", shown)  # what a check really says
    assert "groups=5 must divide" in finding


def test_the_manual_of_a_warning_and_of_a_command(capsys: Out):
    shown = said(capsys, "AB402", "AB001")
    assert "(warning)" in shown and "(error, exit status 2)" in shown
    assert shown.count("result of a check:") == 1


@pytest.mark.parametrize(
    ("word", "hint"),
    [("AB399", "did you mean AB3"), ("AB40l", "did you mean AB40"), ("x", "archbuilder explain lists all codes")],
)
def test_an_unknown_code(word: str, hint: str, capsys: Out):
    shown = said(capsys, word, status=2)
    assert shown.count("AB904") == 1 and f"there is no code {word}" in shown
    assert hint in shown


def test_every_unknown_code_is_told(capsys: Out):
    assert said(capsys, "AB301", "AB998", "AB999", status=2).count("AB904") == 2


def test_the_page_is_true():
    page = (ROOT / "docs" / "codes.md").read_text()
    assert page == explain.markdown(), "write it anew: archbuilder explain --markdown > docs/codes.md"


def test_the_page_has_every_code(capsys: Out):
    shown = said(capsys, "--markdown")
    assert re.findall(r"^### (AB[0-9]{3}): ", shown, re.MULTILINE) == list(known_codes())
    assert len(re.findall(r"^```(yaml|console)$", shown, re.MULTILINE)) == 2 + 2 * len(known_codes())


def test_groups_are_those_of_contributing():
    rows = re.findall(r"^\| (AB[0-9])xx \| (.*) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert dict(rows) == explain.GROUPS


def test_colours():
    assert explain.manual(known_codes()["AB301"], Style(colour=True)).startswith("\x1b[1mAB301\x1b[0m  groups")
    assert "\x1b" not in explain.manual(known_codes()["AB301"])


def test_no_torch_is_needed():
    program = (
        "import sys\nfor name in ('torch', 'numpy', 'rich'): sys.modules[name] = None\n"
        "from archbuilder.cli import main\n"
        "sys.exit(main(['explain']) or main(['explain', '--markdown']) or main(['explain', 'AB712', 'AB301']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
