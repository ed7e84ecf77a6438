"""The flow language is whole in every language that comes with bargein: one call through all of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bargein.data import LANGUAGES
from bargein.dialogue.flow import load
from bargein.dialogue.languages import available
from bargein.dialogue.languages import load as load_language

from .flows import call_of, write

VALUES = "{colour}, {code.value}, {count.value}, {day.value}, {hour.value}, {phone.value}, {gift.value}, {who}."
FLOW = """
language: {language}
queue: front
timezone: Europe/Berlin
slots:
  code: {{type: digits, length: 4}}
  count: {{type: number, min: 1, max: 30}}
  day: {{type: date}}
  hour: {{type: time}}
  phone: {{type: phone}}
  gift: {{type: yes_no}}
  done: {{type: yes_no}}
  who: {{type: name}}
  colour:
    type: choice
    choices: {{red: {{also: [{red}]}}, blue: {{also: [{blue}]}}}}
steps:
  colour: {{ask: "A-?", slot: colour, next: check}}
  check: {{ask: "A {{colour}}?", confirm: colour, next: code}}
  code: {{ask: "B?", slot: code, next: count}}
  count: {{ask: "C?", slot: count, next: day}}
  day: {{ask: "D?", slot: day, next: hour}}
  hour: {{ask: "E?", slot: hour, next: phone}}
  phone: {{ask: "F?", slot: phone, next: gift}}
  gift: {{ask: "G?", slot: gift, next: who}}
  who: {{ask: "H?", slot: who, next: last}}
  last: {{say: "VALUES", ask: "One two three?", slot: done, next: end}}
  end: {{hangup: yes}}
"""
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ENGLISH_ONLY = {  # of a clock of twelve hours; of words that are written alike; of spelling; of words for the lists
    "unclear", "sayings.morning", "sayings.afternoon", "numbers.homophones", "numbers.spoken_digits",
}  # fmt: skip


SPOKEN: Mapping[str, Any] = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "spoken_calls.yaml").read_text("utf-8")
)


@pytest.mark.parametrize("language", SPOKEN)
async def test_a_whole_call(tmp_path: Path, language: str) -> None:
    spoken = SPOKEN[language]["call"]
    flow = load(
        write(
            tmp_path, FLOW.format(language=language, red=spoken["red"], blue=spoken["blue"]).replace("VALUES", VALUES)
        )
    )
    call = call_of(flow, now=lambda: MONDAY)

    async def next_is(words: str, asked: str) -> None:
        answer = await call.says(words)
        assert answer.text.endswith(asked), (words, answer.text)

    await call.start()
    await next_is(spoken["red"], "A red?")
    await next_is(spoken["correct"], "A blue?")
    await next_is(spoken["yes"], "B?")
    await next_is(spoken["code"], "C?")
    await next_is(spoken["count"], "D?")
    await next_is(spoken["day"], "E?")
    await next_is(spoken["hour"], "F?")
    await next_is(spoken["phone"], "G?")
    await next_is(spoken["no"], "H?")
    await next_is(spoken["name"], "One two three?")
    said = call.last.text
    assert said == "blue, 4017, 21, 2026-11-27, 15:30, 0301234567, no, Ada Lovelace. One two three?"
    assert (await call.says(spoken["repeat"], cut="One two")).text == "One two three?"
    assert (await call.says(spoken["stop"], cut="One two")).text == saying(language, "wait")
    end = await call.says(spoken["person"])
    assert end.finish is not None
    assert end.finish.queue == "front"


@pytest.mark.parametrize("language", SPOKEN)
def test_usual_words_are_known(language: str) -> None:
    phrases = load_language(language)
    rules = SPOKEN[language].get("rules", {})
    assert not [(rule, text) for rule, texts in rules.items() for text in texts if not phrases.matches(rule, text)]


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        ("es", "No, el viernes.", "2026-11-27"),
        ("es", "no el lunes, el viernes", "2026-11-27"),
        ("pt", "Não, na sexta-feira.", "2026-11-27"),
        ("it", "No, venerdì.", "2026-11-27"),
        ("en", "No, on Friday.", "2026-11-27"),
    ],
)
async def test_no_in_front_of_a_day_refuses_the_day_before_it(
    tmp_path: Path, language: str, text: str, meant: str
) -> None:
    call = call_of(load(write(tmp_path, DATE.replace("LANGUAGE", language))), now=lambda: MONDAY)
    await call.start()
    assert (await call.says(text)).text == meant


async def test_no_without_a_comma_refuses_what_follows_it(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, DATE.replace("LANGUAGE", "es"))), now=lambda: MONDAY)
    await call.start()
    assert (await call.says("no el viernes")).text.endswith("A?")


DATE = """
language: LANGUAGE
timezone: Europe/Berlin
slots: {day: {type: date}}
steps:
  day: {ask: "A?", slot: day, next: end}
  end: {say: "{day.value}", hangup: yes}
"""


@pytest.mark.parametrize("language", SPOKEN)
async def test_a_date_by_its_day_and_month(tmp_path: Path, language: str) -> None:
    call = call_of(load(write(tmp_path, DATE.replace("LANGUAGE", language))), now=lambda: MONDAY)
    await call.start()
    assert (await call.says(SPOKEN[language]["call"]["date"])).text == "2026-12-03"


def test_each_language_has_every_part() -> None:
    assert set(SPOKEN) == set(available())
    english = parts(contents("en"))
    for language in SPOKEN:
        missing = english - parts(contents(language)) - ENGLISH_ONLY
        assert not missing, f"{language} lacks {sorted(missing)}"


def saying(language: str, name: str) -> str:
    return str(contents(language)["sayings"][name])


def contents(language: str) -> dict[str, Any]:
    return dict(yaml.safe_load((LANGUAGES / f"{language}.yaml").read_text("utf-8")))


def parts(language: Mapping[str, Any]) -> set[str]:
    """The keys, and those of the tables that the program reads by name."""
    tables = ("sayings", "rules", "slot_words", "times")
    return set(language) | {f"{table}.{key}" for table in tables for key in language[table]}
