"""A sentence that is played while it is being made: what is heard of it, and the pause when it runs dry."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.growing import GrowingUtterance
from bargein.core.audio.pcm import FRAME_SAMPLES, Pcm, samples
from bargein.core.audio.playback import REFILL_SAMPLES, Playback
from bargein.core.audio.playout import Segment
from bargein.core.audio.utterance import spread

TEXT = "one two three four"
LONG = samples(1200)
SPEECH: Pcm = np.round(8000 * np.sin(np.arange(LONG) * 2 * np.pi * 200 / 8000)).astype(np.int16)


def growing(expected: int = LONG) -> GrowingUtterance:
    return Twice(TEXT, lambda last: spread(TEXT, 0, last), expected, wide=True)


class Twice(GrowingUtterance):
    """At 16 kHz each sample comes twice."""

    def append(self, pcm: Pcm, wide: Pcm | None = None) -> None:
        super().append(pcm, np.repeat(pcm, 2))


class Line:
    def __init__(self, utterance: GrowingUtterance) -> None:
        self.playback = Playback(wideband=True)
        self.wide: Pcm = np.zeros(0, np.int16)
        self.playback.enqueue(Segment(utterance))  # type: ignore[arg-type]
        self.sent: Pcm = np.zeros(0, np.int16)

    def play(self, ms: int) -> Pcm:
        frames = []
        for i in range(ms // 20):
            frames.append(self.playback.next_frame(len(self.sent) + i * FRAME_SAMPLES))
            assert self.playback.wide is not None
            self.wide = np.concatenate([self.wide, self.playback.wide])
        self.sent = np.concatenate([self.sent, *frames])
        assert np.abs(self.wide[::2].astype(int) - self.sent).max() < 900  # fades differ a little
        return np.concatenate(frames)

    @property
    def largest_step(self) -> int:
        return int(np.abs(np.diff(self.sent.astype(int))).max())


def test_it_plays_while_it_grows_and_is_the_same_as_if_it_had_been_there() -> None:
    utterance = growing()
    line = Line(utterance)
    for at in range(0, LONG, samples(100)):
        utterance.append(SPEECH[at : at + samples(100)])
        if at:
            line.play(100)
    utterance.complete(LONG, LONG)
    line.play(200)
    assert np.array_equal(line.sent[:LONG], SPEECH)
    assert line.playback.idle
    assert line.playback.underruns == 0
    assert line.playback.playout().heard_text == TEXT


@pytest.mark.parametrize("arrived_ms", [330, 400, 485])
def test_when_it_runs_dry_it_pauses_without_a_click_and_goes_on_without_a_loss(arrived_ms: int) -> None:
    utterance = growing()
    line = Line(utterance)
    come = samples(arrived_ms)
    utterance.append(SPEECH[:come])
    line.play(1000)
    assert line.playback.underruns == 1
    assert not line.playback.idle
    utterance.append(SPEECH[come : come + samples(40)])
    assert not line.play(100).any()  # that would run dry at once
    utterance.append(SPEECH[come + samples(40) : come + REFILL_SAMPLES])
    assert line.play(100).any()
    utterance.append(SPEECH[come + REFILL_SAMPLES :])
    utterance.complete(LONG, LONG)
    line.play(1500)
    assert line.playback.underruns == 1
    assert line.largest_step < 2000  # of the tone itself: 1255
    assert line.playback.playout().heard_text == TEXT
    after = line.sent[np.flatnonzero(line.sent)[0] + samples(1000) :]
    assert samples(1200 - arrived_ms) <= np.count_nonzero(after) <= samples(1200 - arrived_ms + 100)


@pytest.mark.parametrize("expected_ms", [300, 1200, 3000])
def test_of_a_sentence_that_is_cut_while_it_grows_the_last_word_was_not_heard(expected_ms: int) -> None:
    utterance = growing(samples(expected_ms))
    line = Line(utterance)
    utterance.append(SPEECH[: samples(600)])
    line.play(560)
    heard = line.playback.cut(len(line.sent))
    assert heard.unheard_text.endswith("four")
    assert f"{heard.heard_text} {heard.unheard_text}".split() == TEXT.split()
    if expected_ms == 1200:
        assert heard.heard_text == "one two"
        assert heard.cut_word == "three"


def test_what_breaks_off_ends_with_a_fade_and_the_next_sentence_follows() -> None:
    utterance = growing()
    line = Line(utterance)
    utterance.append(SPEECH[: samples(600)])
    line.play(300)
    utterance.break_off()
    line.play(500)
    assert line.playback.idle
    assert line.largest_step < 2000
    assert line.playback.underruns == 0
    assert "four" in line.playback.playout().unheard_text
    dry = growing()
    dry.append(SPEECH[: samples(600)])
    line = Line(dry)
    line.play(2000)
    dry.break_off()
    other = growing()
    other.append(SPEECH)
    other.complete(LONG, LONG)
    line.playback.enqueue(Segment(other))  # type: ignore[arg-type]
    assert np.array_equal(line.play(1200), SPEECH)


def test_the_caller_speaks_in_such_a_pause() -> None:
    utterance = growing()
    line = Line(utterance)
    utterance.append(SPEECH[: samples(600)])
    line.play(1000)
    line.playback.pause()
    utterance.append(SPEECH[samples(600) :])
    utterance.complete(LONG, LONG)
    assert not line.play(200).any()
    line.playback.resume()
    line.play(1500)
    assert line.playback.playout().heard_text == TEXT
    assert line.largest_step < 2000


def test_silence_that_is_cut_off_at_the_end_may_have_been_played() -> None:
    utterance = growing()
    line = Line(utterance)
    utterance.append(SPEECH)
    utterance.append(np.zeros(samples(1000), np.int16))
    line.play(1800)
    utterance.complete(LONG + samples(120), LONG)
    line.play(40)
    assert line.playback.idle
    assert line.playback.playout().heard_text == TEXT
