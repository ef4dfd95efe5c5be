"""Rule packs by name or file, in YAML or on the command line; and how a report shows them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.pipeline import check, load
from archbuilder.reporting.html import render as html
from archbuilder.rules import packs
from archbuilder.rules.packs.pack import load as load_pack
from archbuilder.spec.rules import MAX_PACKS
from tests.rules.packs.conftest import CLEAN, changed, network

PACK = (
    "archbuilder_rules: 1\nname: mine\ntitle: of my own\nrules:\n  - has: skip\n  - limit: {of: layers, bound: '< 9'}\n"
)
PLAIN = network("conv: 8", "gap", "classifier")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with packs/mine.yaml and nets/net.yaml, which names it; the current folder is another."""
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "mine.yaml").write_text(PACK)
    (tmp_path / "nets").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write(tmp_path, "rules: ../packs/mine.yaml\n")
    return tmp_path


def write(folder: Path, head: str) -> Path:
    path = folder / "nets" / "net.yaml"
    path.write_text(network("conv: 8", "gap", "classifier", head=head))
    return path


def codes(path: Path | str, rules: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{Path(d.span.file).name}:{d.span.line}:{d.span.column} {d.code.id}"
        for d in check(path, rules=rules).diagnostics
    ]


def test_a_path_counts_from_the_file_it_stands_in(folder: Path):
    report = check(folder / "nets" / "net.yaml")
    assert [(v.pack, v.rule, v.ok) for v in report.rules] == [("mine", "skip", False), ("mine", "layers", True)]


def test_a_path_of_a_base_file_counts_from_the_base(folder: Path):
    (folder / "elsewhere" / "variant.yaml").write_text("extends: ../nets/net.yaml\nname: variant\n")
    assert [v.pack for v in check("variant.yaml").rules] == ["mine", "mine"]


def test_a_path_on_the_command_line_counts_from_here(folder: Path):
    for rules, overrides in ((["../packs/mine.yaml"], []), ([], ["rules=../packs/mine.yaml"])):
        assert [v.pack for v in check(PLAIN, overrides, rules).rules] == ["mine", "mine"]


