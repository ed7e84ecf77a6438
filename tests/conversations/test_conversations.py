"""Twelve conversations over TCP with the real voice, detector, recognizer and planner: a caller cuts in at a word.

All are held with one server; each test then looks at one of them: what the agent says next, the ledger, the database,
and all of it against the audio that the caller has received.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence

import pytest

from bargein.core.audio.pcm import SAMPLES_PER_MS, samples
from bargein.core.turns.records import Interruption, Turn
from bargein.speech import background
from tests.conversations.calls import LIST, SCRIPTS, SEND, Result, held
from tests.conversations.phone import Heard

pytestmark = pytest.mark.slow

NEAR_MS = 60  # between the ledger's place of a cut and the audio that was sent
FADE_MS = 15
LATE_MS = 300  # onset to pause, at worst, in a quiet room
WORDS_LATE = 4  # words that may go by until a caller who speaks at a word has stopped the agent, which ducks first
WELCOME = f"Welcome to the mug shop. {LIST} Which one would you like?"
RED = f"One red mug for ten dollars. {SEND} Is that right?"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Result]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "NICE", 0)  # other work on a test machine must not starve the recognizer
        return asyncio.run(held(tmp_path_factory.mktemp("calls")))


def agent_turns(result: Result) -> list[Turn]:
    return [turn for turn in result.turns if turn.speaker == "agent"]


def next_words(result: Result, row: Interruption) -> str:
    """What the agent means to say next after an interruption."""
    return next(turn.text for turn in agent_turns(result) if turn.seq > row.turn_seq)


def check_cut(result: Result, row: Interruption, upon: str, text: str, kind: str, resolution: str) -> None:
    """`row` is of a caller who began to speak on hearing the last word of `upon` in the agent's turn `text`."""
    turn = result.turns[row.turn_seq]
    assert (row.kind, row.resolution) == (kind, resolution)
    assert (turn.speaker, turn.text, row.agent_text) == ("agent", text, text)
    assert (row.heard_text, row.unheard_text, row.cut_word) == (turn.heard_text, turn.unheard_text, turn.cut_word)
    assert f"{row.heard_text} {row.unheard_text}".split() == text.split()
    assert row.cut_word in ("", row.unheard_text.split(" ")[0])
    place = len(row.heard_text.split()) + bool(row.cut_word) - 1
    cue = len(text[: text.index(upon)].split()) + len(upon.split()) - 1
    assert cue <= place <= cue + WORDS_LATE
    check_times(result, row, turn)


