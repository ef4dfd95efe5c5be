"""The networks that come along, to start from: those of `architectures/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from archbuilder.sources import open_source, written_out

PACKAGE = Path(__file__).parents[1]
_EXTENDS = re.compile(r"(?m)^extends\s*:")  # to read the others as YAML would take a while
FOLDERS = (PACKAGE / "architectures", PACKAGE.parent / "architectures")  # as it is installed; in a checkout


@dataclass(frozen=True)
class Network:
    """A file to start from: its path in the folder without the ending, what it says in its first line, its text.

    One that extends another is written out, so that each stands by itself."""

    name: str
    title: str
    text: str


def networks() -> Iterator[Network]:
    """Every network, those at the top first; none where they were not installed."""
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
