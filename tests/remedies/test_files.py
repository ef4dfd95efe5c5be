"""A file is replaced as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.remedies.edits import replace_text

OLD, NEW = "a: ä\r\n# c\n", "b: ß\r\n# c\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_bytes(OLD.encode())
    return path


def left(file: Path) -> list[str]:
    return sorted(path.name for path in file.parent.iterdir())


def test_text_line_breaks_and_mode(file: Path):
    file.chmod(0o640)
    replace_text(str(file), OLD, NEW)
    assert file.read_bytes() == NEW.encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640 and left(file) == ["net.yaml"]


def test_a_byte_order_mark_stays(file: Path):
    file.write_bytes(b"\xef\xbb\xbf" + OLD.encode())
    replace_text(str(file), OLD, NEW)
    assert file.read_bytes() == b"\xef\xbb\xbf" + NEW.encode()


def test_a_link_still_leads_to_it(file: Path):
    link = file.parent / "link.yaml"
    link.symlink_to(file)
    replace_text(str(link), OLD, NEW)
    assert link.is_symlink() and file.read_bytes() == NEW.encode()


@pytest.mark.raises_code("AB941")
def test_what_changed_in_between_is_left_alone(file: Path):
    file.write_text("another\n")
    with pytest.raises(ArchbuilderError, match="AB941 the file has changed"):
        replace_text(str(file), OLD, NEW)
    assert file.read_text() == "another\n" and left(file) == ["net.yaml"]


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_failure_on_the_way_leaves_the_old_text(step: str, file: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(ArchbuilderError, match="AB941 cannot be written: No space left on device") as error:
        replace_text(str(file), OLD, NEW)
    assert error.value.exit_status == 2
    assert file.read_bytes() == OLD.encode() and left(file) == ["net.yaml"]


def test_a_file_that_has_gone(tmp_path: Path):
    with pytest.raises(ArchbuilderError, match="AB941"):
        replace_text(str(tmp_path / "gone.yaml"), OLD, NEW)
    assert not list(tmp_path.iterdir())
