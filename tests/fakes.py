"""Fakes for what unit tests need to be exact: a detector that hears level, a recognizer and a planner that are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import numpy as np

from bargein.core.audio.pcm import FRAME_SAMPLES, Pcm, dbfs, samples
from bargein.core.audio.utterance import Utterance, Word
from bargein.core.detector.vad_frame import VadFrame
from bargein.core.language.kinds import Kind
from bargein.core.turns.overlap_classifier import OverlapClass, OverlapClassifier
from bargein.core.turns.records import Interruption, Situation, Turn
from bargein.core.turns.reply import Listen, Piece
from bargein.core.turns.transcript import Transcript
from bargein.dialogue.base import Progress
from bargein.dialogue.languages import load
from bargein.errors import EngineError

ONSET_FRAMES = 4
LOUD: Pcm = np.full(FRAME_SAMPLES, 4000, np.int16)
QUIET: Pcm = np.zeros(FRAME_SAMPLES, np.int16)
WORD_MS = 300


class ToldClassifier(OverlapClassifier):
    """Says what `word` is at the moment: the probability that the sound is a word."""

    def __init__(self, word: float = 0.0) -> None:
        self.word = word

    def begin(self, near: Sequence[Pcm], frames_ago: int, now: VadFrame) -> OverlapClass:
        return self.step(now)

    def step(self, frame: VadFrame) -> OverlapClass:
        return OverlapClass(self.word, 1 - self.word, 0.0)


class LevelDetector:
    """Any frame above -40 dBFS is the caller; the fourth in a row is an onset."""

    def __init__(self, voice: float = 0.9) -> None:
        self.sensitivities: list[float] = []
        self.voice = voice
        self.withdraw = False
        self.echo_dbfs = -120.0
        self._run = 0
        self._armed = True

    def push_reference(self, pcm: Pcm) -> None:
        assert len(pcm) == FRAME_SAMPLES

    def rearm(self) -> None:
        self._armed, self._run = True, 0

    def nothing(self) -> Pcm | None:
        return None

    def process(self, pcm: Pcm, sensitivity: float = 0.5) -> VadFrame:
        self.sensitivities.append(sensitivity)
        loud = dbfs(pcm) > -40
        self._run = self._run + 1 if loud else 0
        onset = self._armed and self._run == ONSET_FRAMES
        if onset:
            self._armed = False
        return VadFrame(
            float(loud),
            onset,
            self._run * FRAME_SAMPLES,
            loud,
            self.voice,
            dbfs(pcm),
            -70.0,
            self.echo_dbfs,
            pcm,
            self.withdraw,
        )


def utterance(text: str, word_ms: int = WORD_MS) -> Utterance:
    """Each word a stretch of square wave of its own."""
    size = samples(word_ms)
    words = tuple(Word(w, i * size, (i + 1) * size) for i, w in enumerate(text.split()))
    pcm = np.where(np.arange(size * len(words)) % 20 < 10, 8000, -8000).astype(np.int16)
    return Utterance(text, pcm, words)


class FakeVoice:
    async def utterance(self, text: str) -> Utterance:
        return utterance(text)

    async def wav(self, path: str, text: str = "") -> Utterance:
        return utterance(text or "a recording")


class FakeRecognizer:
    """Answers from a list, one text a turn; `heard` is the audio of each turn."""

    name = "fake"
    languages = ("en", "de", "es")

    def __init__(self, texts: Sequence[str] = (), delay_s: float = 0.0) -> None:
        self.texts = list(texts)
        self.delay_s = delay_s
        self.heard: list[Pcm] = []

    def load(self) -> None:
        pass

    def check(self, language: str) -> None:
        if language not in self.languages:
            raise EngineError(f"no {language} here")

    def stream(self, language: str, hints: Sequence[str] = ()) -> FakeStream:
        return FakeStream(self, self.texts.pop(0) if self.texts else "")


class FakeStream:
    def __init__(self, recognizer: FakeRecognizer, text: str) -> None:
        self._recognizer, self._text = recognizer, text
        self._audio: list[Pcm] = []

    def feed(self, pcm: Pcm) -> None:
        self._audio.append(pcm)

    async def partial(self) -> Transcript:
        await asyncio.sleep(self._recognizer.delay_s)
        return Transcript(self._text, speech=0.9 if self._text else 0.1)

    final = partial

    def cancel(self) -> None:
        self._recognizer.heard.append(np.concatenate(self._audio))


class FakeReply:
    def __init__(self, pieces: Iterable[Piece], delay_s: float = 0.0, kind: Kind | None = None) -> None:
        self.pieces = list(pieces)
        self.kind = kind
        self.committed = 0
        self.cancelled = False
        self._delay_s = delay_s

    async def __aiter__(self) -> AsyncIterator[Piece]:
        for piece in self.pieces:
            await asyncio.sleep(self._delay_s)
            yield piece

    def commit(self) -> None:
        self.committed += 1

    def cancel(self) -> None:
        self.cancelled = True


class FakePlanner:
    """Answers with what `answer` returns for a situation; keeps all it was asked and said."""

    language = "en"
    voice = ""
    phrases = load("en")

    def __init__(self, answer: Callable[[Situation], Iterable[Piece]], delay_s: float = 0.0) -> None:
        self._answer, self._delay_s = answer, delay_s
        self.situations: list[Situation] = []
        self.replies: list[FakeReply] = []

    @property
    def progress(self) -> Progress:
        return Progress("fake")

    def plan(self, situation: Situation) -> FakeReply:
        self.situations.append(situation)
        self.replies.append(FakeReply(self._answer(situation) or [Listen()], self._delay_s))
        return self.replies[-1]


class FakeLog:
    """What the store would have got, the latest state of each row."""

    def __init__(self) -> None:
        self.turns: dict[int, Turn] = {}
        self.interruptions: dict[str, Interruption] = {}

    def turn(self, call_id: str, turn: Turn) -> None:
        self.turns[turn.seq] = turn

    def interruption(self, row: Interruption) -> None:
        self.interruptions[row.id] = row

    @property
    def rows(self) -> list[Interruption]:
        return list(self.interruptions.values())
