"""The protocols of the engines. Session and planner use nothing else of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ..core.audio.pcm import Pcm
from ..core.audio.utterance import Utterance
from ..core.turns.transcript import SoundProbabilities, Transcript

# ------------------------------------------------------------------ speech to text


class RecognitionStream(Protocol):
    """One turn of the caller. `feed` never blocks: the work happens off the event loop."""

    def feed(self, pcm: Pcm) -> None:
        """Append 8 kHz samples."""

    async def partial(self) -> Transcript:
        """The words so far. Call it again when more audio has come."""

    async def final(self) -> Transcript:
        """The words of the whole turn. Do not use the stream afterwards."""

    def cancel(self) -> None:
        """Give up now. A pending `partial` or `final` ends soon, or is cancelled."""


@runtime_checkable
class WideRecognitionStream(Protocol):
    """A stream that makes use of a line of 16 kHz."""

    def feed_wide(self, pcm: Pcm, upper: Pcm) -> None:
        """Append 8 kHz samples, and what the line has above 4 kHz at the same time: twice as many, at 16 kHz."""


@runtime_checkable
class Recognizer(Protocol):
    """One per process. `load` loads the model and blocks: call it in a thread."""

    name: str

    def load(self) -> None:
        """Load the model. Raises EngineError with one line that says what to install."""

    def check(self, language: str) -> None:
        """Raises EngineError, one line, if the loaded model does not understand the language."""

    def stream(self, language: str, hints: Sequence[str] = ()) -> RecognitionStream:
        """A stream for one turn. `hints` are likely words."""


@runtime_checkable
class DigitsRecognizer(Protocol):
    """A recognizer that understands digits better when it expects them."""

    def digits_stream(self, language: str, hints: Sequence[str] = ()) -> RecognitionStream:
        """A stream for one turn in which the caller probably dictates digits."""


@runtime_checkable
class SoundRecognizer(Protocol):
    """A recognizer that can tell words from other sounds before it writes any."""

    async def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        """What the sound is whose beginning this is; `pcm` begins `BEFORE_SAMPLES` before it.

        None if the loaded model cannot tell. Raises EngineError.
        """


@runtime_checkable
class ClosableRecognizer(Protocol):
    """A recognizer that holds more than memory, such as a process of its own."""

    def close(self) -> None:
        """Give it back. Blocks."""


# ------------------------------------------------------------------ text to speech


@runtime_checkable
class TextToSpeech(Protocol):
    """A blocking engine. `speech.voice.Voice` gives it a thread and a cache."""

    name: str

    def load(self) -> None:
        """Load the model. Raises EngineError with one line that says what to install."""

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings. Raises EngineError."""


@runtime_checkable
class Downloads(Protocol):
    """A voice engine that may have to fetch a model before it speaks."""

    def ready(self, language: str, voice: str) -> bool:
        """Whether it can speak without a download. Does not block."""
