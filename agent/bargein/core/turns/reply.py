"""The pieces of a reply, as a planner returns them. Pure data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class CallResult(StrEnum):
    """What the dialplan does next (BARGEIN_RESULT)."""

    QUEUE = "queue"  # to a person in a queue
    TRANSFER = "transfer"  # to an extension
    HANGUP = "hangup"
    VOICEMAIL = "voicemail"  # to the mailbox that the dialplan names
    CONTINUE = "continue"  # to the next step of the dialplan
    FAILED = "failed"  # no agent: the dialplan sends the caller to people


SECRET = "[secret]"  # what rows hold in place of the caller's words where the agent asks for a secret


@dataclass(frozen=True, slots=True)
class Say:
    """One sentence, or a WAV file, to be played. `step` names where in the flow it comes from."""

    text: str
    step: str = ""
    wav: str = ""  # path of an 8 kHz mono 16-bit WAV to play in place of speech
    interruptible: bool = True
    sensitivity: float | None = None
    question: bool = False  # the caller is expected to answer: "yes" over it is an answer
    repeated: bool = False  # says again what was cut: resolution `repeated`
    overlap: str | None = None  # what a sound over it does, "duck" or "pause"; None: as configured
    duck_db: float | None = None  # how much lower a ducked agent talks


ExpectedKind = Literal["digits", "number", "date", "time", "phone", "name", "yes_no", "choice", "text", ""]


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer that the agent waits for; it decides how long a pause of the caller may be.

    `minimum` and `maximum` are the number of digits (kinds `digits` and `phone`); None: no limit. Kind "" says nothing.
    """

    kind: ExpectedKind = ""
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """It is the caller's turn. After `silence_ms` without a word the planner is asked again."""

    step: str = ""
    hints: tuple[str, ...] = ()
    silence_ms: int = 6000
    digits: int = 0  # DTMF digits that end the turn (0: one)
    backchannels: tuple[str, ...] | None = None
    expects: Expected = Expected("")
    secret: bool = False  # the caller's words now are stored nowhere
    commands: tuple[re.Pattern[str], ...] = ()  # of the flow, found in cleaned words: they are never a mere sound

    @property
    def dictated(self) -> bool:
        """Whether digits are expected: callers say them in groups, with pauses between them."""
        return self.expects.kind in ("digits", "phone")

    @property
    def spelled(self) -> bool:
        """Whether letters or digits may be said one by one."""
        return self.dictated or self.expects.kind == "name"

    def writable(self, text: str) -> str:
        """The caller's words as they may stand in a row."""
        return SECRET if text and self.secret else text


@dataclass(frozen=True, slots=True)
class Finish:
    """Once the reply has been played, the call goes back to the dialplan with BARGEIN_RESULT and the others."""

    result: CallResult
    queue: str = ""
    exten: str = ""
    summary: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


Piece = Say | Listen | Finish
