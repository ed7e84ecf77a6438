"""The barge-in state machine: one table, and the verdict on a sound that made us pause.

Rule: everything that changes the state is in TRANSITIONS; the conversation asks `step` and performs the effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .intent import Phrases, is_backchannel
from .reply import Transcript
from .words import joined, tokens


class State(StrEnum):
    SPEAKING = "speaking"  # the agent has the floor
    PAUSED = "paused"  # fell silent at a sound, has not decided yet
    YIELDED = "yielded"  # the caller cut in and has the floor
    LISTENING = "listening"  # the agent has said all; the caller has the floor
    THINKING = "thinking"  # a reply is on its way, nothing of it is heard yet
    ENDED = "ended"


class Event(StrEnum):
    ONSET = "onset"  # solid evidence of the caller's voice
    WORD = "word"  # the evidence lasts, or a word came that is no backchannel
    NOTHING = "nothing"  # it ended early and was no such word
    DIGIT = "digit"
    TURN_END = "turn_end"  # the caller has finished, with words or digits
    SILENCE = "silence"  # the caller says nothing for too long
    REPLY_AUDIO = "reply_audio"  # the first audio of a reply
    REPLY_EMPTY = "reply_empty"  # a reply with nothing to say
    PLAYED_OUT = "played_out"  # all of a reply has been sent
    FINISH = "finish"  # all has been sent and the reply was the last
    HANGUP = "hangup"


class Effect(StrEnum):
    PAUSE = "pause"  # fade out and hold the cursor
    RESUME = "resume"  # fade in from the start of the cut word
    YIELD = "yield"  # cancel what was to be said, log the interruption
    REPLAN = "replan"
    DROP_REPLY = "drop_reply"
    LISTEN = "listen"  # close the agent's turn, the caller's silence counts from here
    FINISH = "finish"


S, E, X = State, Event, Effect
TRANSITIONS: dict[tuple[State, Event], tuple[State, tuple[Effect, ...]]] = {
    (S.SPEAKING, E.ONSET): (S.PAUSED, (X.PAUSE,)),
    (S.SPEAKING, E.DIGIT): (S.YIELDED, (X.PAUSE, X.YIELD)),
    (S.SPEAKING, E.PLAYED_OUT): (S.LISTENING, (X.LISTEN,)),
    (S.SPEAKING, E.FINISH): (S.ENDED, (X.LISTEN, X.FINISH)),
    (S.PAUSED, E.WORD): (S.YIELDED, (X.YIELD,)),
    (S.PAUSED, E.NOTHING): (S.SPEAKING, (X.RESUME,)),
    (S.PAUSED, E.DIGIT): (S.YIELDED, (X.YIELD,)),
    (S.YIELDED, E.TURN_END): (S.THINKING, (X.REPLAN,)),
    (S.YIELDED, E.SILENCE): (S.THINKING, (X.REPLAN,)),
    (S.LISTENING, E.TURN_END): (S.THINKING, (X.REPLAN,)),
    (S.LISTENING, E.SILENCE): (S.THINKING, (X.REPLAN,)),
    (S.THINKING, E.ONSET): (S.YIELDED, (X.DROP_REPLY,)),
    (S.THINKING, E.DIGIT): (S.YIELDED, (X.DROP_REPLY,)),
    (S.THINKING, E.REPLY_AUDIO): (S.SPEAKING, ()),
    (S.THINKING, E.REPLY_EMPTY): (S.LISTENING, (X.LISTEN,)),
    (S.THINKING, E.FINISH): (S.ENDED, (X.LISTEN, X.FINISH)),
    **{(state, E.HANGUP): (S.ENDED, ()) for state in S if state is not S.ENDED},
}


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The next state and what is to be done; an event that means nothing in a state changes nothing."""
    return TRANSITIONS.get((state, event), (state, ()))


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """When a pause is over. Times in ms of the caller's sound."""

    lasts_ms: int = 700  # voiced so long and like speech: an interruption whatever the words
    ended_ms: int = 140  # so much silence: the sound is over
    patience_ms: int = 700  # so much silence and still no words: decide without the recognizer
    noise_voice: float = 0.15  # below: no voice, no need to wait for words
    noise_ms: int = 1500  # a sound that lasts but is no voice: go on over it
    sure_speech: float = 0.4  # the recognizer's own doubt that it was speech


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound that made us pause, so far."""

    voiced_ms: int  # from its onset to its last voiced frame
    silent_ms: int  # since then
    voice: float  # 0 to 1: like speech rather than a cough


def verdict(
    sound: Sound,
    words: Transcript | None,
    complete: bool,
    phrases: Phrases,
    question: bool = False,
    extra: Sequence[str] = (),
    settings: VerdictSettings = VerdictSettings(),
) -> Event | None:
    """WORD, NOTHING, or None to wait.

    `complete`: `words` cover the whole sound; `question`: the agent has asked; `extra`: more backchannel words.
    """
    text = words.text.strip() if words and words.speech >= settings.sure_speech else ""
    if joined(tokens(text)) in phrases.noise:
        text = ""
    backchannel = bool(text) and is_backchannel(text, phrases, question, extra)
    if text and not backchannel:
        return Event.WORD
    if sound.silent_ms >= settings.ended_ms:
        if sound.voice < settings.noise_voice or complete:
            return Event.NOTHING
        if sound.silent_ms >= settings.patience_ms:
            return Event.WORD if sound.voiced_ms >= settings.lasts_ms and not backchannel else Event.NOTHING
        return None
    if sound.voiced_ms >= settings.lasts_ms and sound.voice >= 0.5 and not backchannel:
        return Event.WORD
    if sound.voiced_ms >= settings.noise_ms and sound.voice < 0.5:
        return Event.NOTHING
    return None
