"""A call in virtual time: the same core as a live call, driven sample by sample as fast as the machine can.

The line's frames come from a recording or a simulation; the recognizer is asked at once and answers after a set
delay of virtual time, so the same recording gives the same decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from .core import actions as act
from .core.conversation import Conversation
from .core.dialogue import Interruption, Turn
from .core.pcm import FRAME_SAMPLES, Pcm, samples
from .core.playback import Line
from .core.reply import Listen, Transcript

Recognize = Callable[[Pcm], Transcript]


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
    """The agent of one call: says `lines` from the start, yields, and says nothing more after an interruption."""

    def __init__(
        self,
        conversation: Conversation,
        lines: Iterable[Line] = (),
        recognize: Recognize = no_words,
        recognizer_ms: int = 150,
    ) -> None:
        self.conversation = conversation
        self.interruptions: dict[str, Interruption] = {}
        self.turns: dict[int, Turn] = {}
        self._lines = list(lines)
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
                    lines, self._lines = self._lines, []
                    for line in lines:
                        self._perform(self.conversation.on_line(reply_id, line))
                    self._perform(self.conversation.expect(reply_id, Listen(silence_ms=3_600_000)))
                    self._perform(self.conversation.on_reply_end(reply_id))
                case act.LogInterruption(row):
                    self.interruptions[row.id] = row
                case act.LogTurn(turn):
                    self.turns[turn.seq] = turn
                case _:
                    pass
