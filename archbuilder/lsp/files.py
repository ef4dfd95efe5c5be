"""Open files: the text, and what is known of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from archbuilder.diagnostics import Diagnostic
from archbuilder.lsp.buffer import Buffer, check_buffer
from archbuilder.lsp.fixes import Action, Remedies
from archbuilder.pipeline import Report

# an editor sends every YAML file: these are the ones that speak our language
_OURS = re.compile(r"^[\"']?archbuilder[\"']?\s*:", re.MULTILINE)
_RULES = re.compile(r"^[\"']?archbuilder_rules[\"']?\s*:", re.MULTILINE)
_SECTIONS = re.compile(
    r"^(network|input|classes|limits|vars|defaults|define|extends|data|train|rules)\s*:", re.MULTILINE
)


@dataclass(frozen=True)
class Good:
    """The last text that could be analysed, and its report."""

    buffer: Buffer
    report: Report


def moved(old: Buffer, new: Buffer) -> Callable[[int], int | None]:
    """Where each line (from 0) of one text is in another that was made from it; None for one that is not there."""
    if old is new:
        return lambda line: line
    most = min(old.count, new.count)
    before = next((n for n in range(most) if old.line(n) != new.line(n)), most)
    rest = range(most - before)
    after = next((n for n in rest if old.line(old.count - 1 - n) != new.line(new.count - 1 - n)), most - before)

    def place(line: int) -> int | None:
        if line < before or old.count == new.count:
            return line
        return line + new.count - old.count if line >= old.count - after else None

    return place


class File:
    """A file that the editor has open."""

    def __init__(self, uri: str, buffer: Buffer, version: int) -> None:
        self.uri = uri
        self.buffer = buffer
        self.version = version
        self.good: Good | None = None
        self._report: Report | None = None
        self._checking = asyncio.Lock()
        self._remedies: Remedies | None = None
        self._mending = asyncio.Lock()

    @property
    def ours(self) -> bool:
        """Whether check has something to say about it, as far as one can tell from a text that may be broken."""
        return self.is_network or bool(_RULES.search(self.buffer.text))

    @property
    def is_network(self) -> bool:
        """Whether it is an architecture; a pack of rules has another vocabulary."""
        text = self.buffer.text
        known = _OURS.search(text) or len(set(_SECTIONS.findall(text))) > 1
        return bool(known) and not _RULES.search(text)

    def change(self, buffer: Buffer, version: int) -> None:
        self.buffer, self.version = buffer, version
        self.forget()

    def forget(self) -> None:
        """Something that the file is based on may have changed."""
        self._report = None

    async def report(self) -> Report:
        """What check says of the text as it is now; it runs beside the server's own work."""
        async with self._checking:
            while True:
                report, buffer = self._report, self.buffer
                if report is not None:
                    return report
                report = await asyncio.to_thread(check_buffer, buffer)
                if report.facts:
                    self.good = Good(buffer, report)
                if buffer is self.buffer:
                    self._report = report

    async def actions(self, wanted: Iterable[Diagnostic]) -> list[tuple[Diagnostic, Action]]:
        """What can be done about findings of the text as it is now; one search at a time, beside the server's work."""
        async with self._mending:
            report, buffer = await self.report(), self.buffer
            if self._remedies is None or self._remedies.report is not report:
                self._remedies = Remedies(buffer, report)
            remedies = self._remedies
            return await asyncio.to_thread(
                lambda: [(finding, action) for finding in wanted for action in remedies.of(finding)]
            )
