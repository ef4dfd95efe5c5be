"""The manual of codes: every code has one, and its examples do what they are there for.

So every code is raised by a test: by its bad example, or where no example can stage it (a full disk, a missing
package) by a test that is marked with `raises_code`, which fails where the code is not raised (tests/conftest.py).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from archbuilder import blocks
from archbuilder.diagnostics import _declared, known_codes
from archbuilder.document import parser, scalars, text
from archbuilder.ir import builder
from archbuilder.manual import examples, explain
from archbuilder.pipeline import check_text
from tests.explain.session import Outcome, play

ROOT = Path(__file__).parents[2]
CODES = known_codes()
UNSTAGED = {  # what an example of a few commands cannot stage, everywhere and in no time
    "AB607": "a connection that breaks down",
    "AB610": "a full disk",
    "AB612": "a missing package",
    "AB700": "a missing package",
    "AB703": "a process beside this one",
    "AB706": "a machine without a device",
    "AB713": "too little memory",
    "AB715": "a process that is killed",
    "AB716": "a process that has not loaded what the one before it has",
    "AB730": "a full disk",
    "AB732": "several processes",
    "AB733": "several processes",
    "AB734": "several processes",
    "AB735": "several processes",
    "AB761": "a disk that fills up",
    "AB854": "a missing package",
    "AB857": "a fault of a format",
    "AB858": "a fault of a format",
    "AB882": "a training that has failed",
    "AB883": "a layer that has died",
    "AB863": "a cluster, or workers that are killed",
    "AB905": "a missing package",
    "AB907": "a missing package",
    "AB923": "a terminal",
    "AB931": "a missing package",
    "AB941": "a file that changes meanwhile",
    "AB970": "a port that is taken",
}
BESIDES = {  # what comes with a code that cannot come alone
    "AB010": {"AB101"},
    "AB012": {"AB403"},
    "AB013": {"AB403"},
    "AB707": {"AB503"},
}

SESSIONS = [id for id, code in CODES.items() if examples.is_session(code.bad) and id not in UNSTAGED]
FRAGMENTS = [id for id, code in CODES.items() if not examples.is_session(code.bad) and id not in UNSTAGED]


played: dict[str, Outcome] = {}


def test_every_declaration_is_found():
    """`known_codes` reads declarations where they stand: here is every call, wherever it stands."""
    calls = [
        ast.literal_eval(node.args[0])
        for path in (ROOT / "archbuilder").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "declare"
    ]
    assert sorted(calls) == list(CODES) == [id for group in explain.GROUPS for id in known_codes(group)]
    loaded = [code for code in _declared.values() if code.id in CODES]
    assert [code.id for code in loaded if code != CODES[code.id] or code.why != CODES[code.id].why] == []


@pytest.mark.parametrize("id", CODES)
def test_every_code_has_a_manual(id: str):
    code = CODES[id]
    assert code.title[:1].isalpha() and not code.title.endswith(".")
    assert len(code.why) > 30 and code.why.endswith(".") and code.why.isprintable()
    assert code.bad and code.good and code.bad != code.good
    assert max(map(len, [*code.bad.splitlines(), *code.good.splitlines()])) <= 110
    assert id[:3] in explain.GROUPS
    assert (code.severity == "warning") >= id.startswith("AB4")


def test_bounds_in_the_manual_are_those_of_the_code():
    bounds = {
        "AB007": [f"{text.MAX_BYTES // 2**20} MiB", parser.MAX_DEPTH, parser.MAX_NODES, scalars.MAX_DIGITS],
        "AB201": [builder.MAX_LAYERS],
        "AB212": [blocks.MAX_LEVELS],
        "AB213": [builder.MAX_PATH],
        "AB209": [blocks.MAX_BLOCKS],
        "AB210": [builder.MAX_SIDE, builder.MAX_ELEMENTS],
    }
    for id, values in bounds.items():
        for value in values:
            assert (value if isinstance(value, str) else f"{value:,}") in CODES[id].why, id


@pytest.mark.parametrize("id", FRAGMENTS)
def test_examples_of_files(id: str):
    found = {d.code.id for d in check_text(examples.file_of(CODES[id].bad), examples.FILE).diagnostics}
    assert found == {id} | BESIDES.get(id, set())
    assert explain.findings(CODES[id].good) == []


@pytest.mark.parametrize(
    "id", [pytest.param(id, marks=pytest.mark.needs("time")) if id == "AB745" else id for id in SESSIONS]
)  # AB745 compiles
def test_examples_of_sessions(
    id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("ARCHBUILDER_DATA_DIR", str(tmp_path / "data"))
    for name in ("bad", "good"):
        session = getattr(CODES[id], name)
        if session not in played:  # codes share good examples
            (tmp_path / name).mkdir()
            monkeypatch.chdir(tmp_path / name)
            played[session] = play(session, tmp_path / name, capfd)
    bad, good = played[CODES[id].bad], played[CODES[id].good]
    assert bad.codes == {id} | BESIDES.get(id, set()), bad.output
    statuses = {0} if CODES[id].severity == "warning" else {CODES[id].exit_status, 2}  # 2: an option is at fault
    assert bad.status in statuses
    assert (good.codes, good.status) == (set(), 0), good.output


@pytest.mark.parametrize("id", UNSTAGED)
def test_what_no_example_stages_has_a_test(id: str):
    tests = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert any(re.search(rf'@pytest\.mark\.raises_code\((.*, )?"{id}"', text) for text in tests)


@pytest.mark.xfail(raises=AssertionError)
@pytest.mark.raises_code("AB713")
def test_a_mark_that_promises_too_much_fails():
    """The marks are held, or the test above would believe anything."""
