"""Runs the web application of `bargein web` under uvicorn."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import click
import uvicorn

from ..errors import UserError
from ..store import Reader
from ..web.access import Access
from ..web.application import application


def run(url: str, recordings: Path, host: str, port: int, access: Access, redact: bool) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises UserError if the log or the address cannot be used."""
    asyncio.run(_readable(url))
    app = application(url, recordings, access, redact=redact)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    sock = _listening(host, port)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"http://{shown}:{sock.getsockname()[1]}/{f'?token={access.token}' if access.token else ''}")
    asyncio.run(uvicorn.Server(config).serve(sockets=[sock]))


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UserError(f"--listen: {host}:{port}: {error.strerror}") from None


async def _readable(url: str) -> None:
    async with await Reader.open(url):
        pass
