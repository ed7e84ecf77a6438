"""When the caller's turn is over: the words, what is expected, the sound and the pace."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, RATE, samples
from bargein.core.detector.vad_frame import VadFrame
from bargein.core.language.completeness import Signs, is_introduction
from bargein.core.turns import prosody as prosody_module
from bargein.core.turns.endpoint import CallerTurn, EndpointSettings, Preroll
from bargein.core.turns.prosody import FEATURES, PART_HOPS, SpeechTrack, prosody
from bargein.core.turns.reply import Expected, Listen
from bargein.core.turns.transcript import RECOGNIZER_LATE_MS, Transcript
from bargein.core.turns.turn_end import PACE_MOST, PAUSED_MOST_MS, Pace, TurnEnd, TurnEndModel
from bargein.data.trained import load_weights
from bargein.dialogue.languages import load

PHRASES, SETTINGS = load("en"), EndpointSettings()
END = 8000  # the last voiced sample
NOTHING, EIGHT = Listen(), Expected("digits", 8, 8)


def ends_after_ms(text: str, listen: Listen = NOTHING, speech: float = 0.9, before: str = "") -> int:
    """The silence after which the turn is over, for words alone."""
    turn = CallerTurn(1, onset=0, last_voiced=END)
    turn.set_transcript(Transcript(text, speech=speech), END)
    decide = TurnEnd(PHRASES, SETTINGS)
    return next(ms for ms in range(0, 5000, 20) if decide.is_over(turn, END + samples(ms), listen, before))


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("can I talk to a person", SETTINGS.min_ms),
        ("I would like the", SETTINGS.max_ms),
        ("the red one and", SETTINGS.max_ms),
        ("so, uh", SETTINGS.max_ms),
        ("my name is Miller", SETTINGS.usual_ms),
        ("No, wait.", SETTINGS.usual_ms),
    ],
)
def test_the_silence_adapts_to_the_words(text: str, ms: int) -> None:
    assert ends_after_ms(text) == ms


def test_an_answer_to_what_was_asked_is_complete() -> None:
    choice = Listen(hints=("red", "blue"), expects=Expected("choice"))
    assert ends_after_ms("Blue, please.", choice) == SETTINGS.min_ms
    assert ends_after_ms("Blue and", choice) == SETTINGS.max_ms
    assert ends_after_ms("no", Listen(expects=Expected("yes_no"))) == SETTINGS.min_ms
    assert ends_after_ms("no") == SETTINGS.usual_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("four seven one", SETTINGS.number_ms),
        ("4, 7, 1. 3, 0, 2.", SETTINGS.number_ms),
        ("1, C, 7 8 3", SETTINGS.number_ms),
        ("my number is", SETTINGS.number_ms),
        ("4 7 1 3 0 2 5 6", SETTINGS.min_ms),
        ("four double seven one oh two five six", SETTINGS.min_ms),
        ("can I talk to a person", SETTINGS.min_ms),
    ],
)
def test_a_number_is_over_when_it_has_all_its_digits(text: str, ms: int) -> None:
    assert ends_after_ms(text, Listen(expects=EIGHT)) == ms


def test_groups_of_a_number_add_up_over_several_sounds() -> None:
    assert ends_after_ms("5 6", Listen(expects=EIGHT), before="4 7 1 3 0 2") == SETTINGS.min_ms


def test_a_story_is_not_over_because_it_holds_a_command() -> None:
    assert ends_after_ms("can I talk to a person", Listen(expects=Expected("text"))) == SETTINGS.usual_ms


def test_a_caller_who_has_only_said_who_he_is_has_not_said_why_he_calls() -> None:
    story = Listen(expects=Expected("text"))
    assert ends_after_ms("Hello, my name is Jennifer Williams.", story) == SETTINGS.max_ms
    assert ends_after_ms("My name is Jennifer, I need a new card and a book of cheques.", story) == SETTINGS.usual_ms


def test_a_cough_ends_the_wait_at_once() -> None:
    assert ends_after_ms("you", speech=0.2) == SETTINGS.min_ms


def test_without_words_the_recognizer_is_waited_for() -> None:
    turn = CallerTurn(1, onset=0, last_voiced=END)
    decide = TurnEnd(PHRASES, SETTINGS)
    assert not decide.is_over(turn, END + samples(RECOGNIZER_LATE_MS - 20), Listen())
    assert decide.is_over(turn, END + samples(RECOGNIZER_LATE_MS), Listen())


def test_a_sound_that_begins_delays_the_answer_but_a_noise_does_not_for_long() -> None:
    turn = CallerTurn(1, onset=0, last_voiced=END)
    turn.set_transcript(Transcript("my name is Miller"), END)
    turn.rise_db = 30.0
    decide = TurnEnd(PHRASES, SETTINGS)
    over = [ms for ms in range(0, 2000, 20) if decide.is_over(turn, END + samples(ms), Listen())]
    assert SETTINGS.usual_ms < over[0] <= SETTINGS.usual_ms + 200


def with_a_sound_after(gap_ms: int) -> tuple[CallerTurn, int]:
    """A turn whose words come `gap_ms` and 60 ms after them, when a later sound has begun, and the sample of that."""
    turn, now = CallerTurn(1, onset=0, last_voiced=END), END
    for voiced in [False] * (gap_ms // 20) + [True] * 3:
        now += FRAME_SAMPLES
        turn.add(evidence(voiced), now)
    turn.set_transcript(Transcript("my name is Miller"), END + samples(100))
    turn.recognition = now - END - samples(100)
    assert turn.sound_after is not None
    return turn, now


@pytest.mark.parametrize(("gap_ms", "over"), [(580, False), (620, True), (800, True)])
def test_words_that_come_late_end_the_turn_after_the_same_silence(gap_ms: int, over: bool) -> None:
    turn, now = with_a_sound_after(gap_ms)
    decide = TurnEnd(PHRASES, SETTINGS)
    assert decide.silence_ms(turn, NOTHING) == SETTINGS.usual_ms
    assert decide.is_over(turn, now, NOTHING) is over


def test_the_silence_before_a_sound_after_is_a_pause_once_the_turn_has_gone_on() -> None:
    turn, now = with_a_sound_after(580)
    for voiced in [False] * 20 + [True]:
        now += FRAME_SAMPLES
        turn.add(evidence(voiced), now)
    assert turn.later is not None
    assert turn.later.pause_ms == 580


def test_a_sound_after_makes_the_turn_no_longer_to_the_model() -> None:
    class Timed(TurnEndModel):
        seconds = 0.0

        def log_odds(self, sound, seconds, *signs) -> float:  # type: ignore[no-untyped-def, override]
            Timed.seconds = seconds
            return 0.0

    turn, _ = with_a_sound_after(620)
    assert turn.later is not None
    turn.later.prosody = np.zeros(len(FEATURES))
    TurnEnd(PHRASES, SETTINGS, Timed({}, {}, {})).silence_ms(turn, NOTHING)
    assert Timed.seconds == END / RATE


def evidence(voiced: bool) -> VadFrame:
    return VadFrame(float(voiced), False, 0, voiced, 0.9, -20.0, -60.0, -90.0, np.zeros(FRAME_SAMPLES, np.int16))


class Counting(TurnEnd):
    """How often the silence that ends the turn is worked out."""

    worked_out = 0

    def silence_ms(self, turn: CallerTurn, listen: Listen, before: str = "") -> int:
        self.worked_out += 1
        return super().silence_ms(turn, listen, before)


def test_the_wait_is_worked_out_once_in_a_silence_and_again_with_new_words() -> None:
    turn = CallerTurn(1, onset=0, last_voiced=END)
    decide = Counting(PHRASES, SETTINGS)
    turn.set_transcript(Transcript("my name is"), END)
    assert not any(decide.is_over(turn, END + samples(ms), NOTHING) for ms in range(0, SETTINGS.max_ms, 20))
    assert decide.worked_out == 1
    turn.set_transcript(Transcript("my name is Miller"), END)
    assert decide.is_over(turn, END + samples(SETTINGS.usual_ms), NOTHING)
    assert not decide.is_over(turn, END + samples(SETTINGS.usual_ms), Listen(expects=EIGHT))
    turn.last_voiced = END + FRAME_SAMPLES
    turn.set_transcript(Transcript("my name is Miller"), turn.last_voiced)
    assert decide.is_over(turn, turn.last_voiced + samples(SETTINGS.usual_ms), NOTHING)
    assert decide.worked_out == 4


MODEL = TurnEndModel.of(load_weights("turn_end"))
USUAL = MODEL.words["mean"][: len(FEATURES)].astype(float)


@pytest.mark.parametrize("ended", [None, 0.0])
def test_the_model_answers_sure_ends_sooner_than_pauses(ended: float | None) -> None:
    whole = MODEL.log_odds(USUAL, 2.0, ending=3.0, signs=Signs(False, question=True), ended=ended)
    broken_off = MODEL.log_odds(USUAL, 2.0, ending=-3.0, signs=Signs(True), ended=ended)
    assert whole > broken_off + 1
    assert SETTINGS.graded_ms(whole) < SETTINGS.graded_ms(broken_off)


def test_what_the_recognizer_hears_of_the_last_sounds_counts() -> None:
    signs = Signs(False)
    usual = MODEL.log_odds(USUAL, 2.0, 1.0, signs, 0.0)
    assert MODEL.log_odds(USUAL, 2.0, 1.0, signs, 1.5) == pytest.approx(usual + 1.5)
    assert np.isfinite(MODEL.log_odds(USUAL, 2.0, None, signs, 1.5))  # without words that are believed


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("My debit card.", Signs(True, few=True)),
        ("Hello, my name is Patricia Brown.", Signs(True, introduction=True)),
        ("What is the company name?", Signs(False, question=True)),
        ("I need a new chequebook.", Signs(False)),
        ("My last name is King.", Signs(True, introduction=True)),
        ("Thank you. Hello, how are you? This is Anna Miller.", Signs(True, introduction=True)),
        ("Hi, I lost my debit card.", Signs(False)),
        ("Hi, my name is Patricia Brown. I lost my debit card.", Signs(False)),
        ("My name is Patricia and I lost my debit card.", Signs(False)),
        ("This is not what I ordered.", Signs(False)),
    ],
)
def test_what_the_words_say_about_the_end(text: str, signs: Signs) -> None:
    assert Signs.of(text, PHRASES, signs.incomplete) == signs


@pytest.mark.parametrize(
    ("language", "name", "reason"),
    [
        ("de", "Hallo, mein Nachname ist Meier.", "Hallo, ich habe eine Frage."),
        ("es", "Hola, mi apellido es García.", "Hola, quiero una tarjeta."),
        ("fr", "Bonjour, mon prénom est Anne.", "Bonjour, je voudrais une carte."),
        ("it", "Buongiorno, il mio cognome è Rossi.", "Buongiorno, non ho la carta."),
        ("nl", "Hallo, mijn achternaam is Bakker.", "Hallo, ik wil een kaart."),
        ("pt", "Bom dia, o meu apelido é Silva.", "Bom dia, eu quero um cartão."),
    ],
)
def test_a_name_is_no_reason_for_a_call_in_any_language(language: str, name: str, reason: str) -> None:
    phrases = load(language)
    assert is_introduction(name, phrases)
    assert not is_introduction(reason, phrases)


def waits_ms(
    log_odds: float, text: str, kind: str = "text", longest_pause_ms: int = 0, settings: EndpointSettings = SETTINGS
) -> int:
    """The silence that ends a turn whose sound and words have these log odds of an end."""
    count = len(FEATURES) + 6
    flat = {"mean": np.zeros(count), "scale": np.ones(count), "weights": np.zeros(count), "bias": np.array([log_odds])}
    models = ("heard", "words", "sound")
    weights = {f"{part}.{name}": array.astype(np.float32) for part in models for name, array in flat.items()}
    turn = CallerTurn(1, onset=0, last_voiced=END, longest_pause_ms=longest_pause_ms)
    turn.set_transcript(Transcript(text, ending=0.0), END)
    turn.measured = np.zeros(len(FEATURES))
    listen = Listen(expects=Expected(kind))  # type: ignore[arg-type]
    return TurnEnd(PHRASES, settings, TurnEndModel.of(weights)).silence_ms(turn, listen)


WHOLE, UNFINISHED = "I need a new chequebook.", "I need a new chequebook and"


@pytest.mark.parametrize("text", [WHOLE, UNFINISHED])
def test_no_wait_in_a_story_ends_where_pauses_end(text: str) -> None:
    waits = {waits_ms(log_odds, text) for log_odds in np.arange(-4.0, 4.0, 0.05)}
    assert len(waits) > 2
    assert not any(pause - 80 < wait < pause + 50 for pause in (500, 800, 1200) for wait in waits)


def test_a_story_is_answered_at_once_if_all_sounds_like_its_end() -> None:
    assert waits_ms(4.0, WHOLE) == SETTINGS.story_ms < 420
    assert waits_ms(-1.2, WHOLE) == SETTINGS.open_ms
    assert waits_ms(-4.0, WHOLE) > 1200
    assert waits_ms(4.0, "yes", "yes_no") == SETTINGS.min_ms


def test_a_configured_least_wait_in_a_story_spares_pauses_between_sentences() -> None:
    patient = EndpointSettings(story_ms=580)
    assert waits_ms(4.0, WHOLE, settings=patient) == 580


@pytest.mark.parametrize("text", ["My debit card.", "Hello, my name is Miller."])
def test_a_few_words_or_a_name_are_seldom_all(text: str) -> None:
    assert waits_ms(4.0, text) == SETTINGS.open_ms
    assert waits_ms(-4.0, text) == SETTINGS.max_ms


def test_unfinished_words_wait_where_no_story_is_told() -> None:
    assert waits_ms(0.5, UNFINISHED, "choice") == SETTINGS.max_ms


def test_a_short_answer_is_never_waited_for_as_long_as_a_story() -> None:
    assert waits_ms(-3.0, "Elizabeth Miller", "name") == SETTINGS.short_ms
    assert waits_ms(-3.0, "my name is Elizabeth Miller and I need a card") > 1200


def test_a_caller_who_has_paused_in_this_turn_gets_more_than_that_pause() -> None:
    assert waits_ms(2.0, WHOLE, longest_pause_ms=400) == waits_ms(2.0, WHOLE)
    assert waits_ms(2.0, WHOLE, longest_pause_ms=500) == 750
    assert waits_ms(2.0, WHOLE, longest_pause_ms=1500) == PAUSED_MOST_MS


def test_prosody_measures_the_fall_of_a_voice() -> None:
    t = np.arange(RATE) / RATE
    falling, level = (np.cumsum(hz) / RATE for hz in (220 - 80 * t, np.full(RATE, 180.0)))
    quiet = np.zeros(RATE // 8)
    measured = []
    for phase in (falling, level):
        voice = sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 9))
        measured.append(prosody((np.concatenate([quiet, 4000 * voice, quiet])).astype(np.int16)))
    first, second = measured
    assert first is not None
    assert second is not None
    assert first[FEATURES.index("pitch_last")] < -2 < second[FEATURES.index("pitch_last")] + 1
    assert prosody(np.zeros(RATE, np.int16)) is None


def test_a_caller_who_was_cut_off_or_pauses_long_gets_more_time_within_limits() -> None:
    pace = Pace()
    pace.cut_off()
    assert pace.factor > 1.3
    assert pace.cut_offs == 1
    for _ in range(9):
        pace.turn_ended(longest_pause_ms=1200)
    assert pace.factor == PACE_MOST
    for _ in range(40):
        pace.turn_ended(longest_pause_ms=100)
    assert pace.factor < 1.05


@pytest.mark.parametrize(("min_ms", "max_ms", "usual_ms"), [(700, 900, 700), (300, 500, 500), (300, 900, 600)])
def test_every_silence_lies_between_the_bounds(min_ms: int, max_ms: int, usual_ms: int) -> None:
    settings = EndpointSettings(min_ms=min_ms, max_ms=max_ms)
    assert settings.graded_ms(None) == usual_ms
    assert all(min_ms <= settings.graded_ms(odds / 4) <= max_ms for odds in range(-40, 40))


def speech(seconds: float) -> np.ndarray:
    """Syllables of a voice, with noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 9)) * (np.sin(2 * np.pi * 3 * t) > 0)
    return (3000 * voice + np.random.default_rng(1).normal(0, 40, len(t))).astype(np.int16)


