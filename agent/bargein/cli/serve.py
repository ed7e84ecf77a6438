"""`bargein serve`: the server, in the foreground."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
from pathlib import Path

import click

from ..app import App
from ..config import Config, parse_address
from ..dialogue.monologue import Monologue
from ..errors import UserError
from ..server.logs import on_loop_fault
from ..server.logs import setup as setup_logs
from ..server.systemd import notify, watchdog_s
from ..store import database_url

log = logging.getLogger(__name__)

AFTER_DRAIN_S = 30  # hand back what is left, tell the dialplan, write what waits: else TimeoutStopSec cuts a long drain


@click.command("serve")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="TOML file.")
@click.option("--flow", help="A flow that comes with bargein, or a YAML file.")
@click.option("--play", type=click.Path(exists=True, dir_okay=False), help="Play this WAV to every call, no flow.")
@click.option("--listen", help="HOST:PORT for AudioSocket.")
@click.option("--agi-listen", help="HOST:PORT for FastAGI.")
@click.option("--db", help="SQLite file, or a database URL.")
@click.option("--accept-unregistered", is_flag=True, help="Serve call ids that FastAGI did not give out.")
def serve_command(
    config_path: Path | None,
    flow: str | None,
    play: str | None,
    listen: str | None,
    agi_listen: str | None,
    db: str | None,
    accept_unregistered: bool,
) -> None:
    """Serve calls until SIGTERM or Ctrl-C.

    SIGTERM: no new calls, those in progress may finish. SIGHUP: the flows are read anew.

    \b
    Example:
      bargein serve --config /etc/bargein/bargein.toml
    """
    config = Config.load(config_path)
    for option, address in (("--listen", listen), ("--agi-listen", agi_listen)):
        try:
            if address:
                parse_address(address)
        except ValueError as error:
            raise UserError(f"{option}: {error}", 2) from None
    replace = dataclasses.replace
    if flow:
        config = replace(config, dialogue=replace(config.dialogue, flow=flow))
    if listen:
        config = replace(config, audiosocket=replace(config.audiosocket, listen=listen))
    if accept_unregistered:
        config = replace(config, audiosocket=replace(config.audiosocket, unregistered="accept"))
    if agi_listen:
        config = replace(config, fastagi=replace(config.fastagi, listen=agi_listen))
    if db:
        config = replace(config, store=replace(config.store, url=database_url(db)))
    setup_logs(config.log)
    app = App(config, lambda info: Monologue(play), recordings=[play]) if play else App(config)
    try:
        asyncio.run(serve(app))
    except KeyboardInterrupt:
        raise UserError("stopped; calls in progress were ended", 1) from None


async def serve(app: App) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(on_loop_fault)
    await app.start()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(_reload(app))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    click.echo("ready")
    notify("READY=1")
    watchdog = asyncio.create_task(_watchdog(watchdog_s()))
    await stop.wait()
    notify("STOPPING=1")
    notify(f"EXTEND_TIMEOUT_USEC={(app.config.audiosocket.drain_s + AFTER_DRAIN_S) * 1_000_000}")
    for number in (signal.SIGTERM, signal.SIGINT):  # a second one ends it at once
        loop.remove_signal_handler(number)
    log.info("no new calls; %d in progress may finish", app.server.calls)
    watchdog.cancel()
    await app.drain()


async def _watchdog(every_s: float | None) -> None:
    while every_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(every_s)


async def _reload(app: App) -> None:
    try:
        await app.reload()
        log.info("the flows were read anew")
    except UserError as error:
        log.error("the flows were not read anew, the old ones stay: %s", error)
