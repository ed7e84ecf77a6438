"""What the agent learns about the caller's voice, and what that does to other people near the phone."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, RATE, dbfs, samples
from bargein.core.turns import caller_voice
from bargein.core.turns.caller_voice import CallerVoice
from bargein.core.turns.endpoint import CallerTurn, Preroll
from bargein.core.turns.prosody import SpeechTrack
from bargein.core.turns.table import State
from bargein.core.turns.transcript import Transcript
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_hold import Held
from tests.fakes import LOUD

NOTHING = np.zeros(0)
OWN, HIGHER = np.linspace(10.0, 14.0, 100), np.full(20, 20.0)  # semitones


def learned(*levels: float) -> CallerVoice:
    voice = CallerVoice()
    for level in levels:
        voice.learn(level, OWN)
    return voice


def voiced(hz: float, seconds: float) -> np.ndarray:
    """A buzz at -15 dBFS or so, with the harmonics of a voice."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (3000 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 9))).astype(np.int16)


def test_nothing_is_expected_of_a_caller_who_was_not_heard() -> None:
    assert not CallerVoice().known
    assert CallerVoice().least_dbfs(0, 500, HIGHER) == -100.0


def test_the_longer_a_sound_lasts_the_louder_it_has_to_be() -> None:
    least = [learned(-20, -21, -19).least_dbfs(0, since, NOTHING) for since in (100, 330, 800, 3000)]
    assert least == [-34.0, -31.0, -29.0, -29.0]


def test_one_turn_tells_less_of_the_level_than_two() -> None:
    assert learned(-20).least_dbfs(0, 800, NOTHING) < learned(-20, -20).least_dbfs(0, 800, NOTHING)


def test_another_pitch_has_to_be_louder_but_one_as_loud_as_the_caller_always_counts() -> None:
    voice = learned(-20, -20)
    own, higher = voice.least_dbfs(0, 800, OWN[40:60]), voice.least_dbfs(0, 800, HIGHER)
    assert own == voice.least_dbfs(0, 800, HIGHER[:3]) == -29.0  # three measures tell nothing
    assert higher == -25.0
    assert voice.least_dbfs(0, 150, HIGHER) == -30.0  # words begin softly


def test_somebody_else_who_was_heard_is_expected_again_for_a_while() -> None:
    voice = learned(-20, -20)
    voice.reject(-32.0, now=1000)
    assert voice.least_dbfs(2000, 100, NOTHING) == -31.0
    voice.reject(-21.0, now=2000)  # never so near to the caller's own level that the caller would not count
    assert voice.least_dbfs(3000, 100, NOTHING) == -20 - caller_voice.OTHER_NEAR_DB
    assert voice.least_dbfs(2001 + samples(10_000), 100, NOTHING) == -34.0


def test_a_caller_who_has_become_softer_is_believed_after_two_turns() -> None:
    voice = learned(-20, -20, -20, -32)
    assert voice.least_dbfs(0, 800, NOTHING) == -29.0
    voice.learn(-30, OWN)
    assert voice.least_dbfs(0, 800, NOTHING) == -39.0


def test_a_knock_at_the_receiver_is_not_the_caller_s_level() -> None:
    assert learned(-8, -25).least_dbfs(0, 800, NOTHING) == -34.0
    call = Held([MENU, MENU], ["I want the blue one", "that one", "no"], word=0.9)
    call.run(600)
    call.run(700, (LOUD * 10 ** (-14 / 20)).astype(np.int16))
    call.run(40, LOUD)
    call.run(1500)
    call.run(300, (LOUD * 10 ** (-14 / 20)).astype(np.int16))
    assert call.core.state in (State.PAUSED, State.YIELDED)


def test_who_talks_over_a_notice_may_be_our_echo_and_is_not_learned() -> None:
    call = Held([MENU, MENU], ["I want the blue one"], word=0.9)
    learned_from = []
    call.core._caller._voice.learn = lambda level, pitch: learned_from.append(level)  # type: ignore[method-assign]
    call.core._caller.turn = CallerTurn(1, 0, 0, transcript=Transcript("please hold"))
    call.core._caller.end_turn(1000, own=False)
    assert not learned_from
    call.core._caller.turn = CallerTurn(2, 0, 0, transcript=Transcript("please hold"))
    call.core._caller.end_turn(1000)
    assert learned_from


@pytest.mark.parametrize("hz", [90, 150, 240])
def test_the_track_knows_the_pitch_of_the_last_sound(hz: float) -> None:
    line = Preroll()
    track = SpeechTrack(line)
    for frame in np.concatenate([voiced(120, 1.0), voiced(hz, 0.6)]).reshape(-1, FRAME_SAMPLES):
        line.push(frame)
        track.follow()
    pitch = track.pitch(samples(500))
    assert len(pitch) >= 30
    assert abs(np.median(pitch) - 12 * np.log2(hz / (RATE / 134))) < 0.5
    assert len(track.pitch(0)) == 0


def test_somebody_who_is_softer_and_lasts_does_not_stop_the_agent() -> None:
    """13 dB below the caller: the agent falls silent at the first word, and talks on as soon as it knows better."""
    call = Held([MENU, f"{MENU} {MENU}"], ["I want the blue one", "here is the news", "no"], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.run(1500)
    assert call.core.state is State.SPEAKING
    colleague = (LOUD * 10 ** (-13 / 20)).astype(np.int16)
    call.run(1500, colleague)
    assert call.core.state is State.SPEAKING
    assert list(call.rows.values())[-1].resolution == "held"
    call.run(300, LOUD)  # the caller talks over it
    assert call.core.state in (State.PAUSED, State.YIELDED)


def test_after_the_phone_was_handed_over_the_next_person_stops_the_agent() -> None:
    call = Held([MENU, MENU], ["I want the blue one", "hello this is Ann"], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.run(1500)
    call.run(200, (LOUD * 10 ** (-4 / 20)).astype(np.int16))
    assert call.core.state in (State.PAUSED, State.YIELDED)


def test_the_next_call_knows_nothing_of_this_caller() -> None:
    softer = (LOUD * 10 ** (-13 / 20)).astype(np.int16)
    assert dbfs(softer) > -36.0  # louder than other people in a room usually are
    for _ in range(2):
        call = Held([MENU, MENU], ["I want the blue one"] * 2, word=0.9)
        call.run(600)
        call.run(700, softer)
        assert call.core.state in (State.PAUSED, State.YIELDED)
        call.run(1500)
        call.run(700, LOUD)


def test_the_pitch_of_a_sound_over_the_agent_is_measured_only_once_there_is_a_caller_to_compare_it_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = []
    monkeypatch.setattr(SpeechTrack, "_measure", lambda self, most: measured.append(most))
    call = Held([MENU, MENU], ["mm"], word=0.1)
    call.run(600)
    call.run(200, LOUD)
    assert not measured
