"""`archbuilder page`: what is packed, from where, and what is said where that cannot be done."""

import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from archbuilder import cli
from archbuilder.live import bytecode, page_parts
from archbuilder.live.answers.question import KINDS
from archbuilder.live.page import _PYODIDE as PYODIDE_FILES
from archbuilder.live.page import SITE, STATIC, _own, _wheels, based_on, page
from archbuilder.pipeline import check
from archbuilder.rules.packs.pack import shipped
from tests.live.pages import packed

ROOT = Path(__file__).parent.parent.parent
WEB = ROOT / "web"
SIX_LINES = ROOT / "examples" / "six_lines.yaml"


def test_parts_have_the_versions_that_the_tests_run_with():
    pinned = dict(re.findall(r"(?m)^([\w-]+)==([\w.]+)", (ROOT / "constraints.txt").read_text()))
    assert {part.package: part.version for part in page_parts.PACKAGES} == {
        part.package: pinned[part.package] for part in page_parts.PACKAGES
    }


def test_each_part_that_is_missing_or_another_is_named(tmp_path, monkeypatch, capsys):
    wheel = page_parts.PACKAGES[1]
    (tmp_path / wheel.file).write_bytes(b"an empty placeholder")
    assert cli.main(["page", "--out", str(tmp_path / "net.html"), "--parts", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert all(f"{part.file}: " in told for part in page_parts.PARTS) and told.count("AB960") == len(page_parts.PARTS)
    assert f"{wheel.file}: it is a different file: its SHA-256 is" in told
    assert not (tmp_path / "net.html").exists()


def test_without_the_clients_it_says_what_to_fetch(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(page_parts, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(page_parts, "_client", lambda name: None)
    assert cli.main(["page", "--out", str(tmp_path / "net.html")]) == 2
    told = capsys.readouterr().err
    assert "npm is not installed" in told and f"npm pack pyodide@{page_parts.PYODIDE.version}" in told
    assert "--platform pyemscripten_2026_0_wasm32" in told and "--parts DIR" in told


def test_what_a_client_brings_must_be_the_part(tmp_path, monkeypatch):
    """pip "succeeds" with an empty placeholder where a tag does not fit."""
    monkeypatch.setattr(page_parts, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(page_parts, "_client", lambda name: ["true"])
    with pytest.raises(page_parts.ArchbuilderError, match="No such file"):
        page_parts.fetched()
    assert not list(tmp_path.rglob("*.whl"))


@pytest.mark.parametrize("url", ["my.page", "javascript:alert(1)", 'https://a.b/"><script>'])
def test_an_address_must_be_one(url, tmp_path, capsys):
    assert cli.main(["page", "--out", str(tmp_path / "net.html"), "--base-url", url]) == 2
    assert "AB961" in capsys.readouterr().err


def test_a_page_does_not_replace_its_file(tmp_path, capsys):
    file = tmp_path / "net.yaml"
    file.write_text("archbuilder: 1\n")
    assert cli.main(["page", str(file), "--out", str(file)]) == 2
    assert "the page is made from" in capsys.readouterr().err and file.read_text() == "archbuilder: 1\n"


def test_a_page_has_all_inside(tmp_path):
    text = "archbuilder: 1\nname: </script><script>alert(1)</script>\n"
    made = page(None, text, packed(), base="https://example.org/net.html")
    assert len(made.encode()) <= 13e6
    assert not re.search(r'\b(src|href)="(?!data:,)', made.split("</head>")[0])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', made)
    assert (
        policy
        and "default-src 'none'" in policy[1]
        and "connect-src" not in policy[1]
        and "unsafe-inline" not in policy[1]
    )
    [file] = re.findall(r'<script type="application/json" id="file"[^>]*>(.*?)</script>', made)
    assert json.loads(file) == text
    [licences] = re.findall(r'<script type="application/json" id="licences">(.*?)</script>', made)
    assert {"MIT", "MPL-2.0", "PSF-2.0"} <= set(re.findall(r"MIT|MPL-2\.0|PSF-2\.0", json.loads(licences)))
    assert all(f"{part.package} {part.version} (" in json.loads(licences) for part in page_parts.PARTS)


def test_python_goes_in_compiled(monkeypatch):
    """By the page's own Python under node; without node the sources do."""
    archive = packed()[page_parts.PYODIDE]
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        pyodide = {name: opened.extractfile(f"package/{name}").read() for name in PYODIDE_FILES}
    site = {**dict(_wheels(packed())), **dict(_own())}
    library, code = bytecode.compiled(pyodide, site, SITE)
    if bytecode.node():
        assert {"typing.pyc", "_pyodide/_base.pyc"} <= library.keys() and "typing.py" not in library
        assert {"pydantic/main.pyc", "yaml/scanner.pyc", "archbuilder/blocks/conv.pyc"} <= code.keys()
        assert not [name for name in code if name.startswith("archbuilder/") and name.endswith(".py")]
    monkeypatch.setattr(bytecode, "node", lambda: None)
    library, code = bytecode.compiled(pyodide, site, SITE)
    assert code == site and "typing.py" in library and "unittest/mock.py" not in library


ASK_ALL = """
import json, sys
text, questions = json.load(sys.stdin)
from archbuilder.live import answer_json
for question in questions:
    found = json.loads(answer_json(json.dumps({"text": text, "file": "net.yaml"} | question)))
    assert "error" not in found and found.get("starters") != [], (question["ask"], found)
print(*(file for module in sys.modules.values() if (file := getattr(module, "__file__", None))), sep="\\n")
"""


def test_what_is_left_out_is_not_asked_for(tmp_path):
    """The page's own files and nothing else, under CPython: every kind of question, and what a file can lead to."""
    for name, data in _own():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    missed = SIX_LINES.read_text()
    every_key = """
goals: {accuracy: ">= 85%"}
rules: era-s9
"""
    questions = [
        *({"ask": ask} for ask in KINDS if ask not in ("compare", "complete", "hover", "explain")),
        {"ask": "compare", "other": missed},
        *({"ask": ask, "at": at} for ask in ("complete", "hover") for at in range(0, len(missed), 9)),
        *({"ask": "explain", "code": code} for code in ("AB101", "AB401", "AB503")),
        {"ask": "init", "packs": ["mcu"], "params": "20k"},
        {"ask": "check", "text": missed + every_key},
        {"ask": "suggest", "text": missed + every_key},
        *({"ask": "check", "text": path.read_text()} for path in (ROOT / "architectures").rglob("*.yaml")),
        *({"ask": "check", "rules": [pack]} for pack in shipped()),
    ]
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL], input=json.dumps([missed, questions]), env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    used = [file for file in done.stdout.splitlines() if "archbuilder" in Path(file).parts]
    assert len(used) > 100 and all(Path(file).is_relative_to(tmp_path) for file in used)


def test_what_a_file_is_based_on_comes_along(tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "base.yaml").write_text((ROOT / "examples" / "six_lines.yaml").read_text())
    (tmp_path / "nets" / "own.yaml").write_text("extends: ../base.yaml\nname: own\n")
    name, beside = based_on(check(tmp_path / "nets" / "own.yaml"))
    assert name == "nets/own.yaml" and list(beside) == ["base.yaml"]
    assert based_on(check(tmp_path / "base.yaml")) == ("base.yaml", {})


def test_the_front_end_is_small_and_without_addresses():
    assert sum(len((STATIC / name).read_bytes()) for name in ("app.js", "app.css", "worker.js", "index.html")) < 700_000
    assert "resolved" not in (WEB / "package-lock.json").read_text()
    pinned = json.loads((WEB / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pinned.values())


@pytest.mark.needs("node")
def test_the_front_end_is_what_its_sources_make(tmp_path):
    if not (WEB / "node_modules").is_dir():
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=WEB, capture_output=True, text=True)
        if done.returncode:
            pytest.skip("npm cannot fetch what the front end is built with")
    subprocess.run(["npx", "--no-install", "tsc", "--noEmit"], cwd=WEB, check=True)
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=WEB, check=True)
    built, kept = ({path.name: path.read_text() for path in folder.iterdir()} for folder in (tmp_path, STATIC))
    assert built == kept, "build it anew: cd web && npm ci && npm run build"
