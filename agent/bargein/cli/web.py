"""`bargein web`: the call log in a browser."""

from __future__ import annotations

import importlib.util
import os
import secrets
from pathlib import Path

import click

from ..config import Config, networks, parse_address
from ..errors import UserError
from ..machine import install_extra
from .log import database
from .options import log_options, redact_option

TOKEN = "BARGEIN_WEB_TOKEN"
NEEDED = ("starlette", "jinja2", "uvicorn")


@click.command("web")
@click.option(
    "--listen", default="127.0.0.1:8090", show_default=True, metavar="HOST:PORT", help="Address to listen on."
)
@click.option("--user-header", metavar="NAME", default="", help="Trust a reverse proxy: it names the user in this "
              "header.")  # fmt: skip
@click.option("--proxy", "proxies", multiple=True, metavar="NETWORK", default=("127.0.0.0/8", "::1/128"),
              show_default=True, help="Believe --user-header only from here. May be repeated.")  # fmt: skip
@redact_option
@log_options
def web_command(
    listen: str,
    user_header: str,
    proxies: tuple[str, ...],
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """Serve the call log as web pages: live calls, search, one call with its recording, statistics.

    A separate process that only reads. It prints an address with a token; set BARGEIN_WEB_TOKEN to keep the same token.
    Behind a reverse proxy that knows its users, use --user-header instead.

    \b
    Example:
      bargein web --listen 127.0.0.1:8090
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"the web pages need more packages: {install_extra('web')}")
    try:
        host, port = parse_address(listen)
        trusted = networks(proxies)
    except ValueError as error:
        raise UserError(str(error), 2) from None
    config, url = Config.load(config_path), database(config_path, db)
    from ..web.access import Access
    from .web_server import run

    token = "" if user_header else os.environ.get(TOKEN) or secrets.token_urlsafe(24)
    run(url, Path(config.recording.directory), host, port, Access(token, user_header, trusted), redact)
