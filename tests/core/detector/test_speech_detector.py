"""Hearing as a whole with the shipped weights: a real voice over an agent, its echo, clumps, gaps and long waits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, RATE
from bargein.core.detector.block import ROW
from bargein.core.detector.decision import QUIET_DBFS, SAID, begin, decide
from bargein.core.detector.speech_detector import SpeechDetector
from bargein.core.detector.vad_frame import BACKGROUND_SPEECH_DBFS, VadFrame
from bargein.data.trained import load_weights
from bargein.speech.tts_hibari import HibariTts

RNG_LEVEL = 10 ** (-62 / 20)


@cache
def said(text: str) -> np.ndarray:
    """The embedded voice, float, about -24 dBFS, without leading silence."""
    x = HibariTts().synthesize(text).pcm.astype(np.float64) / 32768
    loud = np.flatnonzero(np.abs(x) > 0.02)
    x = x[loud[0] : loud[-1]]
    return np.asarray(x * 10 ** (-24 / 20) / np.sqrt(np.mean(x[np.abs(x) > 0.005] ** 2)))


@cache
def agent_talk(seconds: float) -> np.ndarray:
    text = "Thank you for calling. I can connect you with billing, or with our technical support. Please hold on."
    x = 1.4 * said(text)
    return np.asarray(np.resize(x, int(seconds * RATE)))


def room(seconds: float, seed: int = 1) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * RNG_LEVEL)


def with_caller(
    line: np.ndarray, at_s: float, level_db: float = 0.0, text: str = "No, wait a moment please."
) -> np.ndarray:
    x = said(text) * 10 ** (level_db / 20)
    out, at = line.copy(), int(at_s * RATE)
    out[at : at + len(x)] += x[: len(line) - at]
    return out


def echo(far: np.ndarray, delay_ms: float, loss_db: float) -> np.ndarray:
    h = np.random.default_rng(3).standard_normal(800) * np.exp(-np.arange(800) / 120)
    h *= 10 ** (-loss_db / 20) / np.sqrt(np.sum(h**2))
    delay = int(delay_ms * 8)
    return np.asarray(np.concatenate([np.zeros(delay), np.convolve(far, h)])[: len(far)])


def frames(x: np.ndarray) -> list[np.ndarray]:
    pcm = np.round(np.clip(x, -1, 0.9999) * 32768).clip(-32768, 32767).astype(np.int16)
    return [pcm[a : a + FRAME_SAMPLES] for a in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]


def run(detector: SpeechDetector, sent: np.ndarray, line: np.ndarray, sensitivity: float = 0.5) -> Iterator[VadFrame]:
    for far, near in zip(frames(sent), frames(line), strict=True):
        detector.push_reference(far)
        frame = detector.process(near, sensitivity)
        if frame.onset_retracted:
            detector.rearm()
        yield frame


def onset_ms(evidence: list[VadFrame], at_s: float) -> list[float]:
    """Of every onset that was not taken back: ms after at_s, at the end of its frame."""
    out: list[float] = []
    for i, e in enumerate(evidence):
        if e.onset:
            out.append((i + 1) * 20 - at_s * 1000)
        if e.onset_retracted:
            out.pop()
    return out


@pytest.fixture
def hearing() -> SpeechDetector:
    return SpeechDetector(load_weights())


@pytest.mark.parametrize("level_db", [4, 0, -11, -14])
def test_quiet_and_loud_callers_are_heard_at_once(hearing: SpeechDetector, level_db: float) -> None:
    heard = list(run(hearing, agent_talk(4), with_caller(room(4), 2.0, level_db)))
    assert len(onset_ms(heard, 2.0)) == 1
    assert 0 < onset_ms(heard, 2.0)[0] <= 140


TALKS = (
    "No, wait a moment please.",
    "Yes, I do.",
    "Can I have the other one?",
    "Three of them.",
    "Okay, and the price?",
)


def latency_ms(level_db: float, at: float) -> float:
    """Mean over TALKS, `at` seconds into a call from a quiet room."""
    heard = []
    for text in TALKS:
        line = with_caller(room(at + 2), at, level_db=level_db, text=text)
        heard.append(onset_ms(list(run(SpeechDetector(load_weights()), agent_talk(at + 2), line)), at)[0])
    return float(np.mean(heard))


@pytest.mark.parametrize("at", [2.0, 10.3])
def test_a_caller_at_35_dbfs_is_heard_as_fast_as_a_loud_one(at: float) -> None:
    assert latency_ms(-35 - -24, at) <= latency_ms(-20 - -24, at) + 10


def test_where_people_talk_in_the_room_what_is_quieter_than_a_caller_is_one_of_them(hearing: SpeechDetector) -> None:
    quiet = list(run(hearing, agent_talk(15), room(15)))
    assert quiet[0].background_speech_dbfs == pytest.approx(BACKGROUND_SPEECH_DBFS, abs=0.1)
    assert quiet[-1].background_speech_dbfs == QUIET_DBFS
    line = with_caller(room(15), 13.0, level_db=-12, text="Thank you for calling. I can connect you with billing.")
    talk = list(run(SpeechDetector(load_weights()), agent_talk(15), line))
    assert talk[-1].background_speech_dbfs == BACKGROUND_SPEECH_DBFS


def test_onset_says_where_the_sound_began(hearing: SpeechDetector) -> None:
    heard = list(run(hearing, agent_talk(4), with_caller(room(4), 2.0)))
    at = next(i for i, e in enumerate(heard) if e.onset)
    began = (at + 1) * FRAME_SAMPLES - heard[at].onset_samples_ago
    assert abs(began - 2.0 * RATE) <= 480  # 60 ms


@pytest.mark.parametrize("loss_db", [10, 16])
@pytest.mark.parametrize("delay_ms", [10, 120, 250, 380])
def test_own_echo_is_no_caller_from_the_first_second(hearing: SpeechDetector, delay_ms: float, loss_db: float) -> None:
    far = agent_talk(12)
    heard = list(run(hearing, far, room(12) + echo(far, delay_ms, loss_db)))
    assert onset_ms(heard, 0) == []


def test_a_caller_in_the_first_second_is_heard_all_the_same(hearing: SpeechDetector) -> None:
    heard = list(run(hearing, agent_talk(4), with_caller(room(4), 0.5)))
    assert 0 < onset_ms(heard, 0.5)[0] <= 300


def test_caller_is_heard_through_echo(hearing: SpeechDetector) -> None:
    far = agent_talk(8)
    heard = list(run(hearing, far, with_caller(room(8) + echo(far, 90, 14), 6.0)))
    assert len(onset_ms(heard, 6.0)) == 1
    assert 0 < onset_ms(heard, 6.0)[0] <= 240


VOICE, NOISE = (2.0, 4.0, 2.0), (-9.0, -9.0, -9.0)


class Decisions:
    """The decision alone: log odds of the network in, (onset, retracted) out."""

    def __init__(self) -> None:
        self._rows = np.zeros(1, ROW)
        self._rows["level_db"], self._rows["echo_db"] = -25.0, -100.0
        begin(self._rows, 0)

    def of(self, log_odds: tuple[float, float, float], moved: bool = False) -> tuple[bool, bool]:
        self._rows["log_odds"][0], self._rows["moved"] = log_odds, moved
        decide(self._rows, np.zeros(1, np.int64), np.full(1, 0.5), np.zeros((1, SAID)))
        return bool(self._rows["onset"][0]), bool(self._rows["retracted"][0])


def test_an_onset_just_before_the_echo_was_found_to_have_moved_is_taken_back() -> None:
    decisions = Decisions()
    for _ in range(20):
        decisions.of(NOISE)
    said = [decisions.of(VOICE, moved=frame == 5) for frame in range(10)]
    onset = next(i for i, (onset, _) in enumerate(said) if onset)
    assert onset < 5
    assert [i for i, (_, retracted) in enumerate(said) if retracted] == [5]


@pytest.mark.parametrize(("kind", "onsets"), [(2.0, 1), (-0.5, 1), (-2.0, 0)])
def test_what_is_more_like_a_cough_than_a_voice_does_not_pause_the_agent_however_near_it_is(
    kind: float, onsets: int
) -> None:
    decisions = Decisions()
    assert sum(decisions.of((2.0, 4.0, kind))[0] for _ in range(25)) == onsets


def test_a_caller_after_the_echo_has_moved_is_heard(hearing: SpeechDetector) -> None:
    far, at = agent_talk(9), 5 * RATE
    line = np.concatenate([echo(far, 80, 10)[:at], echo(far, 100, 10)[at:]]) + room(9)
    assert onset_ms(list(run(hearing, far, with_caller(line, 5.5))), 5.5)[0] < 300


def test_voiced_follows_the_sound_and_ends_with_it(hearing: SpeechDetector) -> None:
    heard = list(run(hearing, np.zeros(4 * RATE), with_caller(room(4), 1.0)))
    voiced = np.array([e.voiced for e in heard])
    end = 1.0 + len(said("No, wait a moment please.")) / RATE
    assert abs((np.flatnonzero(voiced)[-1] + 1) / 50 - end) < 0.16
    assert not voiced[:50].any()


def test_the_room_behind_the_caller_does_not_prolong_the_sound(hearing: SpeechDetector) -> None:
    """A phone with a noise gate opens at the voice and lets half a second of the room through after it."""
    line = room(4)
    end = 2 * RATE + len(said("Okay."))
    line[2 * RATE : end + RATE // 2] += np.random.default_rng(2).standard_normal(end + RATE // 2 - 2 * RATE) * 0.0022
    evidence = list(run(hearing, np.zeros(len(line)), with_caller(line, 2.0, text="Okay.")))
    last = max(i for i, e in enumerate(evidence) if e.voiced)
    assert (last + 1) * 20 - end / 8 <= 200


def test_silent_agent_leaves_the_line_for_the_recognizer(hearing: SpeechDetector) -> None:
    line = with_caller(room(2), 0.5)
    near = np.concatenate([e.near for e in run(hearing, np.zeros(2 * RATE), line)])
    assert np.array_equal(near, np.concatenate(frames(line)))


def test_fires_once_until_rearmed(hearing: SpeechDetector) -> None:
    line = with_caller(with_caller(room(8), 1.0), 5.0)
    first, second = line[: 4 * RATE], line[4 * RATE :]
    heard = list(run(hearing, np.zeros_like(first), first))
    hearing.rearm()
    again = list(run(hearing, np.zeros_like(second), second))
    assert sum(e.onset for e in heard) == 1
    assert sum(e.onset for e in again) == 1


def test_deaf_and_jumpy() -> None:
    far = agent_talk(4)
    line = with_caller(room(4), 2.0)
    deaf = list(run(SpeechDetector(load_weights()), far, line, sensitivity=0.0))
    jumpy = list(run(SpeechDetector(load_weights()), far, line, sensitivity=1.0))
    assert any(e.onset for e in jumpy)
    first = [next((i for i, e in enumerate(h) if e.onset), 999) for h in (jumpy, deaf)]
    assert first[0] <= first[1]


@pytest.mark.parametrize("clump", [2, 3])
def test_clumps_of_frames_keep_the_reference_in_step(hearing: SpeechDetector, clump: int) -> None:
    far = agent_talk(12)
    sent, line = frames(far), frames(room(12) + echo(far, 100, 12))
    heard: list[VadFrame] = []
    for i in range(0, len(line) - clump, clump):
        for j in range(clump):
            hearing.push_reference(sent[i + j])
        heard += [hearing.process(line[i + j]) for j in range(clump)]
    assert onset_ms(heard, 0) == []


def test_after_a_minute_without_frames_the_echo_is_still_known(hearing: SpeechDetector) -> None:
    far = agent_talk(76)
    sent, line = frames(far), frames(room(76) + echo(far, 100, 12))
    heard: list[VadFrame] = []
    for i in range(len(sent)):
        hearing.push_reference(sent[i])
        if not 400 <= i < 3400:
            heard.append(hearing.process(line[i]))
    assert onset_ms(heard, 0) == []
    later = np.concatenate([e.near for e in heard[-50:]]).astype(float)
    raw = np.concatenate(line[-50:]).astype(float)
    assert np.mean(later**2) < 0.1 * np.mean(raw**2)


def test_minutes_of_silence_change_nothing() -> None:
    line = with_caller(room(4), 2.0)
    fresh, waited = SpeechDetector(load_weights()), SpeechDetector(load_weights())
    for _ in run(waited, np.zeros(120 * RATE), np.tile(room(10, seed=5), 12)):
        pass
    first = onset_ms(list(run(fresh, np.zeros(4 * RATE), line)), 2.0)
    later = onset_ms(list(run(waited, np.zeros(4 * RATE), line)), 2.0)
    assert len(first) == len(later) == 1
    assert abs(first[0] - later[0]) <= 40


def test_same_recording_same_decisions() -> None:
    far = agent_talk(4)
    line = with_caller(room(4) + echo(far, 50, 15), 2.0)
    once = [(e.onset, e.score, e.speechlike) for e in run(SpeechDetector(load_weights()), far, line)]
    assert once == [(e.onset, e.score, e.speechlike) for e in run(SpeechDetector(load_weights()), far, line)]
