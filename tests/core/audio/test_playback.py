"""The playback cursor: fades, resumption, and what was heard to the word."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio.pcm import FRAME_SAMPLES, Pcm, samples
from bargein.core.audio.playback import GAP_SAMPLES, SOFT_PEAK, Playback, restart_point
from bargein.core.audio.playout import Segment
from bargein.core.audio.twin import FADE_SAMPLES
from bargein.core.audio.utterance import Utterance, Word, spread

WORD = samples(300)


def line(text: str = "one two three four", level: int = 8000, **options: object) -> Segment:
    """Each word 300 ms of a square wave."""
    words = tuple(Word(w, i * WORD, (i + 1) * WORD) for i, w in enumerate(text.split()))
    pcm = np.where(np.arange(WORD * len(words)) % 20 < 10, level, -level).astype(np.int16)
    return Segment(Utterance(text, pcm, words), **options)  # type: ignore[arg-type]


def play(playback: Playback, frames: int, now: int = 0) -> Pcm:
    return np.concatenate([playback.next_frame(now + i * FRAME_SAMPLES) for i in range(frames)])


def test_it_plays_what_it_was_given_and_then_silence() -> None:
    playback, one = Playback(), line()
    playback.enqueue(one)
    out = play(playback, 100)
    assert np.array_equal(out[: len(one.utterance.pcm)], one.utterance.pcm)
    assert not out[len(one.utterance.pcm) :].any()
    assert playback.idle
    heard = playback.playout()
    assert (heard.heard_text, heard.unheard_text, heard.cut_word) == ("one two three four", "", "")
    assert [w.start for w in heard.words] == [0, WORD, 2 * WORD, 3 * WORD]


def test_the_words_that_have_begun_are_what_it_says() -> None:
    playback = Playback()
    assert playback.saying == ""
    playback.enqueue(line())
    play(playback, 16)  # 320 ms
    assert playback.saying == "one two"
    play(playback, 60)
    assert playback.saying == ""


def test_a_pause_fades_within_15_ms_and_holds() -> None:
    playback = Playback()
    playback.enqueue(line())
    play(playback, 20)
    playback.pause()
    frame = playback.next_frame(20 * FRAME_SAMPLES)
    assert np.max(np.abs(frame[:20])) > 7000
    assert np.max(np.abs(frame[FADE_SAMPLES - 4 : FADE_SAMPLES])) < 60
    assert not frame[FADE_SAMPLES:].any()
    assert not play(playback, 50, 21 * FRAME_SAMPLES).any()


def test_the_attack_of_the_next_word_does_not_come_out_in_the_fade() -> None:
    quiet, attack = np.resize([300, -300], 4 * FRAME_SAMPLES), np.resize([-20000, 20000], WORD)
    playback = Playback()
    playback.enqueue(Segment(Utterance("word", np.concatenate([quiet, attack]).astype(np.int16), ())))
    play(playback, 4)
    playback.pause()
    assert 0 < np.max(np.abs(playback.next_frame(4 * FRAME_SAMPLES))) <= 300


@given(st.integers(1, 58))
def test_a_resumption_loses_nothing_and_repeats_only_the_cut_word(frames: int) -> None:
    playback = Playback()
    playback.enqueue(line())
    play(playback, frames)
    playback.pause()
    play(playback, 10, frames * FRAME_SAMPLES)
    cut = frames * FRAME_SAMPLES + FADE_SAMPLES
    before = playback.playout()
    playback.resume()
    rest = play(playback, 100, (frames + 10) * FRAME_SAMPLES)
    audible = np.flatnonzero(rest)[-1] + 1
    again = audible - (4 * WORD - cut)  # samples that were sent twice
    assert min(cut, samples(40)) <= again <= WORD + samples(40)
    assert np.max(np.abs(rest[:8])) < 500  # fades in
    heard = playback.playout()
    assert heard.heard_text == "one two three four"
    assert before.heard_text.split() == ["one", "two", "three", "four"][: len(before.heard_text.split())]


def test_the_cut_word_and_how_far_it_was_heard() -> None:
    playback = Playback()
    playback.enqueue(line(step="menu"))
    playback.enqueue(line("never begun"))
    play(playback, 40)  # 800 ms: two words and 200 ms of the third
    playback.pause()
    play(playback, 1, 40 * FRAME_SAMPLES)
    heard = playback.cut(41 * FRAME_SAMPLES)
    assert heard.heard_text == "one two"
    assert heard.cut_word == "three"
    assert heard.cut_played_samples == samples(200) + FADE_SAMPLES
    assert heard.unheard_text == "three four never begun"
    assert heard.step == "menu"
    assert playback.idle
    assert playback.playout().text == ""


def test_a_turn_that_is_ended_before_its_fade_was_sent_still_fades() -> None:
    playback = Playback()
    playback.enqueue(line())
    play(playback, 10)
    playback.pause()
    playback.cut(10 * FRAME_SAMPLES)
    frame = playback.next_frame(10 * FRAME_SAMPLES)
    assert np.max(np.abs(frame[:20])) > 7000
    assert not frame[FADE_SAMPLES:].any()
    playback.enqueue(line("next"))
    assert np.max(np.abs(playback.next_frame(11 * FRAME_SAMPLES))) == 8000


def test_a_breath_between_two_sentences() -> None:
    playback = Playback()
    playback.enqueue(line("one"))
    playback.enqueue(line("two"))
    out = play(playback, 80)
    assert np.flatnonzero(out)[-1] + 1 == 2 * WORD + GAP_SAMPLES
    assert not out[WORD : WORD + GAP_SAMPLES].any()


def test_a_pause_withdrawn_before_it_was_heard_changes_nothing() -> None:
    playback, one = Playback(), line()
    playback.enqueue(one)
    first = play(playback, 5)
    playback.pause()
    playback.resume()
    rest = play(playback, 55, 5 * FRAME_SAMPLES)
    assert np.array_equal(np.concatenate([first, rest]), one.utterance.pcm)


def test_a_recording_without_words_goes_back_to_its_last_pause() -> None:
    pcm = np.full(8000, 6000, np.int16)
    pcm[3000:3400] = 0
    assert 3000 <= restart_point(Utterance("", pcm, ()), 5000) <= 3400
    assert restart_point(Utterance("", pcm, ()), 3900) <= 3900 - samples(40)
    assert restart_point(Utterance("", pcm, ()), 3350) == 3350 - samples(40) - 320  # cut in the pause
    assert restart_point(Utterance("", pcm, ()), 100) == 0


@pytest.mark.parametrize("text", ["", "one", "a long-ish sentence, with $10 and 3 commas"])
def test_words_are_spread_over_the_whole_stretch(text: str) -> None:
    words = spread(text, 100, 9000)
    assert [w.text for w in words] == text.split()
    if words:
        assert words[0].start == 100
        assert words[-1].end == 9000
        assert all(a.end == b.start for a, b in itertools.pairwise(words))


def test_a_pause_between_words_lets_nothing_of_the_next_word_out() -> None:
    pcm = np.concatenate([np.full(1600, 6000), np.zeros(320), np.full(1600, 6000)]).astype(np.int16)
    playback = Playback()
    playback.enqueue(Segment(Utterance("", pcm, ())))
    play(playback, 11)
    playback.pause()
    assert not play(playback, 5, 11 * FRAME_SAMPLES).any()
    playback.resume()
    assert np.count_nonzero(play(playback, 20, 16 * FRAME_SAMPLES)) >= 1600


def test_words_of_no_length_are_no_fault_wherever_they_are() -> None:
    """A bullet or a "$" may take no time in a voice, at the very start even."""
    pcm = np.full(WORD, 8000, np.int16)
    words = (Word("•", 0, 0), Word("one", 0, WORD), Word("-", WORD, WORD))
    playback = Playback()
    playback.enqueue(Segment(Utterance("• one -", pcm, words)))
    playback.enqueue(Segment(Utterance("• one -", pcm, words)))
    assert playback.playout().heard_text == ""
    play(playback, 2)
    assert (playback.playout().heard_text, playback.playout().cut_word) == ("•", "one")
    play(playback, 15, 2 * FRAME_SAMPLES)
    assert playback.playout().heard_text == "• one -"
    assert playback.playout().unheard_text == "• one -"


def test_a_duck_goes_down_within_10_ms_and_comes_back_without_a_step() -> None:
    playback, now, level = Playback(), 0, 8000
    playback.enqueue(Segment(Utterance("x", np.full(8000, level, np.int16), ())))
    sent = []
    for tick in range(20):
        if tick == 5:
            playback.duck(12.0)
        if tick == 10:
            playback.duck(0.0)
        sent.append(playback.next_frame(now))
        now += FRAME_SAMPLES
    pcm = np.concatenate(sent).astype(int)
    low = level * 10 ** (-12 / 20)
    assert np.all(pcm[: 5 * FRAME_SAMPLES] == level)
    assert np.all(np.abs(pcm[5 * FRAME_SAMPLES + 80 : 10 * FRAME_SAMPLES] - low) <= 1)
    assert np.all(pcm[15 * FRAME_SAMPLES :] == level)
    assert np.abs(np.diff(pcm)).max() <= level / 80 + 1


def test_a_ducked_agent_stays_audible_where_it_speaks_softly() -> None:
    playback = Playback()
    soft, loud = np.resize([800, -800], samples(40)), np.resize([8000, -8000], samples(40))
    playback.enqueue(Segment(Utterance("x", np.concatenate([loud, soft, loud, soft, loud]).astype(np.int16), ())))
    playback.duck(12.0)
    peaks = np.abs(play(playback, 10).reshape(-1, samples(5))).max(axis=1)
    assert np.all(peaks[8:16] >= 200)
    assert np.all(peaks[10:16] == SOFT_PEAK)
    assert np.all(np.abs(peaks[18:24] - 8000 * 10 ** (-12 / 20)) <= 1)
