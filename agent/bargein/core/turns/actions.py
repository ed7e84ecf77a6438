"""What the conversation wants done; the session does it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..audio.pcm import Pcm
from .records import Interruption, Situation, Turn
from .reply import Finish


@dataclass(frozen=True, slots=True, eq=False)
class OpenStream:
    """The caller began to speak: open a recognition stream with this pre-roll."""

    turn_id: int
    preroll: Pcm
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FeedAudio:
    """More of the caller's turn for its stream."""

    turn_id: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class RequestTranscript:
    """Ask the stream for its words so far; the answer goes to `on_words` with the same turn and `at`."""

    turn_id: int
    at: int


@dataclass(frozen=True, slots=True)
class CloseStream:
    """The stream is of no more use."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class PlanReply:
    """Start a reply; its lines go to `on_line`, its end to `on_reply_end`, with the same id."""

    reply_id: int
    situation: Situation


@dataclass(frozen=True, slots=True)
class CommitReply:
    """The reply is heard: what the planner decided in it holds."""

    reply_id: int


class DropCause(StrEnum):
    """Why an answer was dropped before the caller heard any of it."""

    SPEECH = "speech"  # the caller said something new
    DIGIT = "digit"
    HANGUP = "hangup"


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Nothing more of the reply is wanted. `dropped`: the caller has heard nothing of it, and why."""

    reply_id: int
    dropped: DropCause | None = None


@dataclass(frozen=True, slots=True)
class LogTurn:
    """A turn has ended, or one logged before has changed (same seq)."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class LogInterruption:
    """An interruption was decided, or one logged before is known better (same id)."""

    row: Interruption


@dataclass(frozen=True, slots=True)
class EndCall:
    """All was said: hand the call back to the dialplan."""

    finish: Finish


Action = (
    OpenStream
    | FeedAudio
    | RequestTranscript
    | CloseStream
    | PlanReply
    | CommitReply
    | CancelReply
    | LogTurn
    | LogInterruption
    | EndCall
)
