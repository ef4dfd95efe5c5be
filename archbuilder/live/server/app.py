"""The application: the page, questions about a text, files, runs, and what changes on the disk."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from archbuilder.document.text import MAX_BYTES
from archbuilder.live import answer
from archbuilder.live.folder import Changed, Content, Folder, Refused
from archbuilder.live.server import runs
from archbuilder.live.server.events import Events
from archbuilder.live.server.guard import REPORT_POLICY, Guard, page_policy
from archbuilder.reporting.json import dumps

STATIC = Path(__file__).parents[1] / "static"
TYPES = {"app.js": "text/javascript", "app.css": "text/css", "licences.txt": "text/plain"}  # the files of the page
MAX_BODY = 3 * MAX_BYTES  # bytes of a request: two texts with JSON escapes
AT_ONCE = 2  # questions that are answered at the same time

Handler = Callable[[Request], Awaitable[Response]]


def new_token() -> str:
    """256 random bits for an address."""
    return secrets.token_urlsafe(32)


def application(folder: Folder, token: str, port: int, file: str | None = None) -> ASGIApp:
    """The application at a port of 127.0.0.1, below `/token/`; `file` is opened first."""
    server = _Server(folder, file)
    routes = [
        Route("/", server.page),
        Route("/api/ask", server.ask, methods=["POST"]),
        Route("/api/files", server.files),
        Route("/api/file", server.read),
        Route("/api/file", server.save, methods=["PUT"]),
        Route("/api/events", server.watch),
        Route("/api/runs", server.runs),
        Route("/api/run", server.run),
        Route("/report/{path:path}/report.html", server.report),
        Route("/{name}", server.static),
    ]
    return Guard(Starlette(routes=routes, lifespan=server.lifespan), token, port)


def _told(handler: Callable[[Any, Request], Awaitable[Response]]) -> Callable[[Any, Request], Awaitable[Response]]:
    """Turn Refused into an error response."""

    async def answering(server: Any, request: Request) -> Response:
        try:
            return await handler(server, request)
        except Changed as changed:
            now = changed.now
            more = {"text": now.text if now else None, "revision": now.revision if now else None}
            return _json({"error": str(changed), **more}, changed.status)
        except Refused as refused:
            return _json({"error": str(refused)}, refused.status)

    return answering


class _Server:
    def __init__(self, folder: Folder, file: str | None) -> None:
        self.folder = folder
        self.file = file
        self.events = Events(folder)
        self.answering = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.events.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError, OSError):  # errors of watching do not matter at shutdown
                await watching

    async def page(self, request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        html = (STATIC / "index.html").read_text(encoding="utf-8")
        html = html.replace('name="archbuilder-mode" content="page"', 'name="archbuilder-mode" content="live"', 1)
        html = html.replace('name="csp-nonce" content=""', f'name="csp-nonce" content="{nonce}"', 1)
        return HTMLResponse(html, headers={"Content-Security-Policy": page_policy(nonce)})

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in TYPES:
            return _json({"error": "There is no such page."}, 404)
        return Response((STATIC / name).read_bytes(), media_type=TYPES[name])

    @_told
    async def ask(self, request: Request) -> Response:
        question = await _body(request)
        question["folder"] = str(self.folder.root)
        question |= {key: self._named(question[key]) for key in ("file", "other_name") if key in question}
        async with self.answering:
            if await request.is_disconnected():  # superseded by the next key press
                return Response(status_code=499)
            return _json(await asyncio.to_thread(answer, question))

    def _named(self, file: object) -> str:
        """The path of a text: a file of the folder, which may not exist yet."""
        try:
            self.folder.path(str(file))
        except Refused:
            return "network.yaml"
        return str(file)

    @_told
    async def files(self, request: Request) -> Response:
        names = await asyncio.to_thread(lambda: list(self.folder.files()))
        listed = [{"path": name} for name in names]
        return _json({"folder": self.folder.root.name, "files": listed, "open": self.file})

    @_told
    async def read(self, request: Request) -> Response:
        name = request.query_params.get("path", "")
        return _json({"path": name} | _shown(await asyncio.to_thread(self.folder.read, name)))

    @_told
    async def save(self, request: Request) -> Response:
        body = await _body(request)
        name, text, revision = (body.get(key) for key in ("path", "text", "revision"))
        if not isinstance(name, str) or not isinstance(text, str) or not isinstance(revision, (str, type(None))):
            raise Refused("Saving needs the path, the text and the revision that was read.", 400)
        saved = await asyncio.to_thread(self.folder.save, name, text, revision)
        return _json({"revision": saved.revision})

    async def watch(self, request: Request) -> Response:
        return StreamingResponse(self.events.stream(), media_type="text/event-stream")

    @_told
    async def runs(self, request: Request) -> Response:
        return _json({"runs": await asyncio.to_thread(runs.runs, self.folder.root)})

    @_told
    async def run(self, request: Request) -> Response:
        return _json(await asyncio.to_thread(runs.run, self.folder.root, request.query_params.get("path", "")))

    @_told
    async def report(self, request: Request) -> Response:
        html = await asyncio.to_thread(runs.report, self.folder.root, request.path_params["path"])
        return HTMLResponse(html, headers={"Content-Security-Policy": REPORT_POLICY})


def _shown(content: Content) -> dict[str, Any]:
    return {"text": content.text, "revision": content.revision, "writable": content.writable}


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request.  Raises Refused."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY:
            raise Refused(f"The request is larger than {MAX_BODY // 2**20} MiB.", 413)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("The request is not a JSON object.", 400)
    return value


def _json(value: Any, status: int = 200) -> Response:
    return Response(dumps(value, indent=None), status, media_type="application/json")
