"""A language client that talks to `archbuilder lsp` over its standard input and output, for tests to call."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

T = TypeVar("T")

PATIENCE = 30.0  # seconds; a check takes milliseconds, a machine may be busy


class Client:
    """Runs a server, and the client's event loop in a thread of its own."""

    def __init__(self, *arguments: str, encodings: list[str] | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.client = LanguageClient("tests", "1")
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.all: list[types.PublishDiagnosticsParams] = []
        self.logged: list[str] = []
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._publish(params))
        self.client.feature(types.WINDOW_LOG_MESSAGE)(lambda params: self.logged.append(params.message))
        versioned = types.WorkspaceEditClientCapabilities(document_changes=True)
        capabilities = types.ClientCapabilities(workspace=types.WorkspaceClientCapabilities(workspace_edit=versioned))
        if encodings:  # a client of few words
            capabilities = types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=encodings)
            )
        self.started = self.run(self._start(arguments, capabilities))

    async def _start(
        self, arguments: tuple[str, ...], capabilities: types.ClientCapabilities
    ) -> types.InitializeResult:
        await self.client.start_io(sys.executable, "-m", "archbuilder", "lsp", *arguments)
        answer = await self.client.initialize_async(types.InitializeParams(capabilities=capabilities))
        self.client.initialized(types.InitializedParams())
        return answer

    def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        self.published[params.uri] = params
        self.all.append(params)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def raw(self, body: str) -> None:
        """A message as it is, well formed or not."""
        message = f"Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()
        self.loop.call_soon_threadsafe(self.client.protocol.writer.write, message)

    def stop(self) -> int:
        """The server's exit status."""
        self.run(self.client.shutdown_async(None))
        self.loop.call_soon_threadsafe(self.client.exit, None)
        server = self.client._server
        assert server
        status = self.run(server.wait())
        self.loop.call_soon_threadsafe(self.loop.stop)
        return status

    def open(self, path: Path, text: str) -> "Editor":
        return Editor(self, path.as_uri(), text)


class Editor:
    """An open file, edited as an editor does it."""

    def __init__(self, client: Client, uri: str, text: str) -> None:
        self.client, self.uri, self.text, self.version = client, uri, text, 1
        item = types.TextDocumentItem(uri, "yaml", 1, text)
        self._tell(client.client.text_document_did_open, types.DidOpenTextDocumentParams(item))

    def _tell(self, notify: Callable[[Any], None], params: Any) -> None:
        self.client.loop.call_soon_threadsafe(notify, params)

    @property
    def itself(self) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri)

    def change(self, *changes: types.TextDocumentContentChangeEvent) -> None:
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        params = types.DidChangeTextDocumentParams(identifier, list(changes))
        self._tell(self.client.client.text_document_did_change, params)

    def write(self, text: str) -> None:
        """The whole text anew."""
        self.text = text
        self.change(types.TextDocumentContentChangeWholeDocument(text))

    def replace(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """One stretch anew; lines and columns from 0, in UTF-16."""
        place = types.Range(types.Position(*start), types.Position(*end))
        self.change(types.TextDocumentContentChangePartial(place, text))

    def save(self) -> None:
        self._tell(self.client.client.text_document_did_save, types.DidSaveTextDocumentParams(self.itself))

    def close(self) -> None:
        self._tell(self.client.client.text_document_did_close, types.DidCloseTextDocumentParams(self.itself))

    def findings(self) -> list[types.Diagnostic]:
        """The diagnostics of the text as it is now."""
        deadline = time.monotonic() + PATIENCE
        logged = len(self.client.logged)
        while time.monotonic() < deadline and len(self.client.logged) == logged:
            found = self.client.published.get(self.uri)
            if found and found.version == self.version:
                return list(found.diagnostics)
            time.sleep(0.005)
        raise TimeoutError(f"no diagnostics of version {self.version}: {self.client.logged[logged:]}")

    def codes(self) -> list[tuple[str, int, int]]:
        """(code, line, column) of each diagnostic, from 0."""
        return [(str(d.code), d.range.start.line, d.range.start.character) for d in self.findings()]

    def hover(self, line: int, column: int) -> str:
        params = types.HoverParams(self.itself, types.Position(line, column))
        answer = self.client.run(self.client.client.text_document_hover_async(params))
        return answer.contents.value if answer else ""

    def hints(self, first: int = 0, last: int = 10**6) -> dict[int, str]:
        """The hint of each line that has one."""
        place = types.Range(types.Position(first, 0), types.Position(last, 0))
        params = types.InlayHintParams(self.itself, place)
        answer = self.client.run(self.client.client.text_document_inlay_hint_async(params))
        return {hint.position.line: hint.label for hint in answer or []}

    def complete(self, line: int, column: int) -> dict[str, str]:
        """What each completion would write, by its label."""
        params = types.CompletionParams(self.itself, types.Position(line, column))
        answer = self.client.run(self.client.client.text_document_completion_async(params))
        return {item.label: item.text_edit.new_text for item in answer or []}

    def fixes(self, finding: types.Diagnostic) -> list[types.CodeAction]:
        context = types.CodeActionContext([finding])
        params = types.CodeActionParams(self.itself, finding.range, context)
        answer = self.client.run(self.client.client.text_document_code_action_async(params))
        return [action for action in answer or [] if list(action.diagnostics or ()) == [finding]]

    def ask_for_fixes(self, line: int) -> Future[list[types.CodeAction]]:
        """The future answer to a request for the fixes of a line."""
        place = types.Range(types.Position(line, 0), types.Position(line + 1, 0))
        params = types.CodeActionParams(self.itself, place, types.CodeActionContext([]))
        return asyncio.run_coroutine_threadsafe(
            self.client.client.text_document_code_action_async(params), self.client.loop
        )

    def apply(self, action: types.CodeAction) -> None:
        """The edits of an action, from the last to the first, as an editor applies them."""
        if action.edit.document_changes:
            (change,) = action.edit.document_changes
            assert (change.text_document.uri, change.text_document.version) == (self.uri, self.version)
            edits = change.edits
        else:
            ((uri, edits),) = action.edit.changes.items()
            assert uri == self.uri
        changes = sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True)
        self.change(*(types.TextDocumentContentChangePartial(e.range, e.new_text) for e in changes))
