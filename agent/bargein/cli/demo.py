"""`bargein demo`: one call on real input, with one command."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from pathlib import Path

import click
import numpy as np

from ..app import App
from ..config import Config
from ..core.audio.pcm import Pcm
from ..core.turns.records import Interruption, Turn
from ..errors import UserError
from ..offline.simulated_caller import Cue, SimulatedCaller, announce, place_call
from ..speech import catalog
from ..speech.audio import from_pcm, read_wav, resample, to_pcm
from ..store import Reader, sqlite_url
from .options import interruption_row
from .render import conversation, interruption_lines, turn_lines
from .terminal import Screen, write

# What the caller of the demo says, and when: over the agent's voice, or once it has fallen silent.
SCRIPT = (
    ("talking", 3.2, "The blue one, please."),
    ("talking", 2.2, "Okay."),
    ("talking", 1.3, "No wait, I want the green one."),
    ("talking", 2.2, "Yep, got it, what's next?"),
    ("silent", 0.4, "By card, please."),
)
LOWER = 7 / 8  # the caller's voice: the embedded one, pitched down


class _Watch:
    """Prints turns and interruptions as they come to the log."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown: set[object] = set()

    def turn(self, call_id: str, turn: Turn) -> None:
        if turn.seq not in self._shown:
            self._shown.add(turn.seq)
            write(turn_lines(turn, self._screen))

    def interruption(self, row: Interruption) -> None:
        if row.id not in self._shown and row.resolution != "ignored":
            self._shown.add(row.id)
            write(interruption_lines(row, self._screen))


@click.command("demo")
@click.option("--caller", "recordings", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="WAV that the caller says instead of the built-in words; may be repeated.")  # fmt: skip
@click.option("--flow", default="shop", show_default=True, help="A flow that comes with bargein, or a YAML file.")
@click.option("--wav", "wav_path", type=click.Path(dir_okay=False, path_type=Path), default=Path("bargein-demo.wav"),
              show_default=True, help="Stereo recording: caller left, agent right.")  # fmt: skip
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), default=Path("bargein-demo.db"),
              show_default=True, help="SQLite file for the log.")  # fmt: skip
def demo_command(recordings: tuple[Path, ...], flow: str, wav_path: Path, db: Path) -> None:
    """Hear (and see) an agent being interrupted, without Asterisk and without a network.

    Starts the real server on free ports and calls it over TCP, in real time, with a caller who cuts in. The caller's
    audio goes through the detector and the recognizer; nothing on the agent's side is scripted but the flow.

    \b
    Example:
      bargein demo
    """
    if not wav_path.absolute().parent.is_dir():
        raise UserError(f"--wav: there is no directory {wav_path.parent}", 2)
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
    asyncio.run(_demo(config, list(recordings), wav_path, db))


async def _demo(config: Config, recordings: list[Path], wav_path: Path, db: Path) -> None:
    screen = Screen.of_stdout()
    click.echo("starting the server ...", err=True)
    app = App(config, observer=_Watch(screen))
    await app.start()
    try:
        caller = SimulatedCaller(await _cues(config, recordings))
        variables = await announce("127.0.0.1", app.fastagi.port, "+15550100", "700")
        call_id = variables.get("BARGEIN_ID", "")
        if not call_id:
            raise UserError("FastAGI gave out no call id")
        click.echo(f"call {call_id}: a caller on 127.0.0.1:{app.server.port}", err=True)
        await place_call(caller, "127.0.0.1", app.server.port, call_id, app.clock)
        await asyncio.sleep(0.2)
        await app.store.flush()
    finally:
        await app.close()
    caller.save(wav_path)
    await _report(config.store.url, call_id, screen)
    click.echo(f"\nhear it: {wav_path} (caller left, agent right)    see it again: bargein show last --db {db}")


async def _cues(config: Config, recordings: list[Path]) -> list[Cue]:
    if recordings:
        return [Cue(read_wav(path), talking_s=3.0) for path in recordings]
    voice = catalog.voice(config.speech, "en")
    cues = []
    for when, seconds, text in SCRIPT:
        audio = _pitched((await voice.utterance(text)).pcm)
        cues.append(Cue(audio, talking_s=seconds) if when == "talking" else Cue(audio, silent_s=seconds))
    return cues


def _pitched(pcm: Pcm) -> Pcm:
    """A lower voice, so that the two can be told apart."""
    return to_pcm(resample(from_pcm(pcm), int(8000 * LOWER), 8000) * np.float32(0.7))


async def _report(url: str, call_id: str, screen: Screen) -> None:
    """The call as the database has it."""
    async with await Reader.open(url) as log:
        call, turns = await log.call(call_id), await log.turns(call_id)
        cuts = await log.interruptions(call_id=call_id)
    click.echo("\nfrom the database:\n")
    write(conversation(call, [turn.turn for turn in turns], [cut.interruption for cut in cuts], screen))
    last = [cut for cut in cuts if cut.interruption.resolution != "resumed"][:1]
    for cut in last:
        click.echo("\nthe last interruption, as a row:")
        row = interruption_row(cut)
        width = max(map(len, row))
        for name, value in row.items():
            click.echo(f"  {name.ljust(width)}  {value}")
