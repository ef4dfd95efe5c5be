"""What may be read: an ordinary file of a bounded size, and nothing that is waited for without end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from archbuilder.files import TooLarge, read_regular, regular

Open = Callable[[Path, int], object]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "last.pt"


@pytest.mark.parametrize("opened", [regular, read_regular])
class TestWhatIsNotRead:
    def test_a_file_that_is_not_there(self, place: Path, opened: Open):
        with pytest.raises(FileNotFoundError):
            opened(place, 10)

    def test_a_folder(self, place: Path, opened: Open):
        place.mkdir()
        with pytest.raises(IsADirectoryError) as caught:
            opened(place, 10)
        assert caught.value.strerror == "this is a folder"

    def test_a_pipe_a_socket_and_a_device(self, place: Path, opened: Open, monkeypatch: pytest.MonkeyPatch):
        os.mkfifo(place)
        monkeypatch.chdir(place.parent)  # the path of a socket may not be long
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket")
            for path in (place, Path("socket"), Path("/dev/zero"), Path("/dev/null")):
                with pytest.raises(OSError, match="this is not an ordinary file"):
                    opened(path, 10)

    def test_a_link_to_a_pipe(self, place: Path, opened: Open):
        os.mkfifo(place)
        (link := place.with_name("link")).symlink_to(place)
        with pytest.raises(OSError, match="this is not an ordinary file"):
            opened(link, 10)

    def test_a_file_that_is_too_large(self, place: Path, opened: Open):
        with place.open("wb") as stream:
            stream.truncate(64 * 2**20 + 1)  # sparse: it takes no room on the disk
        for most, said in ((64 * 2**20, "64 MiB"), (2**20, "1 MiB"), (10, "10 bytes")):
            with pytest.raises(TooLarge) as caught:
                opened(place, most)
            assert caught.value.strerror == f"the file is larger than {said}"


def test_what_fits_exactly_is_read(place: Path):
    place.write_bytes(b"0123456789")
    assert read_regular(place, 10) == b"0123456789"
    assert regular(place, 10) == place


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a file of the system itself is needed")
def test_a_file_that_does_not_say_its_size():
    with pytest.raises(TooLarge):
        read_regular("/proc/self/status", 10)
