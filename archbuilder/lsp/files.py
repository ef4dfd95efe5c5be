"""Open files: the text, and what is known of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from archbuilder.diagnostics import Diagnostic
from archbuilder.live.editing.actions import Action, Remedies
from archbuilder.live.editing.buffer import Good, check_buffer
from archbuilder.lsp.buffer import Buffer
from archbuilder.pipeline import Report

# an editor sends every YAML file: these are the ones that speak our language
_OURS = re.compile(r"^[\"']?archbuilder[\"']?\s*:", re.MULTILINE)
_RULES = re.compile(r"^[\"']?archbuilder_rules[\"']?\s*:", re.MULTILINE)
_SECTIONS = re.compile(
    r"^(network|input|classes|limits|vars|defaults|define|extends|data|train|rules|goals)\s*:", re.MULTILINE
)


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
