"""Text to speech by any server of OpenAI's protocol: POST /v1/audio/speech.

The protocol is that of OpenAI, Azure, LocalAI, Kokoro-FastAPI, speaches and others. It has no word timings: the words
are laid over the speech by their length.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Mapping

import numpy as np

from ..core.audio.utterance import Utterance
from ..errors import EngineError
from .audio import Samples, from_pcm
from .listing import EngineListing
from .live import Abort
from .openai_http import BrokenOff, Refused, SpeechServer
from .untimed import by_server

DEFAULT_MODEL = "tts-1"
DEFAULT_VOICE = "alloy"
NO_VOICE = f" (the voice is '{DEFAULT_VOICE}': set [speech] voice to one of the server's)"
TIMEOUT_S = 10.0
UNKNOWN_SIZE = 0x7FFF0000  # of the samples; servers that stream write such a number, or 0
PCM_RATE = 24000  # Hz, of response_format "pcm" (OpenAI's documentation)


def listings() -> list[EngineListing]:
    """One entry: the voices of the server."""
    note = "a server with /v1/audio/speech: speech.tts_url is its address, speech.tts_model its model"
    return [EngineListing("voice", "openai", "URL", ("*",), note=note)]


class OpenAiTts:
    """Engine `openai`. `voice`: a name that the server knows."""

    name = "openai"

    def __init__(self, url: str, model: str = "", key_env: str = "OPENAI_API_KEY") -> None:
        self._server = SpeechServer("speech.tts_url", url, key_env, TIMEOUT_S)
        self._model = model or DEFAULT_MODEL
        self._format = "wav"
        self._streaming = {"stream": True}  # some servers stream only then; OpenAI's own always does
        self._lock = threading.Lock()

    def load(self) -> None:
        """Check the address. Raises EngineError."""
        self._server.check()

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech; the words are laid over it by their length. Raises EngineError."""
        return by_server(text, lambda words: self.pieces(words, language, voice, Abort()))

    def pieces(self, text: str, language: str, voice: str, abort: Abort) -> Generator[tuple[Samples, int]]:
        """Samples and their rate, as the server sends them. Raises EngineError."""
        with self._lock:
            plainly = False
            while True:
                came = False
                streaming = {} if plainly else self._streaming
                try:
                    for piece in self._asked(text, voice, streaming, abort):
                        came = True
                        yield piece
                    if came or not streaming or abort.wanted:
                        return
                except Refused as refusal:
                    if not self._simplified(refusal.reason):
                        raise EngineError(f"{refusal}{'' if voice else NO_VOICE}") from None
                    continue
                except BrokenOff:
                    if came or not streaming or abort.wanted:
                        raise
                plainly = True  # it failed after it had said that all is well: now it can say why

    def _asked(
        self, text: str, voice: str, streaming: Mapping[str, bool], abort: Abort
    ) -> Generator[tuple[Samples, int]]:
        body = {"model": self._model, "input": text, "voice": voice or DEFAULT_VOICE, "response_format": self._format}
        with self._server.opened("/audio/speech", abort, json={**body, **streaming}) as answer:
            yield from read_audio(self._server.parts(answer))

    def _simplified(self, reason: str) -> bool:
        """Whether a server that refused the request may take a simpler one."""
        if self._streaming and "stream" in reason:
            self._streaming = {}
        elif self._format == "wav" and "format" in reason:
            self._format = "pcm"
        else:
            return False
        return True


def read_audio(parts: Iterable[bytes]) -> Generator[tuple[Samples, int]]:
    """Samples and rate of a WAV of 16-bit PCM, or of bare 24 kHz PCM, as its parts come. Raises EngineError.

    A server that streams cannot know the length: the data go to the end of the file, whatever the header says.
    """
    incoming = iter(parts)
    data = b""
    while len(data) < 4 and (part := next(incoming, None)) is not None:
        data += part
    if data[:4] in (b"ID3\x03", b"ID3\x04", b"OggS", b"fLaC") or data[:2] in (b"\xff\xfb", b"\xff\xf3"):
        raise EngineError("the speech server sends compressed audio; it must support response_format wav or pcm")
    rate, channels, left = PCM_RATE, 1, UNKNOWN_SIZE
    if data[:4] == b"RIFF":
        while (found := _wav_head(data)) is None:
            if (part := next(incoming, None)) is None:
                raise EngineError("the speech server sends something that is not audio")
            data += part
        rate, channels, at, left = found
        data = data[at:]
    while True:
        data = data[:left]
        samples = np.frombuffer(data, "<i2", len(data) // (2 * channels) * channels)
        if len(samples):
            yield from_pcm(samples.reshape(-1, channels)[:, 0]), rate
        left -= samples.nbytes
        data = data[samples.nbytes :]
        if (part := next(incoming, None)) is None:
            return
        data += part


def _wav_head(data: bytes) -> tuple[int, int, int, int] | None:
    """Rate, channels, where the samples begin, and their size in bytes; None if more is needed. Raises EngineError."""
    at, rate, channels = 12, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"data" and rate and channels:
            return rate, channels, at, size if 0 < size < UNKNOWN_SIZE else UNKNOWN_SIZE
        if at + size > len(data):
            return None
        if name == b"fmt ":
            kind, channels, rate = (
                int.from_bytes(data[at + i : at + j], "little") for i, j in ((0, 2), (2, 4), (4, 8))
            )
            if kind not in (1, 0xFFFE) or int.from_bytes(data[at + 14 : at + 16], "little") != 16:
                raise EngineError("the speech server sends a WAV that is not 16-bit PCM")
        at += size + size % 2
    return None
