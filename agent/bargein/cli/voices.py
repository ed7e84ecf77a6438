"""`bargein voices` and `bargein say`: which engines there are, and how a voice sounds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from ..config import Config
from ..core.audio.rate import RATE, ms
from ..errors import UserError
from .options import config_option, format_options
from .rows import print_rows
from .terminal import Column, Screen, plain, table, write

# As the catalog has them, which takes longer to load.
VOICES = ("hibari", "piper", "kokoro", "espeak", "coqui", "openai", "wyoming")


@click.command("voices")
@click.option("--language", metavar="CODE", help="Only engines for this language: en, de, es-MX.")
@format_options
def voices_command(language: str | None, as_json: bool, as_csv: bool) -> None:
    """List voices and recognizers: which are ready, and what the others need.

    \b
    Example:
      bargein voices --language de
    """
    from ..speech import catalog
    from ..speech.listing import EngineListing

    found = [listing for listing in catalog.listings() if language is None or listing.speaks(language)]
    if print_rows(
        [field.name for field in fields(EngineListing)], [plain(listing) for listing in found], as_json, as_csv
    ):
        return
    columns = [
        Column("kind"),
        Column("engine"),
        Column("name", flexible=True),
        Column("language"),
        Column("status"),
        Column("note", flexible=True, optional=True),
    ]
    rows = [
        [
            listing.kind,
            listing.engine,
            listing.name,
            "many" if "*" in listing.languages else ", ".join(listing.languages),
            "not installed" if listing.missing else "ready",
            listing.note,
        ]
        for listing in found
    ]
    write(table(columns, rows, Screen.of_stdout()) if rows else [f"no engine for language {language}"])
    missing = [f"  {listing.engine} {listing.name}: {listing.missing}" for listing in found if listing.missing]
    write(["", "to install", *missing] if missing else [])


@click.command("say")
@click.argument("text")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="WAV file to "
              "write.")  # fmt: skip
@click.option("--engine", type=click.Choice(VOICES), help="Instead of the configured one.")
@click.option("--voice", default="", help="A voice of the engine: see `bargein voices`.")
@click.option("--language", default="en", show_default=True, metavar="CODE", help="The language of the text.")
@click.option("--words", is_flag=True, help="Print when each word begins and ends, in ms.")
@config_option
def say_command(
    text: str, output: Path, engine: str | None, voice: str, language: str, words: bool, config_path: Path | None
) -> None:
    """Speak TEXT into an 8 kHz WAV file, as a caller would hear it.

    \b
    Example:
      bargein say "The red one costs ten dollars." -o red.wav --words
    """
    from ..speech import catalog
    from ..speech.audio import write_wav
    from ..speech.speaking import SpeakableTts

    speech = Config.load(config_path).speech
    name = engine or catalog.engine_for(speech.tts, language)
    tts = catalog.configured(speech, name)
    tts.load()
    chosen = voice or (speech.voice if name == speech.tts else "")
    utterance = SpeakableTts(tts).synthesize(text, language, chosen)
    if not len(utterance.pcm):
        raise UserError("there is nothing to say in this text", 2)
    write_wav(output, utterance.pcm)
    if words:
        write(f"{ms(word.start):6} {ms(word.end):6}  {word.text}" for word in utterance.words)
    click.echo(f"{output}: {len(utterance.pcm) / RATE:.1f} s, engine {name}", err=True)