def check_times(result: Result, row: Interruption, turn: Turn) -> None:
    """Latencies that can be, and the place of the cut against the audio that the caller received."""
    assert row.decided_ms is not None
    assert row.onset_ms <= row.paused_ms <= row.decided_ms
    assert row.silent_ms == row.paused_ms + FADE_MS
    assert row.detect_latency_ms == row.paused_ms - row.onset_ms <= LATE_MS
    assert row.stop_latency_ms == row.silent_ms - row.onset_ms
    assert turn.started_ms < row.onset_ms
    of_turn = [h for h in result.heard if turn.started_ms <= h.at // SAMPLES_PER_MS <= turn.ended_ms]
    cut = of_turn[-1]
    assert abs(turn.ended_ms - cut.ended // SAMPLES_PER_MS) <= NEAR_MS
    assert abs(row.silent_ms - cut.ended // SAMPLES_PER_MS) <= NEAR_MS
    assert abs(row.played_ms - sum(h.last for h in of_turn) // SAMPLES_PER_MS) <= NEAR_MS
    if row.cut_word:
        starts = [w.start for w in cut.utterance.words if w.text == row.cut_word]
        assert min(abs(cut.last - start - samples(turn.cut_played_ms)) for start in starts) <= samples(NEAR_MS)


def rows_of(result: Result, count: int) -> Sequence[Interruption]:
    assert result.in_time
    assert len(result.rows) == count
    assert result.variables["BARGEIN_INTERRUPTIONS"] == str(count)
    return result.rows


def test_a_correction_changes_the_order(results: Mapping[str, Result]) -> None:
    result = results["correct"]
    first, second = rows_of(result, 2)
    check_cut(result, first, "We have the red mug for ten", WELCOME, "other", "replanned")
    assert next_words(result, first) == RED
    check_cut(result, second, "We will send it to the address", RED, "correct", "replanned")
    assert "green" in second.caller_text
    assert next_words(result, second).startswith("Okay. One green mug for twelve dollars.")
    assert result.variables["BARGEIN_SUMMARY"] == result.call.summary


def test_what_is_explained_can_be_skipped(results: Mapping[str, Result]) -> None:
    result = results["redirect"]
    row = rows_of(result, 2)[1]
    check_cut(result, row, "We will send it to", RED, "redirect", "replanned")
    assert next_words(result, row) == "How would you like to pay, by card or on delivery?"


def test_a_yes_goes_on(results: Mapping[str, Result]) -> None:
    result = results["confirm"]
    row = rows_of(result, 2)[1]
    check_cut(result, row, "We will send it to the address that", RED, "confirm", "replanned")
    assert next_words(result, row) == "How would you like to pay, by card or on delivery?"


def test_a_question_is_answered_and_the_order_goes_on(results: Mapping[str, Result]) -> None:
    result = results["question"]
    (row,) = rows_of(result, 1)
    check_cut(result, row, "We have the red mug for ten dollars, the green", WELCOME, "question", "replanned")
    assert next_words(result, row) == "It should arrive on Friday. Which one would you like?"


def test_the_cut_sentence_is_said_again_from_its_beginning(results: Mapping[str, Result]) -> None:
    result = results["repeat"]
    (row,) = rows_of(result, 1)
    upon = "We have the red mug for ten dollars, the green mug for"
    check_cut(result, row, upon, WELCOME, "repeat", "repeated")
    assert next_words(result, row) == f"{LIST} Which one would you like?"


def test_the_agent_waits_until_the_caller_speaks(results: Mapping[str, Result]) -> None:
    result = results["stop"]
    (row,) = rows_of(result, 1)
    check_cut(result, row, "We have the red mug for ten dollars, the green", WELCOME, "stop", "replanned")
    _, sure, again = agent_turns(result)
    back = result.turns[sure.seq + 1]
    assert sure.heard_text == sure.text == "Sure, take your time."
    assert back.speaker == "caller"
    assert back.started_ms - sure.ended_ms >= 2500
    silence = result.caller.received[samples(sure.ended_ms + 20) : samples(back.started_ms)]
    assert not silence.any()
    assert again.text == f"{LIST} Which one would you like?"


def test_who_asks_for_a_person_gets_one(results: Mapping[str, Result]) -> None:
    result = results["person"]
    (row,) = rows_of(result, 1)
    check_cut(result, row, "We have the red mug", WELCOME, "agent", "transferred")
    assert agent_turns(result)[-1].heard_text == next_words(result, row) == "One moment, please."
    assert (result.call.outcome, result.call.queue) == ("queue", "support")
    assert (result.variables["BARGEIN_RESULT"], result.variables["BARGEIN_QUEUE"]) == ("queue", "support")


def test_a_digit_chooses(results: Mapping[str, Result]) -> None:
    result = results["digit"]
    (row,) = rows_of(result, 1)
    upon = "We have the red mug for ten dollars, the green mug for twelve"
    check_cut(result, row, upon, WELCOME, "dtmf", "replanned")
    assert row.caller_text == "3"
    assert row.stop_latency_ms == FADE_MS
    assert next_words(result, row).startswith("One blue mug for fifteen dollars.")


def test_two_interruptions_in_a_row(results: Mapping[str, Result]) -> None:
    result = results["two in a row"]
    first, second = rows_of(result, 2)
    check_cut(result, first, "We have the red mug for ten", WELCOME, "other", "replanned")
    check_cut(result, second, "One red mug", RED, "correct", "replanned")
    assert [turn.speaker for turn in result.turns] == ["agent", "caller", "agent", "caller", "agent"]
    assert next_words(result, second).startswith("Okay. One blue mug for fifteen dollars.")


def test_the_answer_to_an_interruption_is_interrupted(results: Mapping[str, Result]) -> None:
    result = results["the answer"]
    first, second = rows_of(result, 2)
    upon = "We have the red mug for ten dollars, the green mug"
    check_cut(result, first, upon, WELCOME, "question", "replanned")
    answer = "It should arrive on Friday. Which one would you like?"
    assert next_words(result, first) == answer
    check_cut(result, second, "It should arrive on", answer, "question", "replanned")
    assert next_words(result, second).startswith("We send it to the address that we have on file.")


def test_silence_after_an_interruption_is_not_waited_out_for_ever(results: Mapping[str, Result]) -> None:
    result = results["silence"]
    (row,) = rows_of(result, 1)
    check_cut(result, row, "We have the red mug for ten dollars, the", WELCOME, row.kind, "replanned")
    said, asked = result.turns[row.turn_seq + 1 :]
    assert said.speaker == "caller"
    assert asked.text == "Which one would you like?"
    assert asked.started_ms - said.ended_ms >= 1500


def test_the_last_word_can_be_cut(results: Mapping[str, Result]) -> None:
    result = results["last word"]
    (row,) = rows_of(result, 1)
    check_cut(result, row, "Which one would you like?", WELCOME, row.kind, "replanned")
    assert next_words(result, row).startswith("One blue mug for fifteen dollars.")


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_was_never_played_never_happened(results: Mapping[str, Result], name: str) -> None:
    """The ledger and all that the planner was told hold the words that were received, and no other."""
    result = results[name]
    received = [stretch for stretch in result.heard if stretch.words()]
    assert fits(agent_turns(result), received) == len(received)
    for situation in result.situations:
        fits([turn for turn in situation.turns if turn.speaker == "agent"], received)
    assert all(turn.heard_text for turn in agent_turns(result))
    begun = " ".join(turn.text for turn in agent_turns(result))  # what was said back, if only its first word
    said_back = {f"mug={mug}" for mug in re.findall(r"One (\w+) mug", begun)}
    assert {part for part in result.call.summary.split(", ") if "mug=" in part} <= said_back


def fits(turns: Iterable[Turn], received: Sequence[Heard]) -> int:
    """Assert that the heard words of `turns` are those of the first stretches received; of how many.

    A word that ends within `NEAR_MS` of where its sentence was cut may count as heard or not.
    """
    words = [word for turn in turns for word in turn.heard_text.split()]
    at = index = 0
    for index, stretch in enumerate(received):
        if at == len(words):
            return index
        least, most = stretch.words(-samples(NEAR_MS)), stretch.words(samples(NEAR_MS))
        count = 0
        while count < len(most) and at + count < len(words) and words[at + count] == most[count]:
            count += 1
        assert count >= len(least)
        at += count
    assert at == len(words)
    return index + 1
