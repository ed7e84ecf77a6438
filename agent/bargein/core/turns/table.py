"""Who has the floor: the transition table of a call.

Rule: everything that changes `State` is in TRANSITIONS. The conversation asks `step` and performs the effects.

Six small state machines run beside it, each owned by one class. They never change `State` themselves; they decide when
the conversation dispatches an event, and which one:

- `Caller`: quiet, turn, turn that waits for its words, rejected sound. After one that waits an `onset` begins another
  turn over the same speech. The state changes when one of them interrupts, or when all are rejected. A rejected sound
  fires no `onset` until it ends or turns out to be a voice.
- `Caller`: normal, cooldown. For 1.5 s after a rejected sound an `onset` needs more evidence: coughs come in series.
- `ReplyProgress`: open, ended, ended with a finish. It decides between `played_out`, `reply_empty` and `finish` once
  nothing is left to play.
- `ReplyProgress`: silent, heard, committed. Until a heard reply is committed, what would be an `interruption` may be a
  `continuation`.
- `Agent`: no prepared reply, prepared. It fires no event: `replan` takes the prepared reply if it fits.
- `CallerInput`: no digits, partly keyed, complete. A partly keyed number holds `turn_end` back until its next digit.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    SPEAKING = "speaking"  # the agent has the floor
    DUCKED = "ducked"  # the agent talks on, lower, over a sound that may be nothing
    PAUSED = "paused"  # the agent fell silent at a sound that may be words
    YIELDED = "yielded"  # the caller cut in and has the floor
    LISTENING = "listening"  # the agent has said all; the caller has the floor
    THINKING = "thinking"  # a reply is being planned; the caller has heard nothing of it
    ENDED = "ended"


PLAYING = (State.THINKING, State.SPEAKING, State.DUCKED)  # states in which a reply can come to its end
LISTENS = (State.YIELDED, State.LISTENING)  # the caller has the floor
OVERLAPPED = (State.DUCKED, State.PAUSED)  # the caller makes a sound over the agent's speech


class Event(StrEnum):
    ONSET = "onset"  # first evidence of the caller
    SPEECH = "speech"  # the sound may well be words
    NO_SPEECH = "no_speech"  # the sound goes on, but is a backchannel or a noise after all
    INTERRUPTION = "interruption"  # the evidence lasts, or a word came that is no backchannel
    CONTINUATION = "continuation"  # the same, so soon after a reply began that the caller was not done
    FALSE_INTERRUPTION = "false_interruption"  # the sound ended early, or was not such a word
    PROTECTED = "protected"  # the agent comes to a segment that may not be interrupted
    DIGIT = "digit"
    TURN_END = "turn_end"  # the caller has finished, with words or digits
    SILENCE = "silence"  # the caller says nothing for too long
    REPLY_AUDIO = "reply_audio"  # the first audio of a reply
    REPLY_EMPTY = "reply_empty"  # a reply with nothing to say
    PLAYED_OUT = "played_out"  # all of a reply has been sent
    FINISH = "finish"  # all has been sent and the reply was the last
    HANGUP = "hangup"


class Effect(StrEnum):
    DUCK = "duck"  # lower the agent
    HOLD = "hold"  # talk on at full level: nothing was lost
    UNDUCK = "unduck"  # talk on at full level, and listen to the caller
    PAUSE = "pause"  # fade out and hold the cursor
    UNPAUSE = "unpause"  # fade in again, ducked
    RESUME = "resume"  # fade in from the start of the cut word
    YIELD = "yield"  # cancel what was to be said, log the interruption
    RETRACT = "retract"  # take the reply back as if it had not been said: the caller was not done
    REPLAN = "replan"
    DROP_REPLY = "drop_reply"
    KEEP_REPLY = "keep_reply"  # the sound changes nothing
    LISTEN = "listen"  # close the agent's turn, the caller's silence counts from here
    FINISH = "finish"


S, E, X = State, Event, Effect
TRANSITIONS: dict[tuple[State, Event], tuple[State, tuple[Effect, ...]]] = {
    (S.SPEAKING, E.ONSET): (S.DUCKED, (X.DUCK,)),
    (S.SPEAKING, E.DIGIT): (S.YIELDED, (X.PAUSE, X.YIELD)),
    (S.SPEAKING, E.PLAYED_OUT): (S.LISTENING, (X.LISTEN,)),
    (S.SPEAKING, E.FINISH): (S.ENDED, (X.LISTEN, X.FINISH)),
    (S.DUCKED, E.SPEECH): (S.PAUSED, (X.PAUSE,)),
    (S.DUCKED, E.INTERRUPTION): (S.YIELDED, (X.PAUSE, X.YIELD)),
    (S.DUCKED, E.CONTINUATION): (S.YIELDED, (X.PAUSE, X.RETRACT)),
    (S.DUCKED, E.FALSE_INTERRUPTION): (S.SPEAKING, (X.HOLD,)),
    (S.DUCKED, E.PROTECTED): (S.SPEAKING, (X.UNDUCK,)),
    (S.DUCKED, E.DIGIT): (S.YIELDED, (X.PAUSE, X.YIELD)),
    (S.DUCKED, E.PLAYED_OUT): (S.LISTENING, (X.LISTEN,)),
    (S.DUCKED, E.FINISH): (S.ENDED, (X.LISTEN, X.FINISH)),
    (S.PAUSED, E.NO_SPEECH): (S.DUCKED, (X.UNPAUSE,)),
    (S.PAUSED, E.INTERRUPTION): (S.YIELDED, (X.YIELD,)),
    (S.PAUSED, E.CONTINUATION): (S.YIELDED, (X.RETRACT,)),
    (S.PAUSED, E.FALSE_INTERRUPTION): (S.SPEAKING, (X.RESUME,)),
    (S.PAUSED, E.DIGIT): (S.YIELDED, (X.YIELD,)),
    (S.YIELDED, E.TURN_END): (S.THINKING, (X.REPLAN,)),
    (S.YIELDED, E.SILENCE): (S.THINKING, (X.REPLAN,)),
    (S.LISTENING, E.TURN_END): (S.THINKING, (X.REPLAN,)),
    (S.LISTENING, E.SILENCE): (S.THINKING, (X.REPLAN,)),
    (S.THINKING, E.INTERRUPTION): (S.YIELDED, (X.DROP_REPLY,)),
    (S.THINKING, E.FALSE_INTERRUPTION): (S.THINKING, (X.KEEP_REPLY,)),
    (S.THINKING, E.DIGIT): (S.YIELDED, (X.DROP_REPLY,)),
    (S.THINKING, E.REPLY_AUDIO): (S.SPEAKING, ()),
    (S.THINKING, E.REPLY_EMPTY): (S.LISTENING, (X.LISTEN,)),
    (S.THINKING, E.FINISH): (S.ENDED, (X.LISTEN, X.FINISH)),
    **{(state, E.HANGUP): (S.ENDED, ()) for state in S if state is not S.ENDED},
}


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The next state and what is to be done; an event without a row in the table changes nothing."""
    return TRANSITIONS.get((state, event), (state, ()))
