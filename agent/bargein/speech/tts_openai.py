"""Text to speech by any server of OpenAI's protocol: POST /v1/audio/speech.

The protocol is that of OpenAI, Azure, LocalAI, Kokoro-FastAPI, speaches and others. It has no word timings: the words
are laid over the speech by their length.
"""

from __future__ import annotations

import threading

import numpy as np

from ..core.audio.utterance import Utterance
from ..errors import EngineError
from .audio import Samples, from_pcm
from .listing import EngineListing
from .openai_http import Refused, SpeechServer
from .untimed import by_server

DEFAULT_MODEL = "tts-1"
DEFAULT_VOICE = "alloy"
TIMEOUT_S = 10.0
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
        self._lock = threading.Lock()

    def load(self) -> None:
        """Check the address. Raises EngineError."""
        self._server.check()

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech; the words are laid over it by their length. Raises EngineError."""
        return by_server(text, lambda words: self._one_by_one(words, voice))

    def _one_by_one(self, text: str, voice: str) -> tuple[Samples, int]:
        with self._lock:
            return self._asked(text, voice)

    def _asked(self, text: str, voice: str) -> tuple[Samples, int]:
        body = {"model": self._model, "input": text, "voice": voice or DEFAULT_VOICE, "response_format": self._format}
        try:
            answer = self._server.post("/audio/speech", json=body)
        except Refused as refusal:
            if self._format == "pcm" or "format" not in str(refusal):
                hint = "" if voice else f" (the voice is '{DEFAULT_VOICE}': set [speech] voice to one of the server's)"
                raise EngineError(f"{refusal}{hint}") from None
            self._format = "pcm"
            return self._asked(text, voice)
        return read_audio(answer.content)


def read_audio(data: bytes) -> tuple[Samples, int]:
    """Samples and rate of a WAV of 16-bit PCM, or of bare 24 kHz PCM. Raises EngineError.

    A server that streams cannot know the length: the data go to the end of the file, whatever the header says.
    """
    if data[:4] in (b"ID3\x03", b"ID3\x04", b"OggS", b"fLaC") or data[:2] in (b"\xff\xfb", b"\xff\xf3"):
        raise EngineError("the speech server sends compressed audio; it must support response_format wav or pcm")
    if data[:4] != b"RIFF":
        return from_pcm(np.frombuffer(data, "<i2", len(data) // 2)), PCM_RATE
    at, rate, channels = 12, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt ":
            kind, channels, rate = (
                int.from_bytes(data[at + i : at + j], "little") for i, j in ((0, 2), (2, 4), (4, 8))
            )
            if kind not in (1, 0xFFFE) or int.from_bytes(data[at + 14 : at + 16], "little") != 16:
                raise EngineError("the speech server sends a WAV that is not 16-bit PCM")
        elif name == b"data" and rate and channels:
            samples = np.frombuffer(data[at : at + size], "<i2", min(size, len(data) - at) // (2 * channels) * channels)
            return from_pcm(samples.reshape(-1, channels)[:, 0]), rate
        at += size + size % 2
    raise EngineError("the speech server sends something that is not audio")
