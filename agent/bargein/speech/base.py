"""What an engine is: the protocols that session and planner code against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ..core.audio.pcm import Pcm
from ..core.audio.utterance import Utterance
from ..core.turns.transcript import Transcript

# ------------------------------------------------------------------ speech to text


class RecognitionStream(Protocol):
    """One caller turn. `feed` never blocks; work is done off the event loop."""

    def feed(self, pcm: Pcm) -> None:
        """Append 8 kHz samples."""

    async def partial(self) -> Transcript:
        """The words so far; may be asked again as more audio comes."""

    async def final(self) -> Transcript:
        """The whole turn; the stream is of no use afterwards."""

    def cancel(self) -> None:
        """Give up now; a pending partial or final ends soon with what it has or is cancelled."""


@runtime_checkable
class Recognizer(Protocol):
    """One a process; the model is loaded by `load`, which blocks (call it in a thread)."""

    name: str

    def load(self) -> None:
        """Load the model. Raises EngineError with one line that says what to install."""

    def check(self, language: str) -> None:
        """Raises EngineError, one line, if the loaded model does not understand the language."""

    def stream(self, language: str, hints: Sequence[str] = ()) -> RecognitionStream:
        """A stream for one turn; `hints` are words that are likely now."""


@runtime_checkable
class DigitsRecognizer(Protocol):
    """A recognizer that is better at digits when it knows that they are expected."""

    def digits_stream(self, language: str, hints: Sequence[str] = ()) -> RecognitionStream:
        """A stream for one turn in which the caller probably dictates digits."""


# ------------------------------------------------------------------ text to speech


@runtime_checkable
class TextToSpeech(Protocol):
    """A blocking engine; `speech.voice.Voice` gives it a thread and a cache."""

    name: str

    def load(self) -> None:
        """Load the model. Raises EngineError with one line that says what to install."""

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings. Raises EngineError."""


@runtime_checkable
class Downloads(Protocol):
    """A voice engine that may have to fetch a model before it speaks."""

    def ready(self, language: str, voice: str) -> bool:
        """Whether it speaks without a download. Does not block."""
