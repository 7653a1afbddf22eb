"""What stands before every request: who asks, may they, and is the request their own doing.

- A browser brings the cookie of a session; a program brings a token (Authorization: Bearer ...).
- A request that changes something and comes with a cookie must bring the session's CSRF token too.
- No page may be framed, run a script or a style that is not a file of ours, or ask another host.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tools.backend.config import is_here
from tools.backend.web import users
from tools.backend.web.parts import Settings, parts_of
from tools.backend.web.users import Who

SAFE = ("GET", "HEAD", "OPTIONS")
LARGEST = 256 * 1024  # bytes of a request
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
YEAR_S = 365 * 86400


class Shield:
    """ASGI middleware: headers of every answer, hosts and origins of requests, and their size."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            answer = PlainTextResponse(refusal[1], refusal[0])
            await answer(scope, receive, self._with(scope, send))
            return
        await self._app(scope, _limited(receive), self._with(scope, send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._settings.loopback and not self._settings.proxy and not _is_loopback(host):
            # A page of another site whose name was made to lead here (DNS rebinding).
            return 421, f"This page is at {self._settings.host}, not at {host[:80]!r}.\n"
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > LARGEST:
            return 413, "That is too much.\n"
        if scope["method"] in SAFE:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in (None, "same-origin", "none"):
            return 403, "Another site sent this request.\n"
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "Another site sent this request.\n"
        return None

    def _with(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._settings.secure:
                    headers["Strict-Transport-Security"] = f"max-age={YEAR_S}"
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return sending


def _limited(receive: Receive) -> Receive:
    """No more than LARGEST of a body, whatever its length is said to be."""
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST:
            raise HTTPException(413, "That is too much.")
        return message

    return receiving


def _is_loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return is_here(name.strip("[]"))


def cookie_name(settings: Settings) -> str:
    """The name of the session's cookie; with TLS one that no other host can set."""
    return "__Host-petrel" if settings.secure else "petrel"


def find(request: Request) -> Who | None:
    """Who asks; None if they have not said, or it isn't so."""
    parts = parts_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return users.by_token(parts.database, token.strip())
    secret = request.cookies.get(cookie_name(parts.settings))
    if not secret:
        return None
    who = users.by_session(parts.database, secret)
    if who and request.method not in SAFE and not _has_csrf(request, who):
        raise HTTPException(403, "The page is too old. Load it again.")
    return who


def _has_csrf(request: Request, who: Who) -> bool:
    given = str(request.headers.get("x-csrf-token") or getattr(request.state, "csrf", ""))
    return hmac.compare_digest(given.encode(), who.csrf.encode())


def needs(role: str) -> Callable[[Request], Who]:
    """A dependency of FastAPI: somebody of that role, or of one above it."""

    def check(request: Request) -> Who:
        who = find(request)
        if who is None:
            raise HTTPException(
                401,
                "Log in, or send a token (Authorization: Bearer ...).",
                {"WWW-Authenticate": "Bearer"},
            )
        if not who.may(role):
            raise HTTPException(403, f"This needs the role {role}; {who.name} is {who.role}.")
        return who

    return check


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy uvicorn has put the client's address there."""
    return request.client.host if request.client else ""


Viewer = Annotated[Who, Depends(needs("viewer"))]
Operator = Annotated[Who, Depends(needs("operator"))]
Admin = Annotated[Who, Depends(needs("admin"))]
