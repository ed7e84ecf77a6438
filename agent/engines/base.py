"""What an engine is: the protocols that session and planner code against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ..core.dialogue import Kind, Situation
from ..core.intent import Phrases
from ..core.pcm import Pcm
from ..core.reply import Finish, Listen, Piece, Say, Transcript
from ..core.utterance import Utterance
from ..errors import UserError


class EngineError(UserError):
    """An engine cannot do its work; the message is one line that says what is wrong and how to mend it."""


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


# ------------------------------------------------------------------ text to speech


@runtime_checkable
class TextToSpeech(Protocol):
    """Blocking engine; `agent.engines.voice.Voice` gives it a thread and a cache."""

    name: str

    def load(self) -> None:
        """Load the model. Raises EngineError with one line that says what to install."""

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings. Raises EngineError."""


# ------------------------------------------------------------------------- planner


class Reply(Protocol):
    """An answer on its way. Its pieces come in order, the last is Listen or Finish.

    `commit` is called once, when the first audio of the reply is sent (or at once if it has none): from then on what
    the planner decided in it holds. A reply that is dropped before that never happened. `cancel` stops it at any time.
    """

    @property
    def kind(self) -> Kind | None:
        """What the interruption is about, where the planner knows better than the words alone."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    def commit(self) -> None: ...

    def cancel(self) -> None: ...


class Planner(Protocol):
    """One a call. Plans the opening (empty situation) and every answer."""

    language: str
    phrases: Phrases  # how callers speak, in that language
    voice: str  # of the voice engine; "" for the configured one

    def plan(self, situation: Situation) -> Reply:
        """Start to plan the next agent turn; never blocks."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What FastAGI told us of a call; data from the network, never to be trusted as code or path."""

    id: str
    caller: str = ""
    caller_name: str = ""
    called: str = ""
    dialogue: str = ""
    queue: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


__all__ = [
    "CallInfo", "EngineError", "Finish", "Listen", "Piece", "Planner", "RecognitionStream", "Recognizer", "Reply",
    "Say", "Situation", "TextToSpeech", "Transcript", "Utterance",
]  # fmt: skip