def test_a_pack_of_a_file_is_read_once_for_its_rules_and_goals(folder: Path, monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    monkeypatch.setattr(packs, "load", lambda name, *rest: read.append(name.text) or load_pack(name, *rest))
    report = check(write(folder, "rules: era-s9\n"))
    assert report.rules and report.goals and read == ["era-s9"]


def test_several_packs_each_once(folder: Path):
    path = write(folder, "rules: [era-s9, ../packs/mine.yaml, era-s9]\n")
    assert len(check(path, rules=["era-s9"]).rules) == 12


@pytest.mark.parametrize(
    ("rules", "found", "words"),
    [
        ("era-s8", ["net.yaml:4:8 AB510"], "there is no rule pack era-s8"),
        ("./none.yaml", ["net.yaml:4:8 AB510"], "cannot be read: No such file"),
        ("../nets", ["net.yaml:4:8 AB510"], "this is a folder"),
        ("[mcu, 3]", ["net.yaml:4:14 AB103"], "expected the name of a rule pack, found 3"),
        ("{mcu: {}}", ["net.yaml:4:8 AB104"], "found a mapping"),
        ("true", ["net.yaml:4:8 AB103"], "found true"),
        (f"[{', '.join(['mcu'] * (MAX_PACKS + 1))}]", ["net.yaml:4:8 AB104"], "at most 20 are read"),
        ("", [], ""),
    ],
)
def test_packs_that_cannot_be_used(folder: Path, rules: str, found: list[str], words: str):
    path = write(folder, f"rules: {rules}\n")
    assert codes(path) == found
    assert all(words in d.message for d in check(path).diagnostics)


BAD = {
    "- has": "mine.yaml:1:1 AB104",
    "archbuilder_rules: 1\nname: mine\n": "mine.yaml:1:1 AB102",
    "archbuilder_rules: 2\nname: mine\nrules: [gap]\n": "mine.yaml:1:20 AB103",
    "archbuilder_rules: 1\nname: Mine!\nrules: [gap]\n": "mine.yaml:2:7 AB103",
    "archbuilder_rules: 1\nname: mine\nrules: [gap]\nlimits: {}\n": "mine.yaml:4:1 AB101",
    "archbuilder_rules: 1\nname: mine\nrules: []\n": "mine.yaml:3:8 AB103",
    "archbuilder_rules: 1\nname: mine\nrules: gap\n": "mine.yaml:3:8 AB104",
    "archbuilder_rules: 1\nname: mine\nrules: [gapp]\n": "mine.yaml:3:9 AB101",
    "archbuilder_rules: 1\nname: mine\nrules:\n  - limit: {of: params, bound: '> 3 int8x'}\n": "mine.yaml:4:32 AB501",
    "archbuilder_rules: 1\nname: mine\nrules: [gap, gap]\n": "mine.yaml:3:14 AB103",
    f"archbuilder_rules: 1\nname: mine\nrules: [{'gap, ' * 101}]\n": "mine.yaml:3:8 AB103",
    "name: mine\nname: mine\n": "mine.yaml:2:1 AB005",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_with_a_pack_is_shown_in_the_pack(folder: Path, text: str, capsys: pytest.CaptureFixture[str]):
    (folder / "packs" / "mine.yaml").write_text(text)
    net = folder / "nets" / "net.yaml"
    found = codes(net)
    assert BAD[text] in found
    assert check(net).rules == () and not check(net).ok
    assert main(["check", str(net)]) == 1
    assert (
        f"  {BAD[text].split(':')[1]} | {text.splitlines()[int(BAD[text].split(':')[1]) - 1][:60]}"
        in capsys.readouterr().out
    )


def test_a_pack_that_is_no_yaml_is_shown_where_it_is_named(folder: Path):
    (folder / "packs" / "mine.yaml").write_text("rules: [\n")
    assert codes(folder / "nets" / "net.yaml") == ["net.yaml:4:8 AB510"]


def test_packs_are_read_also_where_the_network_is_wrong(folder: Path):
    path = folder / "nets" / "net.yaml"
    path.write_text(network("conv: {out: 7, groups: 2}", "gap", "classifier", head="rules: [era-s8, mcu]\n"))
    assert codes(path) == ["net.yaml:4:9 AB510", "net.yaml:6:20 AB301"]
    assert check(path).rules == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("image: {classes: 10}", "1 class, but 10 are required"),
        ("stages: [C1]", "1 stage is required (C1), but there is none"),
        ("augment: [horizontal_flip]", "there is no data: section, horizontal_flip is required"),
    ],
)
def test_one_is_and_several_are(rule: str, message: str, folder: Path):
    (folder / "packs" / "mine.yaml").write_text(f"archbuilder_rules: 1\nname: mine\nrules: [{{{rule}}}]\n")
    net = folder / "nets" / "net.yaml"
    net.write_text(PLAIN.replace("classes: 10\n", "classes: 1\nrules: ../packs/mine.yaml\n"))
    assert message in [verdict.message for verdict in check(net).rules]


def test_a_pack_checks_as_a_file_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "nets" / "pack.yaml").write_text(PACK.replace("has: skip", "has: conv"))
    write(folder, "rules: ./pack.yaml\n")
    assert main(["check", "-q", str(folder / "nets")]) == 0
    assert "2 files checked, no problems" in capsys.readouterr().out
    (folder / "nets" / "pack.yaml").write_text(PACK.replace("has: skip", "has: skipp"))
    assert main(["check", "-q", str(folder / "nets" / "pack.yaml")]) == 1
    assert "did you mean skip?" in capsys.readouterr().out


def test_a_missed_rule_is_an_error_that_load_raises():
    from archbuilder.diagnostics import ArchbuilderError

    with pytest.raises(ArchbuilderError, match="AB513 era-s9, dilated"):
        load(network("conv: 8", "gap", "classifier", head="rules: era-s9\n"))


