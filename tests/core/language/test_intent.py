"""What an interruption is about, with the English language file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.language.agreement import polarity
from bargein.core.language.intent import chosen_in, classify, is_backchannel, is_complete
from bargein.core.language.kinds import Kind
from bargein.core.language.sentences import Sentences, sentences
from bargein.core.language.words import PatternError, compile_pattern, joined, sounds_like, tokens
from bargein.core.turns.records import Turn
from bargein.dialogue.languages import load

EN = load("en")
MUGS = {"red": ("red", "red mug"), "green": ("green", "green mug"), "blue": ("blue", "blue mug")}
DATA = Path(__file__).parents[2] / "data"


def agent_said(text: str) -> Turn:
    return Turn(0, "agent", 0, 0, text, text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("No, the blue one.", Kind.CORRECT),
        ("not red, blue", Kind.CORRECT),
        ("Actually, skip that.", Kind.REDIRECT),
        ("yep, got it, what's next?", Kind.CONFIRM),
        ("How much is the green one?", Kind.QUESTION),
        ("what was that?", Kind.REPEAT),
        ("wait a second", Kind.STOP),
        ("can I talk to a person", Kind.AGENT),
        ("uh-huh", Kind.BACKCHANNEL),
        ("(coughs)", Kind.NOISE),
        ("", Kind.NOISE),
        ("the sky is low today", Kind.OTHER),
    ],
)
def test_the_kind_of_what_a_caller_says(text: str, kind: Kind) -> None:
    assert classify(text, EN, choices=MUGS) is kind


def test_a_choice_is_a_correction_of_what_the_agent_talks_of() -> None:
    assert classify("the blue one", EN, interrupted="One red mug for ten", choices=MUGS) is Kind.CORRECT
    assert classify("the red one", EN, interrupted="We have red, green", choices=MUGS) is Kind.OTHER
    assert classify("the blue one", EN, choices=MUGS, chosen="red") is Kind.CORRECT
    assert classify("yes, the red one", EN, choices=MUGS, chosen="red") is Kind.CONFIRM


def test_choices_may_be_a_plain_list() -> None:
    assert classify("no, green", EN, choices=["green", "red"]) is Kind.CORRECT


def rows() -> Sequence[dict[str, str]]:
    return [row for file in sorted(DATA.glob("phrases_en*.csv")) for row in csv.DictReader(file.open())]


def test_nine_in_ten_phrases_are_understood_from_the_words_alone() -> None:
    """Without the flow's knowledge of what is chosen; scripts/bench/confusion measures with it."""
    said = [row for row in rows() if row["expected"] not in ("other", "correct")]
    right = sum(
        classify(row["text"], EN, question=row["question"] == "yes", choices=MUGS) == row["expected"] for row in said
    )
    assert right >= 0.9 * len(said)


@pytest.mark.parametrize("text", ["yeah", "okay", "Sure.", "right"])
def test_a_yes_is_an_answer_only_over_a_question(text: str) -> None:
    assert is_backchannel(text, EN, question=False)
    assert not is_backchannel(text, EN, question=True)


@pytest.mark.parametrize("text", ["uh-huh", "Mm-hmm.", "mhm", "M-hm", "hmm"])
def test_a_hum_is_a_backchannel_even_over_a_question(text: str) -> None:
    assert is_backchannel(text, EN, question=True)


@pytest.mark.parametrize(
    "text", ["no", "wait", "okay stop", "yeah but how much", "right, the blue one", "can you imagine", ""]
)
def test_what_is_no_backchannel(text: str) -> None:
    assert not is_backchannel(text, EN, question=False)


@pytest.mark.parametrize("text", ["yeah, yeah, I can imagine", "I bet", "oh my god", "oh, that's interesting"])
def test_what_shows_that_the_caller_follows_is_a_backchannel(text: str) -> None:
    assert is_backchannel(text, EN, question=False)


