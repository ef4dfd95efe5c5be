"""The server as a process: it starts light, survives what goes wrong in a request, and ends when it is told to."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from lsprotocol import types

from archbuilder.cli import main
from archbuilder.live.editing.actions import Remedies
from archbuilder.live.editing.buffer import Good, check_buffer
from archbuilder.live.editing.hover import hints, hover
from archbuilder.lsp.files import Buffer, problems
from archbuilder.lsp.server import items
from tests.lsp.client import Client
from tests.lsp.test_findings import CLEAN, FIVE, HEAD

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "numpy", "rich", "albumentations", "matplotlib"}


def test_says_what_it_can_do(client):
    able = client.started.capabilities
    assert able.hover_provider and able.inlay_hint_provider and able.completion_provider and able.code_action_provider
    assert able.text_document_sync.change == types.TextDocumentSyncKind.Incremental
    assert client.started.server_info.name == "archbuilder"


def test_starts_without_torch():
    program = (
        "import sys; from archbuilder.lsp import server; from archbuilder.live.editing.vocabulary import language;"
        "language();"
        "from archbuilder.pipeline import check_text; check_text(open(sys.argv[1]).read(), 'x');"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    network = str(ROOT / "architectures" / "c1c2c3c40.yaml")
    done = subprocess.run([sys.executable, "-c", program, network], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_a_request_that_fails_is_logged_and_the_next_one_served(tmp_path):
    own = ROOT / "examples" / "double_conv.py"
    client = Client("--blocks", str(own))
    editor = client.open(tmp_path / "net.yaml", HEAD + "network:\n  - double_conv: 8\n  - gap\n  - classifier\n")
    assert editor.codes() == []  # a block of the user's own
    assert "double_conv" in editor.complete(4, 4)

    unknown = client.open(tmp_path / "other.yaml", CLEAN)
    unknown.findings()
    unknown.close()
    unknown.write(FIVE)  # of a file that is closed
    assert unknown.hover(4, 4) == ""
    assert unknown.hints() == {}
    assert unknown.complete(4, 4) == {}
    assert len(client.logged) == 1
    assert "KeyError" in client.logged[0]

    client.raw('{"jsonrpc": "2.0", "id": "a", "method": "textDocument/hover", "params": {"bogus": 1}}')
    client.raw('{"jsonrpc": "2.0", "id": "b", "method": "textDocument/nonsense", "params": {}}')
    client.raw('{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": 3}')
    client.raw("no JSON at all")
    assert "makes **8x32x32**" in editor.hover(4, 6)
    assert client.stop() == 0


@pytest.mark.raises_code("AB931")
def test_without_its_packages_the_command_says_what_to_install(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith(("archbuilder.lsp", "pygls"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)
    assert main(["lsp"]) == 2
    error = capsys.readouterr().err
    assert "AB931" in error
    assert "pip install 'archbuilder[lsp]'" in error


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_places_go_in_and_out_in_the_clients_units(encoding):
    buffer = Buffer("a😀é\r\n\rb\n", "net.yaml", encoding)
    assert [buffer.line(number) for number in range(-1, 6)] == ["", "a😀é", "", "b", "", "", ""]
    for offset in (*range(4), 5, 6, 7, 8):
        assert buffer.offset(buffer.position(offset)) == offset
    assert buffer.end(0).character == {"utf-8": 7, "utf-16": 4, "utf-32": 3}[encoding]
    assert buffer.offset(types.Position(0, 99)) == 3
    assert buffer.offset(types.Position(99, 0)) == len(buffer.text)


def damaged(text: str, draw: random.Random) -> str:
    """A text as it is while somebody edits it: cut, with something left out, doubled or put in."""
    for _ in range(draw.randrange(1, 4)):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice([0, 1, 3, 40]))
        text = (
            text[:start]
            + draw.choice(["", "", ": ", "- ", "{", "]", "\n", "\t", '"', "😀", text[start:end] * 2])
            + text[end:]
        )
    return text[: draw.randrange(len(text) + 1)] if draw.random() < 0.2 else text


@pytest.mark.parametrize(
    "name", ["c1c2c3c40.yaml", "seeds/seed001.yaml", "known/shufflenet_v2.yaml", "quickstart.yaml"]
)
def test_no_text_makes_a_request_fail(name):
    text = (ROOT / "architectures" / name).read_text(encoding="utf-8")
    draw = random.Random(name)
    good = Good(whole := Buffer(text, "net.yaml"), check_buffer(whole))
    for _ in range(25):
        buffer = Buffer(damaged(text, draw), "net.yaml")
        report = check_buffer(buffer)
        assert len(problems(report, buffer)) == len(report.diagnostics)
        assert all(line < buffer.count for line, _ in hints(good, buffer))
        for _ in range(6):
            position = types.Position(draw.randrange(buffer.count + 2), draw.randrange(60))
            items(buffer, position)
            hover(report, *buffer.place(position))
        for finding in report.diagnostics[:2]:
            list(Remedies(buffer, report).of(finding))


def test_a_large_file_is_answered(open_):
    """A thousand layers: each answer within the patience of the tests, and in the right order."""
    blocks = "".join(f"  - conv: {8 + number % 3}\n" for number in range(1000))
    editor = open_(f"{HEAD}network:\n{blocks}  - gap\n  - classifier\n")
    assert all(d.severity == types.DiagnosticSeverity.Warning for d in editor.findings())  # it is deep
    assert len(editor.hints()) == 1002
    assert list(editor.hints(500, 501)) == [500, 501]
    editor.write("archbuilder: 1\n#" + "x" * 5_000_000)
    assert editor.codes() == [("AB007", 0, 0)]
