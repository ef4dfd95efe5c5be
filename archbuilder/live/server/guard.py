"""Who may ask: one browser page, which knows the address; and what any page of ours may do.

The server is on 127.0.0.1, where every page in every browser of this machine, and whatever its owner runs, can reach
it.  So each request must

- name the address by its number (`Host`): a name that leads here is somebody else's (DNS rebinding);
- lie below a path of 256 random bits: it is no cookie, which browsers would hand to every other port of this machine;
- come from a page of this server where the browser says where from (`Origin`, `Sec-Fetch-Site`);
- have a header that no form and no foreign script can set without being asked, where it changes or asks something.

What is refused is refused in the same words: who guesses learns nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASKED = "x-archbuilder"  # the header of requests with a body
REFUSED = "This is archbuilder live; open the address that it has printed, as a whole."

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
    """What the page may do: its own script and style, requests to its own server, pictures of the user's own."""
    allowed = {
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
    }
    return "; ".join([_NOTHING, *(f"{what} {where}" for what, where in allowed.items())])


REPORT_POLICY = (
    f"{_NOTHING}; sandbox allow-popups; style-src 'unsafe-inline'; img-src data:"  # somebody's file: no script
)


class Guard:
    """The application behind it answers below `/TOKEN`; `port` is where the browser reaches it."""

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
