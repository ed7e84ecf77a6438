"""`bargein serve`: the server, in the foreground."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from ..config import Config, parse_address
from ..errors import UserError
from .log import as_url
from .options import config_option

if TYPE_CHECKING:
    from ..app import App
    from ..server.cluster import Cluster

log = logging.getLogger(__name__)

AFTER_DRAIN_S = 30  # to hand back the last calls and write the waiting rows; keep TimeoutStopSec of systemd longer
LOADING_S = 1.0  # after this time the user is told what is loading


@click.command("serve")
@config_option
@click.option("--flow", help="A flow that comes with bargein, or a YAML file.")
@click.option("--play", type=click.Path(exists=True, dir_okay=False), help="Play this WAV to every call, without a "
              "flow.")  # fmt: skip
@click.option("--listen", metavar="HOST:PORT", help="Address for AudioSocket.")
@click.option("--agi-listen", metavar="HOST:PORT", help="Address for FastAGI.")
@click.option("--db", metavar="FILE|URL", help="Database, instead of the configured one.")
@click.option("--workers", type=click.IntRange(0, 256), help="Processes that serve calls, instead of the configured "
              "number. 0: one per core.")  # fmt: skip
@click.option("--accept-unregistered", is_flag=True, help="Serve calls whose id FastAGI did not give out.")
def serve_command(
    config_path: Path | None,
    flow: str | None,
    play: str | None,
    listen: str | None,
    agi_listen: str | None,
    db: str | None,
    workers: int | None,
    accept_unregistered: bool,
) -> None:
    """Serve calls until SIGTERM or Ctrl-C. Prints `ready` once it listens.

    SIGTERM: take no new calls and let those in progress finish. SIGHUP: read the flow files again; the configuration
    file is only read at the start. Worker n listens for AudioSocket on the configured port plus n.

    \b
    Example:
      bargein serve --config /etc/bargein/bargein.toml
    """
    config = Config.load(config_path)
    for option, address in (("--listen", listen), ("--agi-listen", agi_listen)):
        try:
            if address is not None:
                parse_address(address)
        except ValueError as error:
            raise UserError(f"{option}: {error}", 2) from None
    replace = dataclasses.replace
    if flow is not None:
        config = replace(config, dialogue=replace(config.dialogue, flow=flow))
    if listen:
        config = replace(config, audiosocket=replace(config.audiosocket, listen=listen))
    if accept_unregistered:
        config = replace(config, audiosocket=replace(config.audiosocket, unregistered="accept"))
    if agi_listen:
        config = replace(config, fastagi=replace(config.fastagi, listen=agi_listen))
    if db is not None:
        config = replace(config, store=replace(config.store, url=as_url(db)))
    from ..machine import cores
    from ..server.logs import setup as setup_logs

    setup_logs(config.log)
    count = (config.server.workers if workers is None else workers) or cores()
    app = _server(replace(config, server=replace(config.server, workers=count)), count, play)
    try:
        asyncio.run(serve(app, f"playing {play}" if play else f"flow {config.dialogue.flow}"))
    except KeyboardInterrupt:
        raise UserError("stopped; calls in progress were ended", 1) from None


def _server(config: Config, count: int, play: str | None) -> App | Cluster:
    from ..app import App
    from ..dialogue.monologue import Monologue
    from ..server.cluster import Cluster

    if count > 1:
        return Cluster(config, count, [sys.executable, "-m", "bargein.cli.worker"], play or "")
    return App(config, lambda info: Monologue(play), recordings=[play]) if play else App(config)


async def serve(app: App | Cluster, what: str) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `what` callers hear, for the line that says what runs."""
    from ..server.logs import on_loop_fault
    from ..server.systemd import notify, watchdog_s

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(on_loop_fault)
    loading = loop.call_later(LOADING_S, click.echo, f"bargein {__version__}: loading ...", None, True, True)
    await app.start()
    loading.cancel()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(_reload(app))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    click.echo(_facts(app, what), err=True)
    click.echo("ready")
    notify("READY=1")
    watchdog = asyncio.create_task(_watchdog(watchdog_s()))
    await stop.wait()
    notify("STOPPING=1")
    notify(f"EXTEND_TIMEOUT_USEC={(app.config.audiosocket.drain_s + AFTER_DRAIN_S) * 1_000_000}")
    for number in (signal.SIGTERM, signal.SIGINT):  # a second signal ends the server at once
        loop.remove_signal_handler(number)
    log.info("no new calls; %d in progress may finish; a second signal ends them", app.calls)
    watchdog.cancel()
    await app.drain()


def _facts(app: App | Cluster, what: str) -> str:
    """Version, addresses, flow, database and configuration, in one line."""
    from ..store.connect import shown

    config = app.config
    hosts = [parse_address(address)[0] for address in (config.audiosocket.listen, config.fastagi.listen)]
    ports = ", ".join(map(str, app.ports))
    addresses = f"AudioSocket on {hosts[0]}:{ports}, FastAGI on {hosts[1]}:{app.fastagi.port}"
    source = config.source or "no configuration file"
    return f"bargein {__version__}: {addresses}, {what}, database {shown(config.store.url)}, {source}"


async def _watchdog(every_s: float | None) -> None:
    from ..server.systemd import notify

    while every_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(every_s)


async def _reload(app: App | Cluster) -> None:
    """Read the flows again. The configuration stays: a new `[dialogue] flow` needs a restart."""
    try:
        await app.reload()
        log.info("the flow files were read again; bargein.toml is only read at the start")
    except UserError as error:
        log.error("the flow files were not read again, the old ones stay in use: %s", error)
