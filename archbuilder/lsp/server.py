"""The server: requests in, answers out.  A request that fails has an empty answer, and the next one is served."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from archbuilder.live.editing.buffer import moved
from archbuilder.live.editing.completion import complete
from archbuilder.live.editing.hover import hints, hover
from archbuilder.lsp.files import Buffer, File, problem, problems
from archbuilder.version import __version__

DELAY = 0.15  # seconds without a key press after which a text is checked

Params = TypeVar("Params")
Answer = TypeVar("Answer")
Handler = Callable[["Server", Params], Awaitable[Answer]]


class Server(LanguageServer):
    """The open files, by their URI."""

    def __init__(self) -> None:
        super().__init__("archbuilder", __version__)
        self.files: dict[str, File] = {}

    @property
    def encoding(self) -> str:
        return types.PositionEncodingKind(self.workspace.position_encoding).value

    def report_server_error(self, error: Exception, source: object) -> None:
        """Errors outside a request go to the client's log, not into a message window."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"{type(error).__name__}: {error}"))

    def edit(self, file: File, edits: list[types.TextEdit]) -> types.WorkspaceEdit:
        """Edits of the current text of a file, bound to its version if the client supports that."""
        workspace = self.client_capabilities.workspace
        if workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes:
            identifier = types.OptionalVersionedTextDocumentIdentifier(file.uri, file.version)
            return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, edits)])
        return types.WorkspaceEdit(changes={file.uri: edits})

    async def check(self, file: File, delay: float = 0.0) -> None:
        """Publish the findings of a file, unless it changes in the meantime."""
        version = file.version
        await asyncio.sleep(delay)
        if file.version != version or self.files.get(file.uri) is not file:
            return
        found = problems(await file.report(), file.buffer) if file.ours else []
        if file.version == version and self.files.get(file.uri) is file:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(file.uri, found, version))


def guarded(handler: Handler[Params, Answer]) -> Handler[Params, Answer | None]:
    """Log an error of a request in the client, so that it does not affect the next request."""

    @wraps(handler)
    async def answer(ls: Server, params: Params) -> Answer | None:
        try:
            return await handler(ls, params)
        except Exception:
            ls.window_log_message(types.LogMessageParams(types.MessageType.Error, traceback.format_exc()))
            return None

    return answer


def create() -> Server:
    """A server with all its handlers."""
    server = Server()
    quick = types.CodeActionOptions([types.CodeActionKind.QuickFix])
    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(guarded(_open))
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(guarded(_change))
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(guarded(_save))
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(guarded(_close))
    server.feature(types.TEXT_DOCUMENT_HOVER)(guarded(_hover))
    server.feature(types.TEXT_DOCUMENT_INLAY_HINT, types.InlayHintOptions())(guarded(_hints))
    server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions([" ", ":", "{", "["]))(guarded(_complete))
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, quick)(guarded(_fixes))
    return server


async def _open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    document = params.text_document
    buffer = Buffer(document.text, to_fs_path(document.uri) or document.uri, ls.encoding)
    ls.files[document.uri] = file = File(document.uri, buffer, document.version)
    await ls.check(file)


async def _change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    file = ls.files[params.text_document.uri]
    file.change(file.buffer.changed(params.content_changes), params.text_document.version)
    await ls.check(file, DELAY)


async def _save(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
    """An open file may extend the saved one, so all open files are checked again."""
    for file in list(ls.files.values()):
        file.forget()
        await ls.check(file)


async def _close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    if ls.files.pop(params.text_document.uri, None):
        ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))


async def _hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
    file = ls.files.get(params.text_document.uri)
    if file is None or not file.is_network:
        return None
    report, buffer = await file.report(), file.buffer
    line, column = buffer.place(params.position)
    if file.good and not (report.document and report.document.root.is_mapping):  # broken: as it was before
        report = file.good.report
        before = moved(buffer, file.good.buffer)(line - 1)
        line = 0 if before is None else before + 1
    text = hover(report, line, column)
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None


async def _hints(ls: Server, params: types.InlayHintParams) -> list[types.InlayHint]:
    file = ls.files.get(params.text_document.uri)
    if file is None or not file.is_network:
        return []
    await file.report()
    if file.good is None:
        return []
    buffer, shown = file.buffer, range(params.range.start.line, params.range.end.line + 1)
    found = hints(file.good, buffer)
    return [types.InlayHint(buffer.end(line), text, padding_left=True) for line, text in found if line in shown]


async def _complete(ls: Server, params: types.CompletionParams) -> list[types.CompletionItem]:
    file = ls.files.get(params.text_document.uri)
    if file is None or not (file.is_network or (not file.ours and len(file.buffer.text) < 200)):
        return []
    return items(file.buffer, params.position)


_KINDS = {
    "key": types.CompletionItemKind.Property,
    "block": types.CompletionItemKind.Class,
    "value": types.CompletionItemKind.EnumMember,
    "variable": types.CompletionItemKind.Variable,
    "reference": types.CompletionItemKind.Reference,
}


def items(buffer: Buffer, position: types.Position) -> list[types.CompletionItem]:
    """The completions at a place, the likeliest first."""
    found = complete(buffer.text, buffer.offset(position))
    place = buffer.range(found.start, found.end)
    return [
        types.CompletionItem(
            label=each.label,
            kind=_KINDS[each.kind],
            documentation=types.MarkupContent(types.MarkupKind.Markdown, each.manual) if each.manual else None,
            text_edit=types.TextEdit(place, each.text),
            filter_text=each.label,
            sort_text=f"{order:04}",
        )
        for order, each in enumerate(found.proposals)
    ]


async def _fixes(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    file = ls.files.get(params.text_document.uri)
    if file is None or not file.ours or not _asks_for_quick_fixes(params.context):
        return []
    report, buffer, version = await file.report(), file.buffer, file.version
    wanted = [d for d in report.diagnostics if _touches(problem(d, buffer).range, params.range)]
    found = await file.actions(wanted)
    if file.version != version:
        return []  # they belong to an older text
    actions = []
    for finding, action in found:
        edits = [types.TextEdit(buffer.range(start, end), text) for start, end, text in action.patches]
        actions.append(
            types.CodeAction(
                title=action.title,
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[problem(finding, buffer)],
                is_preferred=action.preferred,
                edit=ls.edit(file, edits),
            )
        )
    return actions


def _asks_for_quick_fixes(context: types.CodeActionContext) -> bool:
    return context.only is None or types.CodeActionKind.QuickFix in context.only


def _touches(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end