def test_a_flow_may_add_backchannels() -> None:
    assert is_backchannel("aye captain", EN, False, ("aye captain",))
    assert not is_backchannel("aye captain", EN, False)


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("I want", False),
        ("no, the", False),
        ("the blue one and", False),
        ("um", False),
        ("well...", False),
        ("can I", False),
        ("hold on", True),
        ("say that again", True),
        ("the blue one", True),
        ("my name is Smith", None),
        ("", None),
    ],
)
def test_whether_what_was_said_is_a_complete_answer(text: str, complete: bool | None) -> None:
    assert is_complete(text, EN, MUGS) is complete


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("yes", True),
        ("uh-huh", True),
        ("that's right", True),
        ("no problem", True),
        ("no", False),
        ("that's not right", False),
        ("I don't think so", False),
        ("blue", None),
        ("ouch", None),
    ],
)
def test_whether_what_was_said_means_yes_or_no(text: str, yes: bool | None) -> None:
    assert polarity(text, EN) is yes


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("the glue one", "blue"),
        ("the grain mug", "green"),
        ("the read one please", "red"),
        ("not red, blue", "blue"),
        ("blue instead of red", "blue"),
        ("blue, no wait, green", "green"),
        ("anything but red", ""),
        ("ready when you are", ""),
        ("that is great", ""),
    ],
)
def test_choices_through_a_recognizer(text: str, wanted: str) -> None:
    said = [mention.choice for mention in chosen_in(text, EN, MUGS) if not mention.negated]
    assert (said[-1] if said else "") == wanted


def test_words_that_sound_alike_are_taken_for_each_other() -> None:
    assert sounds_like("blew", "blue")
    assert not sounds_like("bill", "blue")
    assert not sounds_like("a", "ab")


def test_a_pattern_matches_alternatives_options_and_gaps() -> None:
    pattern = compile_pattern("^ (say|tell me) [please] <what> ... again", {"what": ["it", "that one"]})
    assert pattern.search(joined(tokens("Say that one to me again.")))
    assert not pattern.search(joined(tokens("Please say it again")))
    assert compile_pattern("= sorry", {}).search("sorry ")
    assert not compile_pattern("= sorry", {}).search("sorry no ")
    for wrong in ("(a|b", "a]", "<none>"):
        with pytest.raises(PatternError):
            compile_pattern(wrong, {})


def test_a_text_is_split_at_the_ends_of_its_sentences() -> None:
    assert sentences("Mr. Smith has it. It is 3.50 dollars! Right?") == [
        "Mr. Smith has it.",
        "It is 3.50 dollars!",
        "Right?",
    ]
    assert sentences("  ...  ") == []


@given(st.text(alphabet="ab .!?é\n", max_size=60), st.integers(1, 7))
def test_sentences_lose_no_word_however_they_come(text: str, size: int) -> None:
    splitter = Sentences()
    out = [s for at in range(0, len(text), size) for s in splitter.feed(text[at : at + size])]
    out += splitter.rest()
    spoken = [word for word in text.split() if any(c.isalnum() for c in word)]
    assert [word for s in out for word in s.split() if any(c.isalnum() for c in word)] == spoken


@given(st.text(max_size=80), st.booleans())
def test_nothing_that_is_recognized_breaks_it(text: str, question: bool) -> None:
    assert isinstance(classify(text, EN, question=question, choices=MUGS), Kind)
    is_complete(text, EN, MUGS)
    polarity(text, EN)


COLOURS = {
    "de": {"rot": ("rot", "rote", "roten"), "grün": ("grün", "grüne"), "blau": ("blau", "blaue")},
    "es": {"rojo": ("rojo",), "verde": ("verde",), "azul": ("azul",)},
    "fr": {"rouge": ("rouge",), "vert": ("vert", "verte"), "bleu": ("bleu", "bleue")},
    "it": {"rosso": ("rosso", "rossa"), "verde": ("verde",), "blu": ("blu",)},
    "pt": {"vermelho": ("vermelho", "vermelha"), "verde": ("verde",), "azul": ("azul",)},
    "nl": {"rood": ("rood", "rode"), "groen": ("groen", "groene"), "blauw": ("blauw", "blauwe")},
}


@pytest.mark.parametrize("language", sorted(COLOURS))
def test_other_languages_understand_nine_in_ten(language: str) -> None:
    said = list(csv.DictReader((DATA / f"phrases_{language}.csv").open(encoding="utf-8")))
    right = sum(classify(row["text"], load(language), choices=COLOURS[language]) == row["expected"] for row in said)
    assert right >= 0.9 * len(said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("language: xx\n", "'lead' is missing"),
        ("- a\n", "a mapping"),
        ("language: [\n", "xx.yaml:2"),
    ],
)
def test_a_wrong_language_file_is_one_line(text: str, words: str) -> None:
    from bargein.dialogue.languages import read
    from bargein.errors import UserError

    with pytest.raises(UserError) as error:
        read(text, "xx.yaml")
    assert words in str(error.value)
