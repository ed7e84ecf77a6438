"""The call of `bargein demo`: a real server, a simulated caller, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path

import click
import numpy as np

from ..app import App
from ..config import Config
from ..core.audio.pcm import RATE, Pcm
from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.turns.records import Interruption, Turn
from ..errors import UserError
from ..offline.simulated_caller import Cue, SimulatedCaller, announce, place_call
from ..speech import catalog
from ..speech.audio import from_pcm, read_wav, resample, to_pcm
from ..store import Reader
from ..view.live import LiveCall
from .render import conversation, interruption_lines, turn_lines
from .rows import interruption_row
from .terminal import Screen, write

# What the caller says, and when: seconds into the agent's speech, or into its silence.
SCRIPT = (
    ("talking", 3.2, "The blue one, please."),
    ("talking", 2.2, "Okay."),
    ("talking", 1.3, "No wait, I want the green one."),
    ("talking", 2.2, "Yep, got it, what's next?"),
    ("silent", 0.4, "By card, please."),
)
LOWER = 7 / 8  # the caller's pitch, relative to the agent's voice
PRINT_EVERY_S = 0.1
LAST_ROWS_S = 0.2  # the server logs the end of the call after it closes the line


class Observer:
    """Collects the rows of one call as the server logs them. Printing happens elsewhere: it may block or fail."""

    def __init__(self) -> None:
        self.call = LiveCall()

    def turn(self, call_id: str, turn: Turn) -> None:
        self.call.turn(turn)

    def interruption(self, row: Interruption) -> None:
        self.call.interruption(row)


def print_rows_of(call: LiveCall, screen: Screen) -> None:
    """Print the rows that have become final."""
    for row in call.take():
        if isinstance(row, Turn):
            write(turn_lines(row, screen))
        else:  # a backchannel is not a turn of the caller
            write(interruption_lines(row, screen, repeat_words=row.kind in FALSE_INTERRUPTIONS))


async def run(config: Config, recordings: Sequence[Path], wav_path: Path, db: Path) -> None:
    """Serve one call. Print it as it happens, then print its rows in the database. Raises UserError."""
    screen, observer = Screen.of_stdout(), Observer()
    click.echo("starting the server ...", err=True)
    app = App(config, observer=observer)
    await app.start()
    try:
        caller = SimulatedCaller(await _cues(config, recordings))
        variables = await announce("127.0.0.1", app.fastagi.port, "+15550100", "700")
        call_id = variables.get("BARGEIN_ID", "")
        if not call_id:
            raise UserError("FastAGI gave out no call id")
        click.echo(f"call {call_id}: a caller on 127.0.0.1:{app.server.port}", err=True)
        await _followed(place_call(caller, "127.0.0.1", app.server.port, call_id, app.clock), observer.call, screen)
        await asyncio.sleep(LAST_ROWS_S)
        await app.store.flush()
        observer.call.end()
        print_rows_of(observer.call, screen)
    finally:
        await app.close()
    caller.save(wav_path)
    await _report(config.store.url, call_id, screen)
    write(["", f"hear it: {wav_path} (caller left, agent right)    see it again: bargein show last --db {db}"])


async def _followed(talk: Coroutine[object, object, None], call: LiveCall, screen: Screen) -> None:
    """Print the call while it lasts."""
    talking = asyncio.create_task(talk)
    try:
        while not talking.done():
            await asyncio.wait([talking], timeout=PRINT_EVERY_S)
            print_rows_of(call, screen)
        await talking
    finally:
        talking.cancel()


async def _cues(config: Config, recordings: Sequence[Path]) -> list[Cue]:
    if recordings:
        return [Cue(read_wav(path), talking_s=3.0) for path in recordings]
    voice = catalog.voice(config.speech, "en")
    await voice.warm(text for _, _, text in SCRIPT)  # loading the engine may take longer than a sentence
    cues = []
    for when, seconds, text in SCRIPT:
        audio = _pitched((await voice.whole(text)).pcm)
        cues.append(Cue(audio, talking_s=seconds) if when == "talking" else Cue(audio, silent_s=seconds))
    return cues


def _pitched(pcm: Pcm) -> Pcm:
    """A lower voice, so that a listener can tell the two apart."""
    return to_pcm(resample(from_pcm(pcm), int(RATE * LOWER), RATE) * np.float32(0.7))


async def _report(url: str, call_id: str, screen: Screen) -> None:
    """Print the call from the database, and its last real interruption as a row."""
    async with await Reader.open(url) as log:
        call, turns = await log.call(call_id), await log.turns(call_id)
        cuts = await log.interruptions(call_id=call_id)
    write(["", "from the database:", ""])
    write(conversation(call, [turn.turn for turn in turns], [cut.interruption for cut in cuts], screen))
    for cut in [cut for cut in cuts if cut.interruption.resolution not in ("resumed", "held")][:1]:
        row = interruption_row(cut)
        width = max(map(len, row))
        write(["", "the last interruption, as a row:", *(f"  {name.ljust(width)}  {row[name]}" for name in row)])
