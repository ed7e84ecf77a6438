"""Text to speech by any server of the Wyoming protocol, such as wyoming-piper.

The protocol has no word timings: the words are laid over the speech by their length.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from ..core.audio.utterance import Utterance
from ..errors import EngineError
from .audio import Samples, from_pcm
from .listing import EngineListing, base
from .live import Abort
from .untimed import by_server
from .wyoming import WyomingEvent, WyomingServer

TIMEOUT_S = 10.0


def listings() -> list[EngineListing]:
    """One entry: the voices of the server."""
    note = "a Wyoming server, as wyoming-piper: speech.tts_url is its address"
    return [EngineListing("voice", "wyoming", "URL", ("*",), note=note)]


class WyomingTts:
    """Engine `wyoming`. `url`: tcp://HOST:PORT. `voice`: VOICE or VOICE:SPEAKER; "": the server's for the language."""

    name = "wyoming"

    def __init__(self, url: str) -> None:
        self._server = WyomingServer("speech.tts_url", url, TIMEOUT_S)
        self._languages: tuple[str, ...] | None = None  # of the server's voices; None until it has answered

    def load(self) -> None:
        """Check the address. Raises EngineError."""
        self._server.check()

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech; the words are laid over it by their length. Raises EngineError."""
        return by_server(text, lambda words: self.pieces(words, language, voice, Abort()))

    def pieces(self, text: str, language: str, voice: str, abort: Abort) -> Generator[tuple[Samples, int]]:
        """Samples and their rate, as the server sends them. Raises EngineError."""
        if self._languages is None and not voice:
            self._languages = self._server.languages("tts")
        if self._languages and not voice and base(language) not in self._languages:
            raise EngineError(f"the speech server of speech.tts_url has no voice for '{language}'")
        name, _, speaker = voice.partition(":")
        chosen = {"name": name} | ({"speaker": speaker} if speaker else {}) if name else {"language": language}
        odd = b""  # the beginning of a sample that the next chunk ends
        for event in self._server.ask([WyomingEvent("synthesize", {"text": text, "voice": chosen})], abort=abort):
            if event.type == "audio-stop":
                return
            if event.type not in ("audio-start", "audio-chunk"):
                continue
            rate, width, channels = (int(event.data.get(key) or 0) for key in ("rate", "width", "channels"))
            if width != 2 or not 1000 <= rate <= 384_000 or not 1 <= channels <= 8:
                raise EngineError("the speech server sends something that is not 16-bit audio")
            data = odd + event.payload
            samples = np.frombuffer(data, "<i2", len(data) // (2 * channels) * channels)
            odd = data[2 * len(samples) :]
            if len(samples):
                yield from_pcm(samples.reshape(-1, channels)[:, 0]), rate
        raise self._server.silent()