@pytest.mark.parametrize("asked", [[2], [6], [40], [149, 151, 400], [300, 330], [120, 600]])
@pytest.mark.parametrize("follows", [1, 7, 10_000])
def test_a_track_says_what_prosody_says_of_the_last_seconds(asked: list[int], follows: int) -> None:
    """`asked`: after so many frames. A turn is open during `follows` frames of 80."""
    frames, line = speech(12.1).reshape(-1, FRAME_SAMPLES), Preroll()
    track = SpeechTrack(line)
    for number, frame in enumerate(frames[: asked[-1]], 1):
        line.push(frame)
        if number % 80 < follows:
            track.follow()
        if number in asked:
            expected, got = prosody(np.concatenate(frames[max(0, number - 150) : number])), track.prosody()
            assert (got is None) == (expected is None)
            assert got is None or np.array_equal(got, expected)


def test_little_work_is_left_at_the_end_of_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []  # 10 ms each, of every measurement

    def counted(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        frames = measure(x)
        measured.append(len(frames[0]))
        return frames

    measure = prosody_module._frames
    monkeypatch.setattr(prosody_module, "_frames", counted)
    line = Preroll()
    track = SpeechTrack(line)
    spoken = speech(3.0)
    for frame in spoken.reshape(-1, FRAME_SAMPLES):
        line.push(frame)
        track.follow()
        assert sum(measured[-1:]) <= 2 * PART_HOPS
    while_speaking = sum(measured)
    measured.clear()
    assert track.prosody() is not None
    left = sum(measured)
    measured.clear()
    prosody(spoken)
    assert while_speaking + left == sum(measured)
    assert left <= PART_HOPS < 0.1 * while_speaking


@pytest.mark.parametrize("text", [WHOLE, UNFINISHED])
@pytest.mark.parametrize("longest_pause_ms", [0, 2000])
def test_the_configured_limit_holds_for_every_rule(text: str, longest_pause_ms: int) -> None:
    assert waits_ms(0.5, text, longest_pause_ms=longest_pause_ms, settings=EndpointSettings(max_ms=600)) <= 600
