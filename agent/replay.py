"""A call in virtual time: the same core as a live call, driven sample by sample as fast as the machine can.

The line's frames come from a recording or a simulation; the recognizer is asked at once and answers after a set
delay of virtual time, so the same recording gives the same decisions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .core import actions as act
from .core.conversation import Conversation, Settings
from .core.dialogue import Interruption, Turn
from .core.hearing import Hearing, HearingSettings
from .core.intent import Phrases
from .core.pcm import FRAME_SAMPLES, SILENCE, Pcm, samples
from .core.playback import Line
from .core.reply import Listen, Transcript
from .core.utterance import Utterance
from .engines.base import Recognizer

Recognize = Callable[[Pcm], Transcript]
Weights = Mapping[str, NDArray[np.float32]]


def no_words(pcm: Pcm) -> Transcript:
    """A recognizer that hears nothing: decisions then rest on evidence alone."""
    return Transcript("")


@dataclass(frozen=True, slots=True)
class _Answer:
    due: int
    turn_id: int
    at: int
    words: Transcript


class VirtualCall:
    """The agent of one call. `says` is asked for its lines at the start and after each turn of the caller."""

    def __init__(
        self,
        conversation: Conversation,
        says: Callable[[], list[Line]] = list,
        recognize: Recognize = no_words,
        recognizer_ms: int = 150,
    ) -> None:
        self.conversation = conversation
        self.interruptions: dict[str, Interruption] = {}
        self.turns: dict[int, Turn] = {}
        self._says = says
        self._recognize = recognize
        self._delay = samples(recognizer_ms)
        self._heard: dict[int, list[Pcm]] = {}
        self._answers: list[_Answer] = []
        self._perform(conversation.start())

    def tick(self, frame: Pcm) -> Pcm:
        """20 ms: the line's 160 samples in, the 160 samples that the agent sends next out."""
        self._perform(self.conversation.on_frame(np.asarray(frame, np.int16)))
        now = self.conversation.now
        for answer in [a for a in self._answers if a.due <= now]:
            self._answers.remove(answer)
            self._perform(self.conversation.on_words(answer.turn_id, answer.at, answer.words))
        out, actions = self.conversation.on_tick()
        self._perform(actions)
        return out

    def run(self, line: Pcm) -> Pcm:
        """A whole recording of the line; what the agent sent meanwhile, of the same length."""
        whole = len(line) // FRAME_SAMPLES * FRAME_SAMPLES
        sent = [self.tick(line[at : at + FRAME_SAMPLES]) for at in range(0, whole, FRAME_SAMPLES)]
        return np.concatenate(sent) if sent else np.zeros(0, np.int16)

    def _perform(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            match action:
                case act.StartTurn(turn_id, preroll, _):
                    self._heard[turn_id] = [preroll]
                case act.Hear(turn_id, pcm):
                    self._heard[turn_id].append(pcm)
                case act.EndTurn(turn_id):
                    del self._heard[turn_id]
                case act.AskWords(turn_id, at):
                    words = self._recognize(np.concatenate(self._heard[turn_id]))
                    self._answers.append(_Answer(self.conversation.now + self._delay, turn_id, at, words))
                case act.Replan(reply_id, _):
                    for line in self._says():
                        self._perform(self.conversation.on_line(reply_id, line))
                    self._perform(self.conversation.expect(reply_id, Listen(silence_ms=3_600_000)))
                    self._perform(self.conversation.on_reply_end(reply_id))
                case act.LogInterruption(row):
                    self.interruptions[row.id] = row
                case act.LogTurn(turn):
                    self.turns[turn.seq] = turn
                case _:
                    pass


class RecordedHearing(Hearing):
    """Hears with what the agent really sent in a recording as reference, whatever the replay would have sent."""

    def __init__(self, weights: Weights, settings: HearingSettings, agent: Pcm) -> None:
        super().__init__(weights, settings)
        whole = len(agent) // FRAME_SAMPLES * FRAME_SAMPLES
        self._agent = agent[:whole]
        self.at = 0

    def sent(self, pcm: Pcm) -> None:
        frame = self._agent[self.at : self.at + FRAME_SAMPLES]
        self.at += FRAME_SAMPLES
        super().sent(frame if len(frame) else SILENCE)


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What came of a replay: decisions, turns, and the agent as it would have been heard."""

    caller: Pcm
    agent: Pcm
    interruptions: list[Interruption]
    turns: list[Turn]


def replay(
    caller: Pcm,
    agent: Pcm,
    weights: Weights,
    phrases: Phrases,
    settings: Settings,
    recognize: Recognize = no_words,
    recorded: bool = False,
) -> Replay:
    """A recording of the line through the core.

    `recorded`: `agent` is what was sent during that very call, so `caller` holds its echo; else the agent says `agent`
    from the start, and what it would have sent is made here. An empty `agent` talks silently all the time.
    """
    heard = HearingSettings(sensitivity=settings.sensitivity)
    hearing = RecordedHearing(weights, heard, agent) if recorded else Hearing(weights, heard)
    silently = not len(agent)
    if silently:
        agent = np.zeros(len(caller), np.int16)
    said = 0

    def says() -> list[Line]:
        nonlocal said
        rest = agent[hearing.at :] if isinstance(hearing, RecordedHearing) else agent[said:]
        said = 0 if silently else len(agent)  # one that talks all the time begins anew
        return [Line(Utterance("", rest, ()))] if len(rest) else []

    call = VirtualCall(Conversation("replay", hearing, phrases, settings), says, recognize)
    sent = call.run(caller)
    return Replay(caller, sent, list(call.interruptions.values()), list(call.turns.values()))


def blocking(recognizer: Recognizer, language: str) -> Recognize:
    """A live recognizer as a plain function, for virtual time."""
    loop = asyncio.new_event_loop()

    def recognize(pcm: Pcm) -> Transcript:
        stream = recognizer.stream(language)
        stream.feed(pcm)
        return loop.run_until_complete(stream.final())

    return recognize
