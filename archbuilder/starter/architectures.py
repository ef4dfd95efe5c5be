"""The shipped networks to start from: those of `architectures/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from archbuilder.sources import open_source, written_out

PACKAGE = Path(__file__).parents[1]
_EXTENDS = re.compile(r"(?m)^extends\s*:")  # finds bases without parsing the other files, which would take a while
FOLDERS = (PACKAGE / "architectures", PACKAGE.parent / "architectures")  # as it is installed; in a checkout


@dataclass(frozen=True)
class Network:
    """A file to start from: its path in the folder without the ending, its first line, its text.

    A file that extends another is merged with it, so that each is complete."""

    name: str
    title: str
    text: str


def networks() -> Iterator[Network]:
    """Every network, those of the top folder first; none if they are not installed."""
    folder = next(filter(Path.is_dir, FOLDERS), None)
    if folder is None:
        return
    for path in sorted(folder.rglob("*.yaml"), key=lambda path: (len(path.parts), path)):
        opened = open_source(path)
        text = opened.text
        if _EXTENDS.search(text):
            document = opened.document(())
            head = takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True))
            text = "".join(head) + written_out(document)
        name = path.relative_to(folder).with_suffix("").as_posix()
        yield Network(name, text.partition("\n")[0].lstrip("# "), text)
