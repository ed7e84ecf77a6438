"""`bargein play`: listen to the recording of a call."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.audio.rate import RATE, samples
from ..core.language.neutral import neutral
from ..errors import UserError
from ..view.choose import MOST, milliseconds
from .log import database, with_log
from .options import log_options, typed

if TYPE_CHECKING:
    from ..store import Reader

PLAYERS = (  # command and arguments before the file
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),  # SoX
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
)


def offset(text: str) -> int:
    """A position in a call, `1:04.5`, `64.5` or `64s`; in ms. Raises ValueError."""
    match = re.fullmatch(r"(?:([0-9]{1,4}):)?([0-9]{1,6}(?:\.[0-9]{1,3})?)", text)
    if not match:
        try:
            return milliseconds(text)
        except ValueError:
            raise ValueError(f"{text!r}: expected a position such as 1:04.5 or 64.5") from None
    return min(MOST, round((int(match[1] or 0) * 60 + float(match[2])) * 1000))


@click.command("play")
@click.argument("call")
@click.option("--at", "at_ms", type=typed(offset), default="0", metavar="TIME", help="Start here: 1:04.5, 64.5.")
@click.option("--for", "for_ms", type=typed(milliseconds), metavar="TIME", help="Stop after this time: 10s.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write this part to a WAV file "
              "instead.")  # fmt: skip
@log_options
def play_command(
    call: str, at_ms: int, for_ms: int | None, output: Path | None, config_path: Path | None, db: str | None
) -> None:
    """Play the recording of a call: the caller on the left, the agent on the right.

    CALL is an id, the beginning of one, or `last`. `bargein show` prints the times. Uses the first player that is
    installed: pw-play, paplay, aplay, play or ffplay.

    \b
    Example:
      bargein play last --at 0:02.5 --for 5s -o part.wav
    """

    async def ask(log: Reader) -> str:
        return (await log.call(call)).recording

    recording = with_log(database(config_path, db), ask)
    if not recording:
        raise UserError("this call was not recorded: set [recording] enabled = true to record calls")
    path = Path(recording)
    if not path.is_file():
        raise UserError(f"{neutral(recording)}: the recording is not on this machine")
    if output is not None:
        _write_part(path, at_ms, for_ms, output)
        click.echo(f"{output} written", err=True)
        return
    player = next((found for found in PLAYERS if shutil.which(found[0])), None)
    if player is None:
        names = ", ".join(found[0] for found in PLAYERS)
        raise UserError(f"no audio player: install one of {names}, or write a file with -o")
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.wav"
        _write_part(path, at_ms, for_ms, part)
        if subprocess.run([*player, str(part)], check=False).returncode:
            raise UserError(f"{player[0]} could not play the recording; write a file with -o")


def _write_part(path: Path, at_ms: int, for_ms: int | None, output: Path) -> None:
    import wave

    from ..speech.audio import read_wav_stereo

    both = read_wav_stereo(path)
    begin = samples(at_ms)
    if begin >= len(both):
        raise UserError(f"the recording is {len(both) / RATE:.1f} s long", 2)
    part = both[begin : None if for_ms is None else begin + samples(for_ms)]
    try:
        with open(output, "wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(part.shape[1])
            wav.setsampwidth(2)
            wav.setframerate(RATE)
            wav.writeframes(part.astype("<i2").tobytes())
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from None
