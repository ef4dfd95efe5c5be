from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.lsp.client import Client, Editor

Open = Callable[[str], Editor]
_numbers = count(1)


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """One server for all tests, as one serves all files of an editor."""
    client = Client()
    yield client
    assert client.stop() == 0
    assert client.logged == []


@pytest.fixture
def open_(client: Client, tmp_path: Path) -> Iterator[Open]:
    """Opens a text as a file that is not saved."""
    opened: list[Editor] = []

    def opens(text: str) -> Editor:
        opened.append(client.open(tmp_path / f"net{next(_numbers)}.yaml", text))
        return opened[-1]

    yield opens
    for editor in opened:
        editor.close()
