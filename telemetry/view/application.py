"""The web application: its addresses, and what holds for every answer."""

from __future__ import annotations

import mimetypes
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.view.admission import Admission
from telemetry.view.answers.pages import Problem
from telemetry.view.bundle import STATIC
from telemetry.view.pages import Absent, Pages, answer, guarded
from telemetry.view.streams import Streams

SECURITY: Final = {
    # Nothing but what we serve: no script, style, font or request from elsewhere,
    # nothing inline, and no text that becomes markup.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types svelte-trusted-html"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

_MONTH_S: Final = 30 * 24 * 3600


def application(pages: Pages, streams: Streams, rules: Admission) -> ASGIApp:
    """Everything that the view serves."""
    api = {
        "/api/now": pages.now,
        "/api/overview": pages.overview,
        "/api/layout": pages.layout,
        "/api/tiles/{level:int}/{index:int}": pages.tile,
        "/api/load": pages.load,
        "/api/inputs/{name}": pages.input,
        "/api/lines": pages.lines,
        "/api/lines/{number:int}": pages.line,
        "/api/failures": pages.failures,
        "/api/containers": pages.containers,
        "/api/containers/{name}": pages.container,
        "/api/live/now": streams.now,
        "/api/live/lines": streams.lines,
    }
    routes = [Route(path, guarded(handler)) for path, handler in api.items()]
    files = {f"/{path.name}": path for path in STATIC.iterdir() if path.is_file()}
    files["/"] = STATIC / "index.html"

    async def file(request: Request) -> Response:
        path = files.get(request.url.path)
        if path is None:
            raise Absent("There is no such page.")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(path.read_bytes(), media_type=kind)

    routes.append(Route("/{rest:path}", guarded(file)))
    return Guard(Starlette(routes=routes), rules)


class Guard:
    """Lets in who may look, and tells browsers how to handle what they get."""

    def __init__(self, inner: ASGIApp, rules: Admission) -> None:
        self._inner = inner
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        query = scope["query_string"].decode("latin-1")
        refused = self._rules.refusal(scope["method"], headers, query)
        remember = refused is None and self._rules.is_given(query)

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    found[name] = value
                found.setdefault("cache-control", "no-cache")
                if remember:
                    found.append("set-cookie", self._cookie())
            await send(message)

        if refused is None:
            await self._inner(scope, receive, send_safely)
            return
        page = (
            answer(Problem(refused.problem), refused.status)
            if scope["path"].startswith("/api/")
            else Response(
                refused.problem + "\n", refused.status, media_type="text/plain"
            )
        )
        await page(scope, receive, send_safely)

    def _cookie(self) -> str:
        # Not Secure: loopback has no TLS. Strict: no other page's requests carry it.
        return (
            f"{self._rules.cookie}={self._rules.token}; Path=/; HttpOnly; "
            f"SameSite=Strict; Max-Age={_MONTH_S}"
        )
