"""`archbuilder live` in-process: who is let in, what is read and written, and what a browser is told."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from watchfiles import Change

from archbuilder.cli import main
from archbuilder.live.folder import Folder
from archbuilder.live.server.app import application, new_token
from archbuilder.live.server.events import Events
from archbuilder.run.locks import locked
from tests.live.test_answers import SMALL

ROOT = Path(__file__).parents[2]
PORT = 8123
ORIGIN = f"http://127.0.0.1:{PORT}"
ASKING = {"X-Archbuilder": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "open"
    inside.mkdir()
    (inside / "net.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "secret.yaml").write_text(f"{SMALL}# the secret\n", encoding="utf-8")
    return inside


@pytest.fixture
def page(folder: Path) -> Iterator[TestClient]:
    """What the page's own scripts reach: everything below the address with the token."""
    token = new_token()
    app = application(Folder(folder), token, PORT, "net.yaml")
    with TestClient(app, base_url=f"{ORIGIN}/{token}/") as client:
        client.headers |= ASKING
        yield client


def token_of(page: TestClient) -> str:
    return str(page.base_url).rstrip("/").rpartition("/")[2]


def test_the_page_and_what_it_is_made_of(page):
    html = page.get("")
    policy = html.headers["content-security-policy"]
    assert 'content="live"' in html.text and "script-src 'self';" in policy and "default-src 'none'" in policy
    nonce = html.text.partition('name="csp-nonce" content="')[2].partition('"')[0]
    assert len(nonce) > 20 and f"'nonce-{nonce}'" in policy and nonce not in page.get("").text
    assert "unsafe" not in policy and "http" not in policy
    assert page.get("app.js").headers["content-type"].startswith("text/javascript")
    assert page.get("app.css").status_code == 200
    assert page.get("server/app.py").status_code == page.get("nothing").status_code == 404
    for answer in (html, page.get("app.js"), page.get("api/files"), page.get("nothing")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers and "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "foreign",
    [
        {"Host": "evil.example"},  # a name that leads to 127.0.0.1
        {"Host": f"localhost:{PORT}"},
        {"Host": f"127.0.0.1:{PORT + 1}"},
        {"Origin": "https://evil.example"},
        {"Origin": f"http://127.0.0.1:{PORT + 1}"},  # another server of this machine
        {"Origin": "null"},  # a sandbox, a file
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_hostile_page_gets_nothing(page, folder, foreign):
    """Even one that knows the token."""
    for answer in (
        page.get("", headers=foreign),
        page.get("api/file?path=net.yaml", headers=foreign),
        page.get("api/runs", headers=foreign),
        page.get("api/events", headers=foreign),
        page.post("api/ask", json={"ask": "check", "text": SMALL}, headers=foreign),
        page.put("api/file", json={"path": "net.yaml", "text": "x", "revision": None}, headers=foreign),
        page.options("api/file", headers={**foreign, "Access-Control-Request-Method": "PUT"}),
    ):
        assert answer.status_code == 403
        assert "small" not in answer.text and token_of(page) not in answer.text
        assert "access-control-allow-origin" not in answer.headers
    assert (folder / "net.yaml").read_text("utf-8") == SMALL


def test_without_the_whole_token_there_is_nothing(page):
    token = token_of(page)
    for path in (
        "/",
        "/api/files",
        f"/{token[:-1]}/api/files",
        f"/{token}x/",
        f"/x/{token}/",
        "/%2e%2e/",
        f"//{token}",
    ):
        answer = page.get(f"{ORIGIN}{path}")
        assert answer.status_code == 403 and token not in answer.text
    assert page.get(f"{ORIGIN}/{token}/api/files").status_code == 200


def test_a_form_of_another_page_changes_nothing(page, folder):
    del page.headers["X-Archbuilder"]  # which a form cannot set, nor a script without being asked first
    saving = {"path": "net.yaml", "text": "x", "revision": None}
    assert page.put("api/file", json=saving).status_code == 403
    assert page.post("api/ask", content=json.dumps({"ask": "version"})).status_code == 403
    assert page.post("api/file", data=saving).status_code == 403
    assert (folder / "net.yaml").read_text("utf-8") == SMALL


@pytest.mark.parametrize(
    "path",
    [
        "../secret.yaml", "/secret.yaml", "a/../../secret.yaml", "..%2fsecret.yaml", "./net.yaml", "link.yaml",
        "linked/secret.yaml", "..\\secret.yaml", "net.yaml\0", "", ".", "NET.YAML/../../secret.yaml", "//secret.yaml",
        "C:/secret.yaml", ".hidden/net.yaml", "notes.txt", "/etc/passwd", "x" * 5000 + ".yaml", "net.yaml/",
    ],
)  # fmt: skip
def test_no_file_outside_the_folder_is_had(page, folder, path):
    os.symlink(folder.parent / "secret.yaml", folder / "link.yaml")
    os.symlink(folder.parent, folder / "linked")
    (folder / ".hidden").mkdir()
    for inside in ("notes.txt", ".hidden/net.yaml"):
        (folder / inside).write_text("the secret", encoding="utf-8")
    read = page.get("api/file", params={"path": path})
    saved = page.put("api/file", json={"path": path, "text": "x", "revision": None})
    run = page.get("api/run", params={"path": path})
    report = page.get(f"report/{path.strip('.')}/report.html") if path.isprintable() else run
    for answer in (read, saved, run, report):
        assert answer.status_code in (404, 403, 422) and "secret" not in answer.text.replace(path, "")
    assert "the secret" in (folder.parent / "secret.yaml").read_text("utf-8")
    asked = page.post("api/ask", json={"ask": "check", "text": f"extends: {json.dumps(path)}\n", "file": path})
    assert bool(asked.json()["totals"]) == (path.strip("./") == "net.yaml") and "the secret" not in asked.text
    listed = [each["path"] for each in page.get("api/files").json()["files"]]
    assert "net.yaml" in listed and not {"notes.txt", ".hidden/net.yaml"} & set(listed)


def test_a_file_is_read_and_saved_as_it_was_written(page, folder):
    (folder / "windows.yaml").write_bytes(b"\xef\xbb\xbfname: a\r\ninput: [3, 8, 8]\r\n")
    read = page.get("api/file?path=windows.yaml").json()
    assert read["text"] == "name: a\ninput: [3, 8, 8]\n" and read["writable"]
    saved = page.put("api/file", json={**read, "text": "name: b\ninput: [3, 8, 8]\n"})
    assert (folder / "windows.yaml").read_bytes() == b"\xef\xbb\xbfname: b\r\ninput: [3, 8, 8]\r\n"
    assert saved.json()["revision"] == page.get("api/file?path=windows.yaml").json()["revision"] != read["revision"]
    new = page.put("api/file", json={"path": "new.yaml", "text": SMALL, "revision": None})
    assert new.status_code == 200 and (folder / "new.yaml").read_text("utf-8") == SMALL
    assert sorted(path.name for path in folder.iterdir()) == ["net.yaml", "new.yaml", "windows.yaml"]


def test_a_change_on_the_disk_is_shown_and_not_overwritten(page, folder):
    read = page.get("api/file?path=net.yaml").json()
    (folder / "net.yaml").write_text("# by another editor\n", encoding="utf-8")
    conflict = page.put("api/file", json={**read, "text": "mine"})
    assert conflict.status_code == 409 and conflict.json()["text"] == "# by another editor\n"
    assert (folder / "net.yaml").read_text("utf-8") == "# by another editor\n"
    (folder / "net.yaml").unlink()
    gone = page.put("api/file", json={**read, "text": "mine"})
    assert gone.status_code == 409 and gone.json()["text"] is gone.json()["revision"] is None
    assert not (folder / "net.yaml").exists()
    assert page.put("api/file", json={**read, "text": "mine", "revision": None}).status_code == 200
    assert page.put("api/file", json={**read, "text": "mine", "revision": None}).status_code == 409


def test_what_cannot_be_written_is_said(page, folder, monkeypatch):
    read = page.get("api/file?path=net.yaml").json()
    (folder / "net.yaml").chmod(0o444)
    assert page.get("api/file?path=net.yaml").json()["writable"] is False
    refused = page.put("api/file", json={**read, "text": "mine"})
    assert refused.status_code == 403 and "read-only" in refused.json()["error"]
    (folder / "net.yaml").chmod(0o644)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        refused = page.put("api/file", json={**read, "text": "mine"})
    assert refused.status_code == 403 and "No space left" in refused.json()["error"]
    half = json.dumps({**read, "text": "\ud800"})
    assert page.put("api/file", content=half).status_code == 422
    assert page.put("api/file", json={**read, "text": "é" * 2**21 + "x"}).status_code == 413
    assert [path.name for path in folder.iterdir()] == ["net.yaml"]
    assert (folder / "net.yaml").read_text("utf-8") == SMALL
    (folder / "latin.yaml").write_bytes(b"# caf\xe9")
    (folder / "large.yaml").write_bytes(b"#" * (2**22 + 1))
    os.mkfifo(folder / "pipe.yaml")
    for name in ("latin", "large", "pipe"):
        assert page.get(f"api/file?path={name}.yaml").status_code == 422


def test_questions_are_answered_about_the_folder(page, folder):
    (folder / "variant.yaml").write_text("extends: net.yaml\n", encoding="utf-8")
    for file in ("variant.yaml", "../variant.yaml"):
        asked = {"ask": "check", "text": "extends: net.yaml\nname: v\n", "file": file, "folder": "/"}
        assert page.post("api/ask", json=asked).json()["name"] == "v"
    assert "error" in page.post("api/ask", json={"ask": "nothing"}).json()
    for body in (b"", b"[]", b"{", b"[" * 100_000, b'{"ask": "check", "text": "\\ud800"}'):
        answer = page.post("api/ask", content=body)
        assert answer.status_code in (200, 400)
    assert page.post("api/ask", content=b" " * (13 * 2**20)).status_code == 413


def a_run(path: Path, epochs: int, done: int) -> Path:
    """A run's folder, as it is after so many epochs."""
    path.mkdir(parents=True, exist_ok=True)
    started = {"started": "2026-01-01T10:00:00", "device": "cpu", "threads": 1, "overrides": [], "data_dir": None}
    facts = {"name": "net", "totals": {"params": 5}, "data": {}, "train": {"epochs": epochs}}
    epoch = {"train_loss": 1.0, "train_accuracy": 50.0, "test_loss": 1.0, "lr": 0.1, "images_per_second": 9.0}
    lines = [json.dumps({**epoch, "epoch": n, "seconds": 2.0, "test_accuracy": 50.0 + n}) for n in range(1, done + 1)]
    (path / "architecture.yaml").write_text(SMALL, encoding="utf-8")
    (path / "environment.json").write_text(json.dumps(started), encoding="utf-8")
    (path / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    (path / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_runs_with_their_metrics_as_they_grow(page, folder):
    run = a_run(folder / "runs" / "net" / "2026-01-01", epochs=4, done=0)
    assert page.get("api/runs").json()["runs"][0]["done"] == 0
    a_run(run, epochs=4, done=2)
    (listed,) = page.get("api/runs").json()["runs"]
    assert (listed["path"], listed["state"]) == ("runs/net/2026-01-01", "interrupted")
    assert (listed["done"], listed["epochs"], listed["best_accuracy"]) == (2, 4, 52.0)
    assert not listed["report"] and listed["seconds_left"] is None
    found = page.get("api/run", params={"path": listed["path"]}).json()
    assert [each["test_accuracy"] for each in found["metrics"]] == [51.0, 52.0] and found["file"] == SMALL
    assert page.get(f"report/{listed['path']}/report.html").status_code == 404
    (run / "report.html").write_text("<script>alert(1)</script>the report")
    report = page.get(f"report/{listed['path']}/report.html")
    assert "the report" in report.text
    policy = report.headers["content-security-policy"]
    assert "sandbox" in policy and "allow-scripts" not in policy and "script-src" not in policy
    assert all(each["path"] == "net.yaml" for each in page.get("api/files").json()["files"])
    (run / "metrics.jsonl").write_text("{")
    assert page.get("api/run", params={"path": listed["path"]}).json()["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell who holds a folder")
def test_what_is_left_of_a_run_is_foretold(page, folder):
    run = a_run(folder / "runs" / "net" / "2026-01-01", epochs=5, done=2)
    with locked(run):
        (listed,) = page.get("api/runs").json()["runs"]
    assert (listed["state"], listed["seconds_left"]) == ("running", 6.0)


def told_after(folder: Path, change: Callable[[], object], *until: str) -> str:
    """What a page is told from a change on, until all that is waited for is there."""

    async def told() -> str:
        events = Events(Folder(folder))
        watching, stream = asyncio.create_task(events.watch()), events.stream()
        assert await anext(stream) == ": open\n\n"
        for step in range(100):  # until the system watches
            (folder / "start.yaml").write_text(f"# {step}\n", encoding="utf-8")
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(anext(stream), 0.3)
                break
            stream = events.stream()
            await anext(stream)
        change()
        found = ""
        while not all(each in found for each in until):
            found += await asyncio.wait_for(anext(stream), 20)
        watching.cancel()
        return found

    return asyncio.run(told())


def test_what_changes_on_the_disk_is_told_at_once(folder):
    written = told_after(folder, lambda: (folder / "net.yaml").write_text("# new\n", encoding="utf-8"), "net.yaml")
    assert 'event: file\ndata: {"path": "net.yaml", "revision": "' in written
    gone = 'event: file\ndata: {"path": "net.yaml", "revision": null}\n\n'
    told_after(folder, (folder / "net.yaml").unlink, gone)


def test_what_a_folder_has_when_it_appears_is_told(folder, tmp_path):
    """A run or a folder of files that is moved in at once, and out again: the system tells of the folder alone."""
    apart = a_run(tmp_path / "apart" / "net" / "2026-01-01", epochs=2, done=2).parents[1]
    (apart / "mine.yml").write_text(SMALL, encoding="utf-8")
    (apart / "node_modules").mkdir()
    (apart / "node_modules" / "theirs.yaml").write_text(SMALL, encoding="utf-8")
    run = 'event: runs\ndata: {"path": "runs/net/2026-01-01"}\n\n'
    file = 'event: file\ndata: {"path": "runs/mine.yml", "revision": "'
    told = told_after(folder, lambda: os.rename(apart, folder / "runs"), run, file)
    assert "theirs" not in told and "event: gone" not in told
    told_after(folder, lambda: os.rename(folder / "runs", apart), 'event: gone\ndata: {"path": "runs"}\n\n')


def test_a_folder_that_is_new_is_looked_into_once_more(folder):
    """What is written before the system watches it is told by nobody either."""
    events, new = Events(Folder(folder)), folder / "new"
    new.mkdir()
    assert events._told([(Change.added, str(new))]) == []
    (new / "net.yaml").write_text(SMALL, encoding="utf-8")
    assert len(events._told([])) == 1
    assert events._told([]) == []


@pytest.mark.raises_code("AB970")
def test_the_command_says_what_it_cannot_open(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["live", "missing.yaml"]) == 2
    assert "AB001" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["live", "--port", str(taken.getsockname()[1])]) == 2
    assert "AB970" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["live", "mcp"])
def test_without_its_packages_the_command_says_what_to_install(command, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("archbuilder.live.agents", "mcp.server"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("uvicorn", "mcp.server"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([command]) == 2
    assert f"pip install 'archbuilder[{command}]'" in capsys.readouterr().err
