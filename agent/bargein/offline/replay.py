"""A call in virtual time: the same core as a live call, driven sample by sample as fast as the machine can.

The line's frames come from a recording or a simulation; the recognizer is asked at once and answers after a set
delay of virtual time, so the same recording gives the same decisions. What cannot be had from a recording: which step
the flow was at, so whether the agent had asked a question, and what a step or a line says of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.audio.pcm import FRAME_SAMPLES, RATE, SILENCE, Pcm, ms, samples, whole_frames
from ..core.audio.playout import Segment
from ..core.audio.utterance import Utterance
from ..core.detector.speech_detector import SpeechDetector
from ..core.detector.vad_frame import VadFrame
from ..core.language.phrases import Phrases
from ..core.turns import actions as act
from ..core.turns.conversation import Conversation
from ..core.turns.overlap_classifier import OverlapClassifier, OverlapNetwork
from ..core.turns.records import Interruption, Turn, Waits
from ..core.turns.reply import Listen
from ..core.turns.settings import ConversationSettings
from ..core.turns.table import State
from ..core.turns.transcript import SoundProbabilities, Transcript
from ..core.turns.turn_end import TurnEndModel
from ..data.trained import load_weights
from ..errors import EngineError
from ..speech.base import Recognizer, SoundRecognizer
from .pauses import Pause

AUDIBLE_PEAK = 200  # -44 dBFS
JUDGE_SAMPLES = samples(40)  # until the recognizer has judged a sound: 5 ms of work on a machine that has more to do
Recognize = Callable[[Pcm], Transcript]
JudgeSound = Callable[[Pcm], SoundProbabilities | None]
Progress = Callable[[float], object]
Weights = Mapping[str, NDArray[np.float32]]


def no_words(pcm: Pcm) -> Transcript:
    """A recognizer that hears nothing: decisions then rest on evidence alone."""
    return Transcript("")


def no_opinion(pcm: Pcm) -> SoundProbabilities | None:
    """A recognizer that cannot judge a sound."""
    return None


@dataclass(frozen=True, slots=True)
class _Answer:
    due: int
    turn_id: int
    at: int
    words: Transcript


@dataclass(frozen=True, slots=True)
class _Opinion:
    due: int
    turn_id: int
    second: SoundProbabilities


class ObservedDetector(SpeechDetector):
    """A detector that remembers its result for the last frame."""

    evidence: VadFrame | None = None

    def process(self, pcm: Pcm, sensitivity: float = 0.5) -> VadFrame:
        self.evidence = super().process(pcm, sensitivity)
        return self.evidence


class VirtualCall:
    """The agent of one call. `says` is asked for its lines at the start and after each turn of the caller.

    `detector` is the detector of the conversation. `backchannels` extend the list of the language.
    """

    def __init__(
        self,
        conversation: Conversation,
        detector: ObservedDetector,
        says: Callable[[], list[Segment]] = list,
        recognize: Recognize = no_words,
        recognizer_ms: int = 150,
        backchannels: Sequence[str] = (),
        judge_sound: JudgeSound = no_opinion,
    ) -> None:
        self.conversation = conversation
        self.interruptions: dict[str, Interruption] = {}
        self.turns: dict[int, Turn] = {}
        self._pauses: list[Pause] = []
        self._detector = detector
        self._listen = Listen(silence_ms=3_600_000, backchannels=tuple(backchannels) or None)
        self._onset = 0  # of the caller's turn
        self._says = says
        self._recognize = recognize
        self._delay = samples(recognizer_ms)
        self._received: dict[int, list[Pcm]] = {}
        self._answers: list[_Answer] = []
        self._judge_sound = judge_sound
        self._opinions: list[_Opinion] = []
        self._perform(conversation.start())

    def tick(self, frame: Pcm) -> Pcm:
        """20 ms: the line's 160 samples in, the 160 samples that the agent sends next out."""
        self._perform(self.conversation.on_frame(np.asarray(frame, np.int16)))
        self._watch(new_frame=True)
        now = self.conversation.now
        for opinion in [o for o in self._opinions if o.due <= now]:
            self._opinions.remove(opinion)
            self.conversation.on_sound(opinion.turn_id, opinion.second)
        for answer in [a for a in self._answers if a.due <= now]:
            self._answers.remove(answer)
            self._note(answer)
            self._perform(self.conversation.on_transcript(answer.turn_id, answer.at, answer.words))
            self._watch()
        out, actions = self.conversation.on_tick()
        self._perform(actions)
        self._watch()
        return out

    def run(self, line: Pcm, progress: Progress | None = None) -> Pcm:
        """A whole recording of the line; what the agent sent meanwhile, of the same length.

        `progress` is called after each second of audio, with the number of seconds done.
        """
        whole = len(line) // FRAME_SAMPLES * FRAME_SAMPLES
        sent = []
        for at in range(0, whole, FRAME_SAMPLES):
            sent.append(self.tick(line[at : at + FRAME_SAMPLES]))
            if progress is not None and at % RATE == 0:
                progress(at / RATE)
        return np.concatenate(sent) if sent else np.zeros(0, np.int16)

    def hang_up(self) -> None:
        """The recording is over: log the turn that is being spoken. What is open stays as it is."""
        self._perform(action for action in self.conversation.on_hangup() if isinstance(action, act.LogTurn))

    @property
    def pauses(self) -> list[Pause]:
        """All pauses of the agent, also those that have no row in the log."""
        rows = {row.paused_ms: row for row in self.interruptions.values()}
        return [pause.as_logged(rows[pause.paused_ms]) if pause.paused_ms in rows else pause for pause in self._pauses]

    def _watch(self, new_frame: bool = False) -> None:
        """After anything that may have changed the state; `new_frame`: it was a frame of the line."""
        now, paused = self.conversation.now, self.conversation.state is State.PAUSED
        going_on = self._open()
        if going_on is None and paused:
            self._pauses.append(Pause(ms(self._onset), ms(now)))
        elif going_on is not None and not paused:
            self._pauses[-1] = going_on.decided(now)
        if paused and (new_frame or going_on is None) and self._detector.evidence is not None:
            self._pauses[-1] = self._pauses[-1].seen(self._detector.evidence)

    def _note(self, answer: _Answer) -> None:
        pause = self._open()
        if pause is not None and answer.turn_id in self._received:
            self._pauses[-1] = replace(pause, words=answer.words)

    def _open(self) -> Pause | None:
        """The pause that is not decided yet."""
        last = self._pauses[-1] if self._pauses else None
        return last if last is not None and last.decided_ms is None else None

    def _perform(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            match action:
                case act.OpenStream(turn_id, preroll):
                    self._received[turn_id] = [preroll]
                    ago = self._detector.evidence.onset_samples_ago if self._detector.evidence is not None else 0
                    self._onset = max(0, self.conversation.now - ago)
                case act.FeedAudio(turn_id, pcm):
                    self._received[turn_id].append(pcm)
                case act.CloseStream(turn_id):
                    del self._received[turn_id]
                case act.RequestTranscript(turn_id, at):
                    words = self._recognize(np.concatenate(self._received[turn_id]))
                    self._answers.append(_Answer(self.conversation.now + self._delay, turn_id, at, words))
                case act.JudgeSound(turn_id, pcm):
                    if (second := self._judge_sound(pcm)) is not None:
                        self._opinions.append(_Opinion(self.conversation.now + JUDGE_SAMPLES, turn_id, second))
                case act.PlanReply(reply_id, _):
                    for line in self._says():
                        self._perform(self.conversation.on_segment(reply_id, line))
                    self._perform(self.conversation.expect(reply_id, self._listen))
                    self._perform(self.conversation.on_reply_end(reply_id))
                case act.LogInterruption(row):
                    self.interruptions[row.id] = row
                case act.LogTurn(turn):
                    self.turns[turn.seq] = turn
                case _:
                    pass


class RecordedDetector(ObservedDetector):
    """A detector whose reference is the agent's recorded audio, whatever the replay itself sends."""

    def __init__(self, weights: Weights, agent: Pcm) -> None:
        super().__init__(weights)
        whole = len(agent) // FRAME_SAMPLES * FRAME_SAMPLES
        self._agent = agent[:whole]
        self.at = 0

    def push_reference(self, pcm: Pcm) -> None:
        frame = self._agent[self.at : self.at + FRAME_SAMPLES]
        self.at += FRAME_SAMPLES
        super().push_reference(frame if len(frame) else SILENCE)


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """The result of a replay: decisions, turns, and the audio that the agent would have sent."""

    caller: Pcm
    agent: Pcm
    pauses: list[Pause]
    interruptions: list[Interruption]
    turns: list[Turn]
    waits: list[Waits]  # before the agent's replies, to words of the caller


def replay(
    caller: Pcm,
    agent: Pcm,
    weights: Weights,
    phrases: Phrases,
    settings: ConversationSettings,
    recognize: Recognize = no_words,
    recorded: bool = False,
    backchannels: Sequence[str] = (),
    progress: Progress | None = None,
) -> Replay:
    """A recording of the line through the core.

    `recorded`: `agent` is what was sent during that very call, so `caller` holds its echo; else the agent says `agent`
    from the start, and what it would have sent is made here. An empty `agent` talks silently all the time. After a turn
    of the caller the agent goes on with what belongs to that time of the call.
    """
    hearing = RecordedDetector(weights, agent) if recorded else ObservedDetector(weights)
    says_all = agent if len(agent) else np.zeros(len(caller), np.int16)
    classifier = OverlapClassifier(OverlapNetwork(load_weights("overlap")))
    turn_end = TurnEndModel.of(load_weights("turn_end"))
    conversation = Conversation("replay", hearing, phrases, settings, classifier, turn_end)

    def says() -> list[Segment]:
        rest = says_all[conversation.now :]
        return [Segment(Utterance("", rest, ()))] if len(rest) else []

    judge_sound = recognize.judge_sound if isinstance(recognize, Blocking) else no_opinion
    call = VirtualCall(conversation, hearing, says, recognize, backchannels=backchannels, judge_sound=judge_sound)
    sent = call.run(caller, progress)
    call.hang_up()
    turns = list(call.turns.values())
    waits = [_as_recorded(turn, says_all) for turn in turns if turn.waits.endpoint_ms is not None]
    return Replay(caller, sent, call.pauses, list(call.interruptions.values()), turns, waits)


def _as_recorded(turn: Turn, agent: Pcm) -> Waits:
    """The waits before a turn of the agent, which began to speak when it does in the recording."""
    rest = agent[samples(turn.started_ms) :]
    audible = np.flatnonzero(np.abs(whole_frames(rest)).max(axis=1, initial=0) >= AUDIBLE_PEAK)
    whole = turn.waits.wait_ms
    if whole is None or not len(audible):
        return replace(turn.waits, wait_ms=None)
    return replace(turn.waits, wait_ms=whole + ms(int(audible[0]) * FRAME_SAMPLES))


class Blocking:
    """A live recognizer as a plain function, for virtual time."""

    def __init__(self, recognizer: Recognizer, language: str) -> None:
        self._recognizer, self._language = recognizer, language
        self._loop = asyncio.new_event_loop()

    def __call__(self, pcm: Pcm) -> Transcript:
        stream = self._recognizer.stream(self._language)
        stream.feed(pcm)
        return self._loop.run_until_complete(stream.partial())  # as in a live call

    def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        """What the recognizer takes the beginning of a sound for, if it can tell."""
        if not isinstance(self._recognizer, SoundRecognizer):
            return None
        try:
            return self._loop.run_until_complete(self._recognizer.judge_sound(pcm))
        except EngineError:
            return None  # as in a live call
