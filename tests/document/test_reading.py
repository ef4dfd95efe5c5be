"""From a path, standard input or a string to text."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest

from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.document.text import read_text


def refusal(source: str | os.PathLike[str]) -> Diagnostic:
    with pytest.raises(ArchbuilderError) as caught:
        read_text(source)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_string_with_a_line_break_is_the_text():
    assert read_text("a: 1\n") == ("<string>", "a: 1\n")


def test_a_file(tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_bytes("größe: 1\r\n".encode())
    assert read_text(path) == read_text(str(path)) == (str(path), "größe: 1\r\n")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_text(path)[1] == "a: 1\n"


def test_standard_input(monkeypatch: pytest.MonkeyPatch):
    stdin(monkeypatch, b"a: 1\n")
    assert read_text("-") == ("<stdin>", "a: 1\n")


def test_a_path_called_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", None)
    Path("-").write_text("a: 1\n")
    assert read_text(Path("-")) == ("-", "a: 1\n")


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", None)
    assert refusal("-").code.id == "AB001"


def test_endless_standard_input(monkeypatch: pytest.MonkeyPatch):
    stdin(monkeypatch, b"#" * (5 * 2**20))
    assert refusal("-").code.id == "AB007"


@pytest.mark.parametrize("name", ["missing.yaml", "no/such/folder.yaml", "a" * 5000, "a\0b", "file.txt/net.yaml"])
def test_what_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("file.txt").touch()
    diagnostic = refusal(name)
    assert diagnostic.code.id == "AB001" and diagnostic.code.exit_status == 2
    assert diagnostic.span.file == name and diagnostic.hint == "check the path"


def test_a_text_without_line_break_is_taken_for_a_path_and_the_hint_says_so():
    assert "needs a line break" in refusal("archbuilder: 1").hint


def test_a_folder(tmp_path: Path):
    assert "this is a folder" in refusal(tmp_path).message


def test_what_would_wait_for_a_writer(tmp_path: Path):
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    assert "not an ordinary file" in refusal(fifo).message


def test_devices_and_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert refusal("/dev/zero").code.id == "AB001"
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("net.sock")
        assert refusal("net.sock").code.id == "AB001"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path):
    path = tmp_path / "closed.yaml"
    path.touch(mode=0)
    assert "Permission denied" in refusal(path).message


def test_a_link_that_leads_nowhere_or_to_itself(tmp_path: Path):
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "dead.yaml").symlink_to("nothing.yaml")
    assert refusal(tmp_path / "loop.yaml").code.id == refusal(tmp_path / "dead.yaml").code.id == "AB001"


# bytes -> place, byte named
NOT_UTF8 = {
    b"a: 1\nb: \xff\n": ("2:4", "0xff"),
    "a: 1\r\nü: x".encode() + b"\xe9": ("2:5", "0xe9"),
    b"\xef\xbb\xbfa: \xfe\n": ("1:4", "0xfe"),
    b"a: \xc3": ("1:4", "0xc3"),
    b"a: \xed\xa0\x80\n": ("1:4", "0xed"),  # a surrogate
    "ä".encode("latin-1"): ("1:1", "0xe4"),
    b"x: 1\ry: \xff": ("2:4", "0xff"),
}


@pytest.mark.parametrize("data", NOT_UTF8)
def test_bytes_that_are_not_utf_8_have_a_place(data: bytes, tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_bytes(data)
    diagnostic = refusal(path)
    where, byte = NOT_UTF8[data]
    assert str(diagnostic.span) == f"{path}:{where}"
    assert diagnostic.code.id == "AB002" and byte in diagnostic.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_named(encoding: str, tmp_path: Path):
    path = tmp_path / "net.yaml"
    mark = b"\xfe\xff" if encoding.endswith("be") else b""
    path.write_bytes(mark + "a: 1\n".encode(encoding))
    assert "UTF-16" in refusal(path).hint
