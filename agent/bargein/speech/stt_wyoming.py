"""Speech to text by any server of the Wyoming protocol, such as wyoming-faster-whisper.

The audio of a turn is sent when its words are wanted, at 16 kHz, which the servers' models take. At most `workers`
requests run at a time, the longest-waiting caller is first.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.audio.pcm import RATE, WIDE_RATE, Pcm, to_bytes
from ..errors import EngineError
from .audio import from_pcm, resample, to_pcm, with_upper
from .background import EngineRequests
from .listing import EngineListing, base
from .whisper_stream import WhisperStream
from .whisper_text import Decoded
from .wyoming import WyomingEvent, WyomingServer

TIMEOUT_S = 3.0
SENT_RATE = WIDE_RATE
FORMAT = {"rate": SENT_RATE, "width": 2, "channels": 1}
BLOCK_BYTES = 32000  # 1 s per event
LOG_PROBABILITY = -0.3  # of a token: the protocol has no probabilities
NO_SPEECH = 0.1


def listings() -> list[EngineListing]:
    """One entry: the models of the server."""
    note = "a Wyoming server, as wyoming-faster-whisper: speech.stt_url is its address"
    return [EngineListing("recognizer", "wyoming", "URL", ("*",), note=note)]


class WyomingRecognizer(EngineRequests):
    """Engine `wyoming`. `url`: tcp://HOST:PORT. `model`: a model of the server, "" for its own choice."""

    name = "wyoming"

    def __init__(self, url: str, model: str = "", workers: int = 2) -> None:
        super().__init__(workers, "wyoming")
        self._server = WyomingServer("speech.stt_url", url, TIMEOUT_S)
        self._model = model
        self._languages: tuple[str, ...] | None = None

    def load(self) -> None:
        """Check the address and, if the server answers already, ask for its languages. Raises EngineError."""
        self._server.check()
        self._languages = self._server.languages("asr")

    def check(self, language: str) -> None:
        """Raises EngineError if the server has named its languages, and this is none of them."""
        if self._languages and base(language) not in self._languages:
            raise EngineError(f"the speech server of speech.stt_url does not understand '{language}': give it a model")

    def stream(self, language: str, hints: Sequence[str] = ()) -> WhisperStream:
        """A stream for one turn. The protocol has no place for the hints."""
        return WhisperStream(self, base(language), hints)

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """Recognize one piece of speech; blocks. Raises EngineError."""
        sound = resample(from_pcm(pcm), RATE, SENT_RATE) if upper is None else with_upper(pcm, upper)
        audio = to_bytes(to_pcm(sound))
        blocks = (audio[at : at + BLOCK_BYTES] for at in range(0, len(audio), BLOCK_BYTES))
        request = [
            WyomingEvent("transcribe", {"language": language} | ({"name": self._model} if self._model else {})),
            WyomingEvent("audio-start", FORMAT),
            *(WyomingEvent("audio-chunk", FORMAT, block) for block in blocks),
            WyomingEvent("audio-stop"),
        ]
        for event in self._server.ask(request):
            if event.type == "transcript":
                return Decoded(" ".join(str(event.data.get("text") or "").split()), LOG_PROBABILITY, NO_SPEECH)
        raise self._server.silent()
