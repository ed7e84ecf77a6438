"""`bargein demo`: one call on real input, with one command."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from pathlib import Path

import click

from ..config import Config
from ..errors import UserError
from ..store.url import sqlite_url


@click.command("demo")
@click.option("--caller", "recordings", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A WAV file that the caller says instead of the built-in words. May be repeated.")  # fmt: skip
@click.option("--flow", default="shop", show_default=True, help="A flow that comes with bargein, or a YAML file.")
@click.option("--wav", "wav_path", type=click.Path(dir_okay=False, path_type=Path), default=Path("bargein-demo.wav"),
              show_default=True, help="Stereo recording to write: caller left, agent right.")  # fmt: skip
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), default=Path("bargein-demo.db"),
              show_default=True, help="SQLite file for the log.")  # fmt: skip
def demo_command(recordings: tuple[Path, ...], flow: str, wav_path: Path, db: Path) -> None:
    """Hear (and see) a caller interrupt the agent, without Asterisk and without a network.

    Starts the real server on free ports and calls it over TCP, in real time, with a caller who interrupts. The
    caller's audio goes through the detector and the recognizer; only the flow and the caller's words are scripted.

    \b
    Example:
      bargein demo
    """
    if not wav_path.absolute().parent.is_dir():
        raise UserError(f"--wav: there is no directory {wav_path.parent}", 2)
    from .demo_call import run

    config = Config()
    replace = dataclasses.replace
    config = replace(
        config,
        audiosocket=replace(config.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(config.fastagi, listen="127.0.0.1:0"),
        store=replace(config.store, url=sqlite_url(db)),
        dialogue=replace(config.dialogue, flow=flow),
    )
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    asyncio.run(run(config, recordings, wav_path, db))
