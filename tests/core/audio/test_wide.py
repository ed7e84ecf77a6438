"""16 kHz beside 8: the half-band filter, and playback whose frames have a twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.core.audio.growing import GrowingUtterance
from bargein.core.audio.halfband import LATE_SAMPLES, Halver, doubled_part
from bargein.core.audio.pcm import FRAME_SAMPLES, FULL_SCALE, RATE, WIDE_RATE, Pcm
from bargein.core.audio.pcm import WIDE as WIDE_FACTOR
from bargein.core.audio.playback import Playback
from bargein.core.audio.playout import Segment
from bargein.core.audio.twin import FADE_SAMPLES, FALL_SAMPLES
from bargein.core.audio.utterance import Utterance, Word
from bargein.speech.audio import with_upper

NOISE = (np.random.default_rng(1).normal(size=4 * WIDE_RATE // 10) * 3000).astype(np.int16)
NARROW = (6000 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)).astype(np.int16)
WIDE = (6000 * np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / WIDE_RATE)).astype(np.int16)
SAID = Utterance("one two", NARROW, (Word("one", 0, RATE // 2), Word("two", RATE // 2, RATE)), WIDE)


def tone(hz: int, rate: int) -> Pcm:
    return (10_000 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)).astype(np.int16)


def level_db(pcm: Pcm) -> float:
    """Against a tone of `tone`, without the ends."""
    return float(20 * np.log10(np.std(pcm[200:-200].astype(float)) / (10_000 / np.sqrt(2)) + 1e-9))


def test_the_telephone_band_passes_and_what_would_fold_into_it_does_not() -> None:
    assert all(abs(level_db(Halver().feed(tone(hz, WIDE_RATE))[0])) < 0.05 for hz in (100, 1000, 2500, 3400))
    assert all(level_db(Halver().feed(tone(hz, WIDE_RATE))[0]) < -60 for hz in (4600, 5000, 6000, 7500))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 500), max_size=8))
def test_pieces_give_what_the_whole_gives(cuts: list[int]) -> None:
    halver = Halver()
    pieces = [halver.feed(piece) for piece in np.split(NOISE, sorted(cuts))]
    for band, whole in enumerate(Halver().feed(NOISE)):
        assert np.array_equal(np.concatenate([piece[band] for piece in pieces]), whole)


def test_both_bands_together_are_the_line_but_late() -> None:
    lower, upper = Halver().feed(NOISE)
    late = WIDE_FACTOR * LATE_SAMPLES
    together = with_upper(lower, upper) * FULL_SCALE
    middle = slice(late + 400, -400)
    difference = together[middle] - NOISE[middle.start - late : middle.stop - late]
    assert np.std(difference) < 0.2 * np.std(NOISE)  # some is lost between the bands, at 4 kHz
    assert len(upper) == WIDE_FACTOR * len(lower)


def test_there_and_back_is_the_same_but_late() -> None:
    sound = tone(1000, RATE)
    parts = [doubled_part(sound, at, at + 200) for at in range(0, RATE, 200)]
    back = Halver().feed(np.concatenate(parts))[0].astype(int)
    assert np.max(np.abs(back[LATE_SAMPLES + 200 : -200] - sound[200 : -LATE_SAMPLES - 200])) <= 2
    assert len(doubled_part(sound[:3], 0, 3)) == 6


class Pair:
    """A playback for 8 kHz and one with twins, that are told the same."""

    def __init__(self) -> None:
        self.narrow, self.wide = Playback(), Playback(wideband=True)
        self.now = 0

    def frame(self) -> tuple[Pcm, Pcm]:
        """The next frame of 8 kHz, the same of both, and its twin."""
        frame, same = self.narrow.next_frame(self.now), self.wide.next_frame(self.now)
        assert np.array_equal(frame, same)
        assert self.narrow.wide is None
        assert self.wide.wide is not None
        self.now += FRAME_SAMPLES
        return frame, self.wide.wide

    def tell(self, method: str, *arguments: object) -> None:
        for playback in (self.narrow, self.wide):
            getattr(playback, method)(*arguments)


def matches(frame: Pcm, twin: Pcm, within: int = 130) -> bool:
    """Whether every other sample of the twin is the frame."""
    return len(twin) == 2 * len(frame) and bool(np.max(np.abs(twin[::2].astype(int) - frame)) <= within)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(0, 6), st.sampled_from(["pause", "duck", "cut"]), st.booleans())
def test_a_twin_follows_its_frame_through_fades_ducks_and_resumptions(
    before: int, hold: int, what: str, at_once: bool
) -> None:
    pair = Pair()
    pair.tell("enqueue", Segment(SAID))
    frames = [pair.frame() for _ in range(before)]
    pair.tell("duck") if what == "duck" else pair.tell("pause")
    if what == "cut":
        pair.tell("cut", pair.now)
        pair.tell("enqueue", Segment(SAID))
    frames += [pair.frame() for _ in range(hold)]
    pair.tell("duck", 0.0) if what == "duck" else pair.tell("resume", at_once)
    frames += [pair.frame() for _ in range(80)]
    assert all(matches(*frame) for frame in frames)
    assert pair.narrow.playout() == pair.wide.playout()


def test_a_sentence_that_comes_while_it_is_played_has_twins() -> None:
    pair = Pair()
    growing = GrowingUtterance("one two", lambda last: (Word("one", 0, last),), RATE)
    pair.tell("enqueue", Segment(growing))
    frames = []
    for at in range(0, RATE, 1000):
        growing.append(NARROW[at : at + 1000])
        frames += [pair.frame() for _ in range(8)]
    assert pair.wide.underruns == pair.narrow.underruns > 0
    assert sum(bool(twin.any()) for _, twin in frames) > 20
    assert all(matches(*frame) for frame in frames)


def test_a_twin_fades_out_without_a_step() -> None:
    pair = Pair()
    pair.tell("enqueue", Segment(SAID))
    for _ in range(10):
        pair.frame()
    pair.tell("pause")
    _, twin = pair.frame()
    assert np.max(np.abs(twin[:40])) > 3000
    assert np.max(np.abs(twin[2 * FALL_SAMPLES : 2 * FADE_SAMPLES])) < 350
    assert np.max(np.abs(np.diff(twin[: 2 * FADE_SAMPLES].astype(int)))) < 2400
    assert not twin[2 * FADE_SAMPLES :].any()
    assert not pair.frame()[1].any()


def test_what_the_caller_hears_of_speech_with_highs_has_them_and_8_khz_alone_is_doubled() -> None:
    highs = (6000 * np.sin(2 * np.pi * 6000 * np.arange(2 * RATE) / WIDE_RATE)).astype(np.int16)
    playback = Playback(wideband=True)
    playback.enqueue(Segment(replace(SAID, wide=highs)))
    playback.enqueue(Segment(replace(SAID, wide=None)))
    twins = []
    for at in range(120):
        playback.next_frame(at * FRAME_SAMPLES)
        assert playback.wide is not None
        twins.append(playback.wide)
    heard = np.concatenate(twins)
    assert np.array_equal(heard[: 2 * RATE], highs)
    assert np.max(np.abs(heard[-2000:])) == 0
    again = np.flatnonzero(heard[2 * RATE :])[0] + 2 * RATE
    assert np.max(np.abs(heard[again : again + 15_000].astype(int) - WIDE[again % 2 :][:15_000])) < 700
