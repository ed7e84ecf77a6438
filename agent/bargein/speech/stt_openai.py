"""Speech to text by any server of OpenAI's protocol: POST /v1/audio/transcriptions.

The protocol is that of OpenAI, Azure, Groq, Mistral, vLLM, speaches, LocalAI and others. The
audio of a turn is sent when its words are wanted. At most `workers` requests run at a time, the longest-waiting caller
is first.
"""

from __future__ import annotations

import io
import json
import math
import wave
from collections.abc import Sequence
from typing import Any

from ..core.audio.pcm import RATE, WIDE_RATE, Pcm
from .audio import to_pcm, with_upper
from .background import EngineRequests
from .listing import EngineListing, base
from .openai_http import Refused, SpeechServer
from .whisper_stream import WhisperStream
from .whisper_text import Decoded

DEFAULT_MODEL = "whisper-1"
TIMEOUT_S = 3.0
UNKNOWN_LOG_PROBABILITY = -0.3  # of a token, if the server reports none
UNKNOWN_NO_SPEECH = 0.1


def listings() -> list[EngineListing]:
    """One entry: the models of the server."""
    note = "a server with /v1/audio/transcriptions: speech.stt_url is its address, speech.stt_model its model"
    return [EngineListing("recognizer", "openai", "URL", ("*",), note=note)]


class OpenAiRecognizer(EngineRequests):
    """Engine `openai`. `url`: http://HOST:PORT/v1. The model of the server sets the languages."""

    name = "openai"

    def __init__(self, url: str, model: str = "", workers: int = 4, key_env: str = "OPENAI_API_KEY") -> None:
        super().__init__(workers, "transcriptions")
        self._server = SpeechServer("speech.stt_url", url, key_env, TIMEOUT_S)
        self._model = model or DEFAULT_MODEL
        self._format = "verbose_json"  # with probabilities; newer models of OpenAI refuse it

    def load(self) -> None:
        """Check the address. Raises EngineError."""
        self._server.check()

    def check(self, language: str) -> None:
        """Every language is left to the server."""

    def stream(self, language: str, hints: Sequence[str] = ()) -> WhisperStream:
        """A stream for one turn."""
        return WhisperStream(self, base(language), hints)

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """Recognize one piece of speech; blocks. Raises EngineError."""
        form = {"model": self._model, "language": language, "temperature": "0", "response_format": self._format}
        if hints:
            form["prompt"] = f"{', '.join(hints)}."
        files = {"file": ("speech.wav", _wav(pcm, upper), "audio/wav")}
        try:
            answer = self._server.post("/audio/transcriptions", data=form, files=files)
        except Refused as refusal:
            if self._format == "json" or "format" not in str(refusal):
                raise
            self._format = "json"
            return self.decode(pcm, language, hints, upper)
        return decoded(answer.text)


def decoded(body: str) -> Decoded:
    """The words of an answer: JSON with or without segments, or plain text."""
    try:
        value: Any = json.loads(body)
    except ValueError:
        value = {"text": body}
    text = str(value.get("text") or "") if isinstance(value, dict) else str(value)
    segments = value.get("segments") if isinstance(value, dict) else None
    known = [part for part in segments or [] if isinstance(part, dict)]
    score = _mean([part.get("avg_logprob") for part in known], UNKNOWN_LOG_PROBABILITY)
    no_speech = _mean([part.get("no_speech_prob") for part in known], UNKNOWN_NO_SPEECH)
    return Decoded(" ".join(text.split()), score, no_speech)


def _mean(values: Sequence[Any], otherwise: float) -> float:
    numbers = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return sum(numbers) / len(numbers) if numbers else otherwise


def _wav(pcm: Pcm, upper: Pcm | None) -> bytes:
    return wav_bytes(pcm) if upper is None else wav_bytes(to_pcm(with_upper(pcm, upper)), WIDE_RATE)


def wav_bytes(pcm: Pcm, rate: int = RATE) -> bytes:
    """Samples as a WAV file; the server resamples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return out.getvalue()
