"""Who has the floor: the transition table of a call.

Rule: everything that changes `State` is in TRANSITIONS. The conversation asks `step` and performs the effects.

Four small state machines run beside it, each owned by one class. They never change `State` themselves; they decide when
the conversation dispatches an event:

- `Caller`: quiet, turn, rejected sound. A rejected sound fires no `onset` until it ends or turns out to be a voice.
- `Caller`: normal, cooldown. For 1.5 s after a rejected sound an `onset` needs more evidence: coughs come in series.
- `_ReplyProgress`: open, ended, ended with a finish. It decides between `played_out`, `reply_empty` and `finish` once
  nothing is left to play.
- `CallerInput`: no digits, partly keyed, complete. A partly keyed number holds `turn_end` back until its next digit.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    SPEAKING = "speaking"  # the agent has the floor
    PAUSED = "paused"  # the agent fell silent at a sound and has not decided yet
    YIELDED = "yielded"  # the caller cut in and has the floor
    LISTENING = "listening"  # the agent has said all; the caller has the floor
    THINKING = "thinking"  # a reply is on its way, nothing of it is heard yet
    ENDED = "ended"


class Event(StrEnum):
    ONSET = "onset"  # solid evidence of the caller's voice
    INTERRUPTION = "interruption"  # the evidence lasts, or a word came that is no backchannel
    FALSE_INTERRUPTION = "false_interruption"  # the sound ended early, or was no such word
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
    (S.PAUSED, E.INTERRUPTION): (S.YIELDED, (X.YIELD,)),
    (S.PAUSED, E.FALSE_INTERRUPTION): (S.SPEAKING, (X.RESUME,)),
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
