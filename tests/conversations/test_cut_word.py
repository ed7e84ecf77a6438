"""The cut word and its place against the truth, over 100 stops at random times, in virtual time.

The truth comes from the audio that was sent and from nothing that the code under test says: the same reply is played
once without a caller, and an independent aligner finds the words in it; the last sample that is heard before the agent
falls silent tells the word that was cut.
"""

from __future__ import annotations

import asyncio
import bisect
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from bargein.config import Config
from bargein.core.audio.pcm import FRAME_SAMPLES, SAMPLES_PER_MS, Pcm, samples
from bargein.core.audio.playback import GAP_SAMPLES
from bargein.core.audio.playout import Segment
from bargein.core.audio.utterance import Utterance
from bargein.core.turns import actions as act
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import Interruption, Turn
from bargein.core.turns.transcript import Transcript
from bargein.dialogue.languages import load
from bargein.speech import catalog
from tests.conversations.alignment import Aligner
from tests.fakes import LOUD, QUIET, LevelDetector

pytestmark = pytest.mark.slow

STOPS = 100
NEAR_MS = 60
REPLIES = (
    ("Welcome to the mug shop.",
     "We have the red mug for ten dollars, the green mug for twelve dollars, and the blue mug for fifteen dollars.",
     "Which one would you like?"),
    ("One red mug for ten dollars.",
     "We will send it to the address that we have on file, and it should arrive on Friday.",
     "Is that right?"),
    ("Your appointment is on Tuesday the third of March, at half past nine in the morning.",
     "Please bring your insurance card and a list of the medicines that you take."),
    ("The account ends in four two seven eight, and the balance is now eighty six dollars.",
     "You can pay it by card, by bank transfer, or at any of our branches before the end of the month."),
    ("For billing press one, for technical questions press two, and for everything else stay on the line.",
     "This call may be recorded to help us train our people."),
)  # fmt: skip


class Rendition:
    """One reply as it is sent; with `cut_at` (a frame) a caller speaks for 400 ms from there."""

    def __init__(self, utterances: Sequence[Utterance], cut_at: int | None = None) -> None:
        self._core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        self.turn: Turn | None = None
        self.row: Interruption | None = None
        self._do(self._core.start())
        for utterance in utterances:
            self._do(self._core.on_segment(1, Segment(utterance)))
        frames: list[Pcm] = []
        while self.turn is None:
            speaks = cut_at is not None and cut_at <= len(frames) < cut_at + 20
            self._do(self._core.on_frame(LOUD if speaks else QUIET))
            frame, actions = self._core.on_tick()
            frames.append(frame)
            self._do(actions)
            if cut_at is None and len(frames) * FRAME_SAMPLES > length(utterances):
                self._do(self._core.on_hangup())
        self.sent = np.concatenate(frames)

    def _do(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            if isinstance(action, act.RequestTranscript):
                self._do(self._core.on_transcript(action.turn_id, action.at, Transcript("No, wait.")))
            elif isinstance(action, act.LogTurn) and action.turn.speaker == "agent":
                self.turn = action.turn
            elif isinstance(action, act.LogInterruption):
                self.row = action.row


def length(utterances: Sequence[Utterance]) -> int:
    """Samples from the first of the reply to its last."""
    return sum(len(u.pcm) + GAP_SAMPLES for u in utterances) - GAP_SAMPLES


@dataclass(frozen=True)
class Reply:
    """A reply, what is sent of it if nobody cuts in, and where its words begin in that, by the aligner."""

    utterances: Sequence[Utterance]
    words: Sequence[str]
    sent: Pcm
    starts: Sequence[int]


@dataclass(frozen=True)
class Stop:
    """What the code says of a stop, and the truth: the index of the word cut, and call samples of the place."""

    said: int
    true: int
    ended: int
    last_heard: int  # the last sample that is no silence
    differs: int  # the first one that would have been otherwise
    played: int
    gaps: int


@pytest.fixture(scope="module")
def replies() -> list[Reply]:
    return asyncio.run(rendered())


async def rendered() -> list[Reply]:
    voice, aligner = catalog.voice(Config().speech, "en"), Aligner()
    out = []
    for texts in REPLIES:
        utterances = [await voice.utterance(text) for text in texts]
        starts, at = [], 0
        for utterance in utterances:
            starts += [at + start for start in aligner.starts(utterance.pcm, utterance.text)]
            at += len(utterance.pcm) + GAP_SAMPLES
        out.append(Reply(utterances, " ".join(texts).split(), Rendition(utterances).sent, starts))
    voice.close()
    return out


def stopped(reply: Reply, frame: int) -> Stop:
    """Stop a reply and look at what was sent."""
    cut = Rendition(reply.utterances, frame)
    assert cut.turn is not None
    assert cut.row is not None
    heard = len(cut.turn.heard_text.split())
    assert cut.turn.heard_text.split() == list(reply.words[:heard])
    assert cut.turn.unheard_text.split() == list(reply.words[heard:])
    assert cut.turn.cut_word in ("", reply.words[heard])
    assert cut.row.cut_word == cut.turn.cut_word
    size = min(len(cut.sent), len(reply.sent))
    last = int(np.flatnonzero(cut.sent)[-1]) + 1
    ends = np.cumsum([len(u.pcm) + GAP_SAMPLES for u in reply.utterances])
    return Stop(
        said=heard + bool(cut.turn.cut_word) - 1,
        true=bisect.bisect_right(reply.starts, last) - 1,
        ended=cut.turn.ended_ms * SAMPLES_PER_MS,
        last_heard=last,
        differs=int(np.flatnonzero(cut.sent[:size] != reply.sent[:size])[0]),
        played=cut.row.played_ms * SAMPLES_PER_MS,
        gaps=GAP_SAMPLES * int(np.searchsorted(ends, last)),
    )


@pytest.fixture(scope="module")
def stops(replies: list[Reply]) -> list[Stop]:
    chance = random.Random(1)
    out = []
    for _ in range(STOPS):
        reply = chance.choice(replies)
        out.append(stopped(reply, chance.randrange(10, len(reply.sent) // FRAME_SAMPLES - 10)))
    return out


def test_what_is_played_is_what_the_voice_made(replies: list[Reply]) -> None:
    for reply in replies:
        at = 0
        for utterance in reply.utterances:
            assert np.array_equal(reply.sent[at : at + len(utterance.pcm)], utterance.pcm)
            at += len(utterance.pcm) + GAP_SAMPLES


def test_the_cut_word_is_exact_in_90_and_within_one_in_99_of_100(stops: list[Stop]) -> None:
    off = [abs(stop.said - stop.true) for stop in stops]
    assert sum(n == 0 for n in off) >= 90
    assert sum(n <= 1 for n in off) >= 99


def test_the_place_is_right_to_60_ms_against_what_was_sent(stops: list[Stop]) -> None:
    near = samples(NEAR_MS)
    for stop in stops:
        assert stop.last_heard - near <= stop.ended <= stop.differs + near
        assert stop.last_heard - near <= stop.played + stop.gaps <= stop.differs + near