def test_a_run_keeps_the_text_of_a_file_with_packs():
    report = check(CLEAN)
    assert report.document and list(report.document.sources) == ["<string>"]


# ---- what is shown ----


def test_text(capsys: pytest.CaptureFixture[str], folder: Path):
    net = folder / "nets" / "net.yaml"
    assert main(["check", "-q", str(net), "--rules", "mcu"]) == 1
    lines = capsys.readouterr().out.splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith("rules mcu")]
    assert lines[start + 4] == "rules mine       skip    MISSED  there is no skip"
    assert lines[start + 5] == "                 layers  ok      6 < 9"
    assert any(line.endswith("AB513 mine, skip: there is no skip") for line in lines)


def test_text_of_a_rule_whose_findings_are_ignored(capsys: pytest.CaptureFixture[str], folder: Path):
    activation, wave = "  - activation: gelu", "  # archbuilder: ignore AB512"
    for first, second, word in (("", "", "MISSED"), (wave, "", "MISSED"), (wave, wave, "ignored")):
        net = folder / "nets" / "net.yaml"
        net.write_text(PLAIN.replace("  - gap", f"{activation}{first}\n  - conv: 8\n{activation}{second}\n  - gap"))
        status = main(["check", "-q", str(net), "--rules", "mcu"])
        (line,) = (line for line in capsys.readouterr().out.splitlines() if " runs_on " in line)
        assert (line.split()[1], status) == (word, word == "MISSED")
        shown = html(check(net, rules=["mcu"]))
        assert ("runs_on   ignored" in shown) == (word == "ignored")


def test_json(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_text(changed("  - gap\n", "  - avg_pool: 3\n"))
    assert main(["check", "--format", "json", str(path)]) == 1
    (file,) = json.loads(capsys.readouterr().out)["files"]
    rules = {rule["rule"]: rule for rule in file["rules"]}
    assert list(rules["dilated"]) == ["pack", "rule", "ok", "by", "message"]
    assert rules["dilated"]["by"] == [{"name": "C1.dilated", "line": 22}, {"name": "C2.skip.dilated", "line": 30}]
    assert rules["gap"] | {"message": ""} == {"pack": "era-s9", "rule": "gap", "ok": False, "by": [], "message": ""}


def test_json_without_packs(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_text(PLAIN)
    assert main(["check", "--format", "json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["rules"] == []


def test_a_notebook_shows_them():
    shown = html(check(CLEAN))
    assert "rules era-s9" in shown and "C1 (line 18)" in shown


def test_commands_that_list_and_print_them(capsys: pytest.CaptureFixture[str], folder: Path):
    assert main(["rules"]) == 0
    listed = capsys.readouterr().out
    assert "  era-s9 " in listed and "  depthwise_separable " in listed
    assert main(["rules", "mcu"]) == 0
    (folder / "packs" / "mine.yaml").write_text(capsys.readouterr().out)
    assert [v.pack for v in check(folder / "nets" / "net.yaml").rules] == ["mcu"] * 4
    assert main(["rules", "convs"]) == 0
    assert "at_least  the smallest number of convolutions in each (default 1)" in capsys.readouterr().out
    assert main(["rules", "gapp"]) == 2
    assert "AB921" in (err := capsys.readouterr().err) and "did you mean gap?" in err


def test_nothing_of_packs_is_imported_where_none_is_asked_for(tmp_path: Path):
    (tmp_path / "net.yaml").write_text(PLAIN)
    code = (
        "import sys; from archbuilder.cli import main\n"
        "main(['check', '-q', 'net.yaml']); first = {m for m in sys.modules if '.packs' in m}\n"
        "main(['check', '-q', 'net.yaml', '--rules', 'era-s9']); heavy = {'torch', 'numpy'} & sys.modules.keys()\n"
        "print(sorted(first), sorted(heavy), 'archbuilder.rules.packs' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[] [] True", done.stderr
