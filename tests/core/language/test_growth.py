"""What a caller says may be long: the time for it grows no faster than its length, with every pattern there is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from bargein.core.language import dates, digits, numbers, times
from bargein.core.language.agreement import beside_yes, polarity
from bargein.core.language.intent import chosen_in, classify, is_backchannel, is_complete
from bargein.core.language.person_name import name_in
from bargein.core.language.phrases import RULES, Phrases
from bargein.core.language.sentences import Sentences, sentences
from bargein.core.language.several import answer_and_when
from bargein.core.language.values import Unclear
from bargein.core.language.words import PatternError, compile_pattern, joined, tokens
from bargein.data import LANGUAGES
from bargein.dialogue.languages import available, load

SHORT, LONG = 100, 1600  # words
MOST = 6.0  # times the growth of the length; a quadratic matcher reaches 16
SLOWEST_S = 1.0  # of CPU for the longest text; an exponential matcher never comes back


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds, the best of three: other processes do not count."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def grows(work: Callable[[str], object], unit: str) -> float:
    """The time for LONG words over that for SHORT ones, as a multiple of the growth of the length."""
    short, long = (joined((unit.split() * count)[:count]) for count in (SHORT, LONG))
    slow = seconds(lambda: work(long))
    assert slow < SLOWEST_S, f"{slow:.2f} s for {unit!r}"
    return slow / max(seconds(lambda: work(short)), 5e-4) * SHORT / LONG


def patterns(phrases: Phrases) -> Iterator[re.Pattern[str]]:
    for rule in RULES:
        yield from phrases.rules[rule]
    yield from (phrases.lead, phrases.answer, phrases.negators, phrases.repairs.markers, phrases.repairs.paused)


def words_of(pattern: re.Pattern[str]) -> list[str]:
    """Words of the pattern: what is likely to make it try again and again."""
    plain = re.sub(r"\\(.)", r"\1", re.sub(r"\(\?[:<!\\S)]*|\(\?:|\\S\+|\{0,4\}", " ", pattern.pattern))
    return list(dict.fromkeys(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", plain)))


@pytest.mark.parametrize("language", available())
def test_every_pattern_of_a_language_is_linear(language: str) -> None:
    phrases = load(language)
    for pattern in patterns(phrases):
        words = words_of(pattern)
        first = words[0] if words else "x"
        for unit in {first, " ".join(words[:2]), " ".join([*words[:3], "x"]), " ".join(words[:12])} - {""}:
            assert grows(pattern.search, unit) < MOST, (pattern.pattern, unit)


@pytest.mark.parametrize(
    "unit", ["ha", "ha ha", "mm hm", "uh huh", "m hm mm", "oh i see", "yes no", "yes but no", "no well okay so"]
)
def test_what_judges_a_turn_is_linear(unit: str) -> None:
    phrases = load("en")
    choices = {"red": ("red",), "blue": ("blue", "blue one")}
    for work in (
        lambda text: is_backchannel(text, phrases, False),
        lambda text: is_backchannel(text, phrases, True, ("aye", "aye aye")),
        lambda text: classify(text, phrases, choices=choices),
        lambda text: is_complete(text, phrases, choices),
        lambda text: polarity(text, phrases),
        lambda text: beside_yes(text, phrases, {"blue"}),
        lambda text: answer_and_when(text, phrases),
        lambda text: chosen_in(text, phrases, choices),
    ):
        assert grows(work, unit) < MOST, unit


def test_thirty_laughs_are_a_backchannel_at_once() -> None:
    phrases = load("en")
    assert seconds(lambda: is_backchannel("ha ha " * 500 + "stop", phrases, False)) < 0.1
    assert is_backchannel("ha " * 500, phrases, False)
    assert not is_backchannel("ha ha " * 500 + "stop", phrases, False)


@pytest.mark.parametrize("language", available())
@pytest.mark.parametrize(
    "figure",
    [
        "5",
        "five double",
        "not five",
        "1,200",
        "monday or",
        "may",
        "three pm",
        "no,",
        "the day after",
        "a week from",
        "a couple of",
        "a grand",
    ],
)
def test_values_are_linear(language: str, figure: str) -> None:
    phrases = load(language)
    own = (phrases.numbers, phrases.repairs)

    def read(text: str) -> None:
        for work in (
            lambda: numbers.number_in(text, *own),
            lambda: digits.digits_in(text, *own),
            lambda: dates.date_in(text, phrases.dates, phrases.numbers, date(2026, 11, 28), phrases.repairs),
            lambda: times.time_in(text, phrases.times, *own),
            lambda: name_in(text, phrases),
        ):
            try:
                work()
            except Unclear:
                continue

    assert grows(read, figure) < MOST


@pytest.mark.parametrize("text", ["(", "((", "[", "*", "♪", "a(", "'", "a'", "-5", "1,", "1.1.", "5-", "+", "aaaa"])
def test_text_without_spaces_is_linear(text: str) -> None:
    phrases = load("en")

    def read(text: str) -> None:
        tokens(text)
        classify(text, phrases)
        try:
            numbers.number_in(text, phrases.numbers, phrases.repairs)
        except Unclear:
            return

    short, long = seconds(lambda: read(text * 2000)), seconds(lambda: read(text * 16000))
    assert long < 4 * SLOWEST_S
    assert long / max(short, 1e-3) < 8 * MOST


@pytest.mark.parametrize("text", ["......", 'a."""', "a. ", "a b c ", "Dr. ", "No. ", "?!"])
def test_sentences_are_linear_in_small_pieces(text: str) -> None:
    def stream(count: int) -> None:
        splitter = Sentences()
        for piece in text * count:
            splitter.feed(piece)
        splitter.rest()

    short, long = seconds(lambda: stream(300)), seconds(lambda: stream(2400))
    assert long / max(short, 1e-3) < 8 * MOST
    sentences(text * 5000)


def test_a_pattern_of_an_author_cannot_be_made_slow() -> None:
    with pytest.raises(PatternError, match="write two patterns"):
        compile_pattern("a ... b ... c ... d ... e", {})
    slowest = compile_pattern("[a ...] [a ...] [a ...] z", {})
    assert grows(slowest.search, "a") < MOST


def test_all_language_files_are_covered() -> None:
    assert {path.stem for path in Path(LANGUAGES).glob("*.yaml")} == set(available())
