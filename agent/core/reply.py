"""What the agent does next, as a planner says it: pieces of a reply. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True)
class Listen:
    """The caller's turn now. `silence_ms`: after so long without a word the planner is asked again."""

    step: str = ""
    hints: tuple[str, ...] = ()
    silence_ms: int = 6000
    digits: int = 0  # DTMF: end the turn after so many digits (0: after one)
    backchannels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The agent's part is over once all that was said has been played: BARGEIN_RESULT and its companions."""

    result: str  # queue | transfer | hangup | continue | failed
    queue: str = ""
    exten: str = ""
    summary: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


Piece = Say | Listen | Finish


@dataclass(frozen=True, slots=True)
class SoundOdds:
    """Probabilities of what a sound is, whatever the words written for it; they sum to 1."""

    word: float
    backchannel: float
    other: float  # a cough, a cry, a bang


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was recognized. `confidence` 0 to 1; `speech` is how sure the engine is that it was speech at all.

    `odds`: of an engine that can tell words from other sounds beyond that.
    """

    text: str
    confidence: float = 1.0
    speech: float = 1.0
    final: bool = True
    odds: SoundOdds | None = None
