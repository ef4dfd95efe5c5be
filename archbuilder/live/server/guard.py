"""Access control: only the browser page that knows the address; and what our pages are allowed to do.

The server listens on 127.0.0.1, where every page in every browser of this machine, and every program, can reach it. So
each request must

- have the numeric address as `Host`: a name that resolves to it may belong to somebody else (DNS rebinding);
- be below a path with 256 random bits (not a cookie, because browsers send cookies to every port of this machine);
- come from a page of this server, if the browser states the origin (`Origin`, `Sec-Fetch-Site`);
- have a header that no form and no foreign script can set without permission, if it changes or asks something.

All refusals have the same text, so that guessing reveals nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASKED = "x-archbuilder"  # the header of requests with a body
REFUSED = "This is archbuilder live; open the complete address that it printed."

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page_policy(nonce: str) -> str:
    """The policy of the page: its own script and style, requests to its own server, the user's own pictures."""
    allowed = {
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
    }
    return "; ".join([_NOTHING, *(f"{what} {where}" for what, where in allowed.items())])


REPORT_POLICY = (
    f"{_NOTHING}; sandbox allow-popups; style-src 'unsafe-inline'; img-src data:"  # an untrusted file: no script
)


class Guard:
    """Protects an application below `/TOKEN`; `port` is the port that the browser uses."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app = app
        self.token = token
        self.host = f"127.0.0.1:{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http" or not self._admits(scope):
            refusal = PlainTextResponse(
                REFUSED, status_code=403, headers={"Content-Security-Policy": _NOTHING} | HEADERS
            )
            await refusal(scope, receive, send)
        else:
            inner = {**scope, "root_path": f"/{self.token}"}
            await self.app(inner, receive, _with_headers(send))

    def _admits(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        token = scope["path"][1:].partition("/")[0]
        return (
            headers.getlist("host") == [self.host]
            and secrets.compare_digest(token.encode(), self.token.encode())
            and _all_are(headers.getlist("origin"), {f"http://{self.host}"})
            and _all_are(headers.getlist("sec-fetch-site"), {"same-origin", "none"})
            and (scope["method"] in ("GET", "HEAD") or headers.get(ASKED) == "1")
        )


def _all_are(found: Iterable[str], known: set[str]) -> bool:
    return all(value in known for value in found)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {"Content-Security-Policy": _NOTHING, **HEADERS}.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
