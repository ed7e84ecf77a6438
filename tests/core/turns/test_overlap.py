"""The table: every state with every event; the decision on a sound that made us pause."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from bargein.core.turns.overlap import OverlapSettings, OverlapSound, classify_overlap
from bargein.core.turns.overlap_classifier import OverlapClass
from bargein.core.turns.table import TRANSITIONS, Effect, Event, State, step
from bargein.core.turns.transcript import RECOGNIZER_LATE_MS, SoundProbabilities, Transcript
from bargein.dialogue.languages import load

PHRASES = load("en")


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_state_with_every_event(state: State, event: Event) -> None:
    after, effects = step(state, event)
    if (state, event) not in TRANSITIONS:
        assert (after, effects) == (state, ())
        return
    assert (after is State.PAUSED) == (event is Event.SPEECH)
    assert (state is State.DUCKED and after in (State.PAUSED, State.YIELDED)) <= (Effect.PAUSE in effects)
    assert (after is State.THINKING) == (Effect.REPLAN in effects or Effect.KEEP_REPLY in effects)
    if Effect.RESUME in effects:
        assert (state, after) == (State.PAUSED, State.SPEAKING)
    if Effect.YIELD in effects:
        assert after is State.YIELDED
    if Effect.FINISH in effects:
        assert after is State.ENDED


def test_nothing_follows_the_end() -> None:
    assert all(step(State.ENDED, event) == (State.ENDED, ()) for event in Event)


def test_an_interruption_never_leads_back_into_the_interrupted_speech() -> None:
    """From yielded only a re-plan leads on."""
    reachable = {step(State.YIELDED, event)[0] for event in Event}
    assert reachable == {State.YIELDED, State.THINKING, State.ENDED}


def judged(
    text: str | None,
    *,
    voiced: int = 400,
    silent: int = 0,
    voice: float = 0.9,
    speech: float = 0.9,
    complete: bool = True,
    question: bool = False,
    loudest: float = -20.0,
    sound: tuple[float, float, float] | None = None,
    confidence: float = 1.0,
) -> Event | None:
    likely = SoundProbabilities(*sound) if sound else None
    words = None if text is None else Transcript(text, confidence=confidence, speech=speech, sound_probabilities=likely)
    known = voiced if complete else voiced - 20
    return classify_overlap(
        OverlapSound(voiced, silent, voice, loudest_dbfs=loudest, known_ms=known), words, PHRASES, question
    )


@pytest.mark.parametrize("text", ["No.", "stop", "Wait!", "no, the blue one", "What was that?"])
def test_words_are_an_interruption_as_soon_as_they_are_known(text: str) -> None:
    assert judged(text, complete=False) is Event.INTERRUPTION


@pytest.mark.parametrize("text", ["Uh-huh.", "mm-hm", "Right.", "okay", "Yeah.", "Hmmm..."])
def test_a_backchannel_over_a_statement_is_nothing_once_it_is_over(text: str) -> None:
    assert judged(text) is None
    assert judged(text, silent=200) is Event.FALSE_INTERRUPTION


def test_the_beginning_of_a_word_decides_nothing() -> None:
    assert judged("C", complete=False) is None
    assert judged("C", complete=True, silent=200) is Event.INTERRUPTION


def test_yes_over_a_question_is_an_answer() -> None:
    assert judged("Yeah.", silent=200, question=True) is Event.INTERRUPTION


def test_a_cough_needs_no_words() -> None:
    assert judged(None, voice=0.05, silent=200) is Event.FALSE_INTERRUPTION


def test_what_the_recognizer_does_not_take_for_speech_is_nothing_whatever_it_wrote() -> None:
    assert judged("you", speech=0.2, silent=200) is Event.FALSE_INTERRUPTION
    assert judged("Thank you.", speech=0.3, silent=200) is Event.FALSE_INTERRUPTION
    assert judged("Aaaaaaaaah", voiced=1500) is Event.FALSE_INTERRUPTION
    assert judged("M-M-M-M-M", voiced=1500) is Event.FALSE_INTERRUPTION


def test_speech_without_words_is_still_an_interruption() -> None:
    assert judged("", speech=0.8, silent=200) is Event.INTERRUPTION


def test_a_voice_that_is_far_off_is_somebody_else_in_the_room() -> None:
    assert judged("Are you coming?", loudest=-40.0, voiced=300) is Event.FALSE_INTERRUPTION
    assert judged("Are you coming?", loudest=-32.0, voiced=300) is Event.INTERRUPTION


def test_a_voice_waits_for_its_words_but_not_for_ever() -> None:
    settings = OverlapSettings()
    assert judged(None, silent=settings.ended_ms) is None
    assert judged(None, voiced=300, silent=settings.patience_ms) is None
    assert judged(None, voiced=300, silent=RECOGNIZER_LATE_MS) is Event.FALSE_INTERRUPTION
    assert judged(None, voiced=settings.late_ms, silent=settings.patience_ms) is Event.INTERRUPTION


def test_speech_that_lasts_is_an_interruption_whatever_the_words() -> None:
    assert judged(None, voiced=OverlapSettings().lasts_ms) is Event.INTERRUPTION
    assert judged(None, voiced=OverlapSettings().noise_ms, voice=0.1) is Event.FALSE_INTERRUPTION


WORD, BACKCHANNEL, OTHER = (0.9, 0.08, 0.02), (0.1, 0.88, 0.02), (0.05, 0.02, 0.93)


@pytest.mark.parametrize("text", ["Yes.", "Yeah.", "Oh", "", "You", "Aaaah", "ah ah ah ah"])
def test_where_the_words_tell_nothing_the_sound_decides(text: str) -> None:
    assert judged(text, silent=200, sound=WORD) is Event.INTERRUPTION
    assert judged(text, silent=200, sound=BACKCHANNEL) is Event.FALSE_INTERRUPTION
    assert judged(text, silent=200, sound=OTHER) is Event.FALSE_INTERRUPTION


def test_a_clear_backchannel_stays_one_however_it_sounds() -> None:
    assert judged("Okay.", silent=200, sound=WORD) is Event.FALSE_INTERRUPTION
    assert judged("Uh-huh.", silent=200, sound=WORD) is Event.FALSE_INTERRUPTION


def test_words_are_believed_unless_it_sounds_like_none() -> None:
    assert judged("The blue one.", silent=200, sound=BACKCHANNEL, speech=0.1) is Event.INTERRUPTION
    assert judged("Thank you!", silent=200, sound=OTHER) is Event.FALSE_INTERRUPTION
    assert judged("Thank you!", sound=OTHER, complete=False) is None


def test_no_cough_is_written_as_three_words() -> None:
    assert judged("I'll get a move on!", sound=OTHER, complete=False) is Event.INTERRUPTION
    assert judged("Come on then", silent=200, sound=OTHER) is Event.INTERRUPTION
    assert judged("Bye bye bye!", silent=200, sound=OTHER) is Event.FALSE_INTERRUPTION


def test_a_sure_nod_that_was_written_with_doubt_is_one_over_a_statement() -> None:
    nod = (0.0, 0.995, 0.005)
    assert judged("Your hope", silent=200, sound=nod, confidence=0.35) is Event.FALSE_INTERRUPTION
    assert judged("Your hope", silent=200, sound=nod, confidence=0.7) is Event.INTERRUPTION
    assert judged("Your hope", silent=200, sound=nod, confidence=0.35, question=True) is Event.INTERRUPTION


def test_yeah_over_a_question_is_an_answer_however_it_sounds() -> None:
    assert judged("Yeah.", silent=200, question=True, sound=BACKCHANNEL) is Event.INTERRUPTION
    assert judged("Oh.", silent=200, question=True, sound=BACKCHANNEL) is Event.FALSE_INTERRUPTION
    assert judged("", silent=200, question=True, sound=BACKCHANNEL) is Event.INTERRUPTION


def test_a_backchannel_that_is_drawn_out_does_not_become_an_interruption() -> None:
    settings = OverlapSettings()
    assert judged("Okay.", voiced=settings.lasts_ms, sound=BACKCHANNEL) is None
    assert judged("Okay.", voiced=settings.noise_ms, sound=BACKCHANNEL) is Event.FALSE_INTERRUPTION
    assert judged("Okay so I want", voiced=settings.lasts_ms, sound=BACKCHANNEL) is Event.INTERRUPTION


@pytest.mark.parametrize(
    ("text", "word", "recognized", "event"),
    [
        ("", 0.7, (0.9, 0.1, 0.0), Event.INTERRUPTION),
        ("", 0.7, (0.1, 0.9, 0.0), Event.INTERRUPTION),  # whether it was a word or a backchannel, the classifier says
        ("", 0.5, (0.0, 0.0, 1.0), Event.FALSE_INTERRUPTION),
        ("", 0.5, (0.9, 0.1, 0.0), Event.FALSE_INTERRUPTION),  # no word is likely, and none was written
        ("Uh-h-h-h-h", 0.5, (0.9, 0.1, 0.0), Event.FALSE_INTERRUPTION),
        ("boring", 0.15, (0.9, 0.1, 0.0), Event.INTERRUPTION),
        ("boring", 0.02, (0.0, 0.0, 1.0), Event.FALSE_INTERRUPTION),
        ("mm-hm", 0.9, (0.9, 0.1, 0.0), Event.FALSE_INTERRUPTION),
    ],
)
def test_the_classifier_the_number_of_words_and_the_recognizers_doubt_decide_together(
    text: str, word: float, recognized: tuple[float, float, float], event: Event
) -> None:
    likely = OverlapClass(word, 1 - word, 0.0)
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely)
    words = Transcript(text, speech=0.9, sound_probabilities=SoundProbabilities(*recognized))
    assert classify_overlap(sound, words, PHRASES) is event


@pytest.mark.parametrize(
    ("text", "confidence", "word", "event"),
    [
        ("Try", 0.25, 0.5, Event.FALSE_INTERRUPTION),  # "huh?"
        ("Try", 0.25, 0.8, Event.INTERRUPTION),  # some word, though maybe not this one
        ("Try", 0.4, 0.5, Event.INTERRUPTION),
        ("try that one", 0.25, 0.5, Event.INTERRUPTION),
        *(
            (text, 0.4, 0.5, Event.INTERRUPTION)
            for text in ("Stop.", "No.", "wait", "hang on", "Operator.", "A person")
        ),
    ],
)
def test_a_word_that_is_hardly_believed_needs_a_sound_like_a_word(
    text: str, confidence: float, word: float, event: Event
) -> None:
    likely, heard = OverlapClass(word, 1 - word, 0.0), SoundProbabilities(0.5, 0.5, 0.0)
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely)
    words = Transcript(text, confidence, speech=0.9, sound_probabilities=heard)
    assert classify_overlap(sound, words, PHRASES) is event


@pytest.mark.parametrize(("backchannel", "event"), [(0.7, Event.FALSE_INTERRUPTION), (0.5, Event.INTERRUPTION)])
def test_yes_that_sounds_like_yeah_is_a_backchannel_over_a_statement(backchannel: float, event: Event) -> None:
    likely, heard = OverlapClass(0.9, 0.1, 0.0), SoundProbabilities(1 - backchannel, backchannel, 0.0)
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely)
    words = Transcript("Yes.", speech=0.9, sound_probabilities=heard)
    assert classify_overlap(sound, words, PHRASES) is event
    assert classify_overlap(sound, words, PHRASES, question=True) is Event.INTERRUPTION


@pytest.mark.parametrize("text", ["Yes.", "Yeah.", "Oh"])
@pytest.mark.parametrize(("word", "event"), [(0.97, Event.INTERRUPTION), (0.9, Event.FALSE_INTERRUPTION)])
def test_a_classifier_that_is_sure_of_a_word_is_believed_alone_where_yeah_was_written(
    text: str, word: float, event: Event
) -> None:
    likely, heard = OverlapClass(word, 1 - word, 0.0), SoundProbabilities(0.1, 0.9, 0.0)
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely)
    assert classify_overlap(sound, Transcript(text, 0.7, speech=0.9, sound_probabilities=heard), PHRASES) is event


@pytest.mark.parametrize(
    ("text", "event"), [("", Event.FALSE_INTERRUPTION), ("wait a minute please", Event.INTERRUPTION)]
)
def test_a_voice_that_is_hardly_louder_than_the_room_needs_words(text: str, event: Event) -> None:
    likely, recognized = OverlapClass(0.7, 0.3, 0.0), SoundProbabilities(0.9, 0.1, 0.0)
    words = Transcript(text, speech=0.9, sound_probabilities=recognized)
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-33.0, background_speech_dbfs=-36.0, known_ms=400, likely=likely)
    assert classify_overlap(sound, words, PHRASES) is event
    assert classify_overlap(replace(sound, loudest_dbfs=-25.0), words, PHRASES) is Event.INTERRUPTION


@pytest.mark.parametrize(
    ("text", "word", "recognized", "event"),
    [
        ("Yeah.", 0.9, 0.6, Event.INTERRUPTION),  # the caller said "yes"
        ("Oh", 0.8, 0.9, Event.INTERRUPTION),  # "up"
        ("Yeah.", 0.9, 0.2, Event.FALSE_INTERRUPTION),
        ("Yeah.", 0.6, 0.9, Event.FALSE_INTERRUPTION),
        ("Wonderful.", 0.9, 0.9, Event.FALSE_INTERRUPTION),  # nobody writes that for another word
    ],
)
def test_yeah_is_another_word_if_it_sounds_like_one_to_both(
    text: str, word: float, recognized: float, event: Event
) -> None:
    likely, heard = OverlapClass(word, 1 - word, 0.0), SoundProbabilities(recognized, 1 - recognized, 0.0)
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely)
    assert classify_overlap(sound, Transcript(text, speech=0.9, sound_probabilities=heard), PHRASES) is event


@pytest.mark.parametrize(("confidence", "event"), [(0.3, Event.INTERRUPTION), (0.8, Event.FALSE_INTERRUPTION)])
def test_a_backchannel_that_was_written_with_doubt_may_be_another_word(confidence: float, event: Event) -> None:
    likely, heard = OverlapClass(0.97, 0.03, 0.0), SoundProbabilities(0.97, 0.03, 0.0)  # "down"
    sound = OverlapSound(400, 100, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely)
    words = Transcript("Okay.", confidence, speech=0.9, sound_probabilities=heard)
    assert classify_overlap(sound, words, PHRASES) is event


def test_a_sound_that_our_echo_explains_never_stops_the_agent_for_good() -> None:
    likely, heard = OverlapClass(0.7, 0.2, 0.1), SoundProbabilities(0.9, 0.1, 0.0)
    sound = OverlapSound(400, 0, 0.9, loudest_dbfs=-20.0, known_ms=400, likely=likely, over_echo_db=5.0)
    words = Transcript("the answer is no", speech=0.9, sound_probabilities=heard)
    assert classify_overlap(sound, words, PHRASES) is Event.FALSE_INTERRUPTION
    assert classify_overlap(replace(sound, over_echo_db=10.0), words, PHRASES) is Event.INTERRUPTION
    quiet = replace(sound, loudest_dbfs=-40.0, background_speech_dbfs=-48.0)  # a caller on a line without echo
    assert classify_overlap(quiet, words, PHRASES) is Event.INTERRUPTION
