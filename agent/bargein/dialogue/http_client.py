"""One HTTP client for each event loop, shared by webhooks and language models.

Making a client costs about 40 ms of CPU (it reads the certificate store), during which no call gets audio. A shared
client also keeps connections open between requests. It stores no cookies: they would carry from one call to the next.
"""

from __future__ import annotations

import asyncio
import weakref
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = weakref.WeakKeyDictionary()


def new_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client without time limits. Each request has its own limit."""
    return httpx.AsyncClient(
        transport=transport,
        timeout=None,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=60),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"Accept-Encoding": "identity"},  # a small compressed answer could unpack to gigabytes
    )


def client() -> httpx.AsyncClient:
    """The client of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _clients.get(loop)
    if found is None or found.is_closed:
        found = _clients[loop] = new_client()
    return found


async def close() -> None:
    """Close the connections of the running event loop."""
    found = _clients.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()
