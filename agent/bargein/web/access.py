"""Who may see the pages: a token, or a user that a reverse proxy names. And the headers that every answer carries."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import URL, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "bargein_token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # what callers said stays out of the browser's cache
}
METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Access:
    """Either `token` (in the URL once, then in a cookie) or `user_header`, believed only from `proxies`."""

    token: str = ""
    user_header: str = ""
    proxies: Sequence[IPv4Network | IPv6Network] = ()

    def allows(self, request: Request) -> bool:
        """Whether this request may see the pages."""
        if self.user_header:
            return bool(request.headers.get(self.user_header)) and self._is_proxy(request)
        given = request.cookies.get(COOKIE) or request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.is_token(given)

    def is_token(self, given: str) -> bool:
        return bool(self.token) and hmac.compare_digest(given.encode(), self.token.encode())

    def _is_proxy(self, request: Request) -> bool:
        try:
            peer = ip_address(request.client.host) if request.client else None
        except ValueError:
            return False
        return peer is not None and any(peer in network for network in self.proxies)


class Guard:
    """ASGI middleware: refuses strangers and writers, and adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        request = Request(scope, receive)
        answer = self._refusal(request)
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer for a request that goes no further, else None."""
        if request.method not in METHODS:
            return PlainTextResponse("These pages only read.", 405, {"Allow": ", ".join(METHODS)})
        given = request.query_params.get("token")
        if given is not None and not self._access.user_header and self._access.is_token(given):
            answer = RedirectResponse(_without_token(request.url), 303)
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict", secure=secure)
            return answer
        if request.url.path.startswith("/static/") or self._access.allows(request):
            return None
        how = "your proxy names no user" if self._access.user_header else "open the address that bargein web printed"
        return PlainTextResponse(f"Not allowed: {how}.", 401)


def _without_token(url: URL) -> str:
    query = [(name, value) for name, value in parse_qsl(url.query, keep_blank_values=True) if name != "token"]
    return url.path + (f"?{urlencode(query)}" if query else "")
