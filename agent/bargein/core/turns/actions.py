"""The actions: what the conversation decides and the session performs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..audio.pcm import Pcm
from .records import Interruption, Situation, Turn
from .reply import Finish, Listen


@dataclass(frozen=True, slots=True, eq=False)
class OpenStream:
    """The caller began to speak: open a recognition stream with this pre-roll."""

    turn_id: int
    preroll: Pcm
    listen: Listen  # what the agent expects to hear


@dataclass(frozen=True, slots=True, eq=False)
class FeedAudio:
    """More of the caller's turn for its stream."""

    turn_id: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class RequestTranscript:
    """Ask the stream for its words so far. Pass them to `Conversation.on_transcript` with the same turn and `at`."""

    turn_id: int
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class JudgeSound:
    """Ask the recognizer what a sound over the agent's speech is, if it can tell. See `second_opinion`.

    `pcm` begins a little before the sound. Pass the answer to `Conversation.on_sound` with the same turn.
    """

    turn_id: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class CloseStream:
    """The turn is over: close its stream."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class PrepareReply:
    """Plan a reply that may not be wanted: the caller may go on. Make its first sentence and do nothing that counts.

    What comes is passed on as for `PlanReply`, which follows with the same id if the reply is wanted, else CancelReply.
    """

    reply_id: int
    situation: Situation


@dataclass(frozen=True, slots=True)
class PlanReply:
    """Plan a reply. Its sentences go to `Conversation.on_segment`, its end to `on_reply_end`, with the same id.

    If it was prepared, it is wanted from now on.
    """

    reply_id: int
    situation: Situation


@dataclass(frozen=True, slots=True)
class SayFiller:
    """The caller has waited too long for the reply. Pass a segment with `filler` to `Conversation.on_segment`."""

    reply_id: int


@dataclass(frozen=True, slots=True)
class CommitReply:
    """The reply is being heard and will not be retracted: what the planner decided in it takes effect."""

    reply_id: int


class DropCause(StrEnum):
    """Why an answer was dropped that counts as not said."""

    SPEECH = "speech"  # the caller has said something new
    DIGIT = "digit"
    HANGUP = "hangup"
    CUT_OFF = "cut_off"  # the caller was not done, and has heard at most its first words


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop the reply. `dropped` is set if it counts as not said, and says why."""

    reply_id: int
    dropped: DropCause | None = None


@dataclass(frozen=True, slots=True)
class LogTurn:
    """A turn has ended, or one logged before has changed (same seq)."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class LogInterruption:
    """An interruption was decided, or a row logged before has changed (same id)."""

    row: Interruption


@dataclass(frozen=True, slots=True)
class EndCall:
    """The last reply was played: hand the call back to the dialplan."""

    finish: Finish


Action = (
    OpenStream
    | FeedAudio
    | RequestTranscript
    | JudgeSound
    | CloseStream
    | PrepareReply
    | PlanReply
    | SayFiller
    | CommitReply
    | CancelReply
    | LogTurn
    | LogInterruption
    | EndCall
)
