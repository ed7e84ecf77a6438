"""What is kept of a call, as plain data: turns, interruptions, promises to call back; and what a planner may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Literal, NamedTuple

from ..audio.utterance import Word
from ..language.kinds import FALSE_INTERRUPTIONS, Kind

ANNOUNCEMENT = "announce"  # the dialogue of what only a member of the queue hears

Speaker = Literal["agent", "caller"]


class Resolution(StrEnum):
    """How an interruption ended (column `resolution`)."""

    REPLANNED = "replanned"
    REPEATED = "repeated"
    RESUMED = "resumed"
    HELD = "held"
    TRANSFERRED = "transferred"
    HUNG_UP = "hung_up"
    IGNORED = "ignored"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Waits:
    """Where the time before a reply went, in ms, to 20 ms; None: not known, or the reply answers no words or digits.

    The recognition is within the end of the turn. What was prepared by then does not count: planning and synthesis are
    what the caller waits for after it.
    """

    endpoint_ms: int | None = None  # from the caller's last sound to the decision that the turn is over
    recognition_ms: int | None = None  # of the caller's last words
    planning_ms: int | None = None  # until the planner has the first sentence
    synthesis_ms: int | None = None  # of that sentence
    wait_ms: int | None = None  # from the caller's last sound to the first sound of the reply


WAITS = tuple(part.name for part in fields(Waits))


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, as the other side heard it. Times in ms from the start of the call.

    Agent: `text` is what was meant by a turn that began to play, `heard_text` what was played of it to the word,
    `unheard_text` the rest (the cut word first), `words` the heard words with their times. A turn of which nothing
    was played never happened. `waits`: before it.
    Caller: `text` and `heard_text` are the transcript, `confidence` 0 to 1.
    """

    seq: int
    speaker: Speaker
    started_ms: int
    ended_ms: int
    text: str
    heard_text: str
    unheard_text: str = ""
    step: str = ""
    cut_word: str = ""
    cut_played_ms: int = 0
    confidence: float | None = None
    words: tuple[Word, ...] = ()  # sample positions from the start of the call
    waits: Waits = Waits()


@dataclass(frozen=True, slots=True)
class Interruption:
    """One row of the table `interruptions`; the fields are its columns. Times in ms from the call's start."""

    id: str
    call_id: str
    turn_seq: int
    step: str
    onset_ms: int
    paused_ms: int
    decided_ms: int | None
    silent_ms: int
    detect_latency_ms: int  # onset to the decision to pause
    stop_latency_ms: int  # onset to the last audible sample sent; 0 if the agent was held
    agent_text: str
    heard_text: str
    unheard_text: str
    cut_word: str
    played_ms: int  # of the interrupted turn
    caller_text: str
    kind: str
    resolution: str
    evidence: float = 0.0

    @property
    def by_caller(self) -> bool:
        """Whether the caller interrupted the agent: no backchannel, no noise, and not the agent who cut in."""
        return self.kind not in FALSE_INTERRUPTIONS and self.resolution != Resolution.RETRACTED


class AnsweredBy(StrEnum):
    """Who or what answered a call that Asterisk placed (column `answered_by`, BARGEIN_ANSWERED_BY)."""

    PERSON = "person"
    VOICEMAIL = "voicemail"
    SCREENING = "screening"  # a telephone that asks who calls, and why
    FAX = "fax"
    OPERATOR = "operator"  # the network says that nobody can be reached
    SILENCE = "silence"


MACHINES = (AnsweredBy.VOICEMAIL, AnsweredBy.FAX, AnsweredBy.OPERATOR)  # nothing that they say is answered


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a planner may know when the caller's turn has ended (or the call has just begun).

    `turns` holds only what was said and heard; `interruption` is the one that this caller turn made of the
    agent's last turn, else None. `caller_text` is "" at the start of a call and after a silence; `digits` holds
    DTMF digits of this turn. `silence_ms` is how long the caller has said nothing, else 0. `unclear`: the caller's last
    sound was a voice, and the recognizer found no words in it. `failed`: an engine did not do its work in time, so the
    dialogue has to take its `failed` path. `answered_by` is "" for a caller who called us.
    """

    turns: Sequence[Turn]
    caller_text: str = ""
    digits: str = ""
    confidence: float | None = None
    interruption: Interruption | None = None
    kind: Kind | None = None
    silence_ms: int = 0
    unclear: bool = False
    failed: bool = False
    answered_by: AnsweredBy | Literal[""] = ""


class CallNow(NamedTuple):
    """What goes on in a call at the moment. Levels in dBFS over the last half second; -120 is silence."""

    caller_dbfs: int
    agent_dbfs: int
    caller_words: str = ""  # since the last reply began
    agent_words: str = ""  # of the sentence that is being said


@dataclass(frozen=True, slots=True)
class Handover:
    """What became of a caller after the agent; the fields are columns of `calls`. "" and None: not known."""

    after_queue: str = ""  # the queue in which the caller waited last
    after_exten: str = ""  # or the extension that the caller was transferred to
    after_status: str = ""  # answered, abandoned, or why nobody answered: timeout, joinempty, busy
    waited_ms: int | None = None
    member: str = ""  # who answered: 201
    talked_ms: int | None = None
    hangup_cause: int | None = None  # Q.850
    hung_up_by: str = ""  # caller | member | dialplan


@dataclass(frozen=True, slots=True)
class Callback:
    """A promise to call back; the fields are columns of `callbacks`."""

    phone: str
    wanted: str = ""  # when, as the flow wrote it: a day, a time, or both; "": as soon as possible
    note: str = ""  # what it is about


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
    uniqueid: str = ""  # Asterisk's names of the channel and of the whole call
    linkedid: str = ""
    channel: str = ""
    trunk: str = ""  # the endpoint that the call came from: PJSIP/trunk
    codec: str = ""  # of the caller's leg, by Asterisk's name: ulaw
    wideband: bool = False  # the caller hears 16 kHz, and Asterisk takes it from us
