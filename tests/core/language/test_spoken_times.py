"""Days and times in what callers say: right, or asked back; never silently wrong."""

from __future__ import annotations

from datetime import time

import pytest

from tests.core.language.spoken import ASK, clock, day


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("today", "2026-11-28"),
        ("tomorrow", "2026-11-29"),
        ("the day after tomorrow", "2026-11-30"),
        ("on Friday", "2026-12-04"),
        ("next Friday", "2026-12-04"),
        ("last Friday", "2026-11-27"),
        ("Friday week", "2026-12-11"),
        ("a week from Monday", "2026-12-07"),
        ("a week on Monday", "2026-12-07"),
        ("a week last Monday", ASK),
        ("a week yesterday", ASK),
        ("two weeks today", "2026-12-12"),
        ("three days from now", "2026-12-01"),
        ("in a couple of days", "2026-11-30"),
        ("It can't be Monday. It has to be Wednesday.", "2026-12-02"),
        ("I'm away a week, Monday is fine", ASK),
        ("a week from tomorrow", "2026-12-06"),
        ("in two days", "2026-11-30"),
        ("in a week", "2026-12-05"),
        ("the fifth of May", "2027-05-05"),
        ("May 5²", "2027-05-05"),
        ("the twenty-first of June", "2027-06-21"),
        ("December 3rd", "2026-12-03"),
        ("December 5, 2027.", "2027-12-05"),
        ("December fifth twenty twenty seven", "2027-12-05"),
        ("the 5th of June two thousand and twenty seven", "2027-06-05"),
        ("May 5 1980", "1980-05-05"),
        ("the 29th of February", "2028-02-29"),
        ("the 5th", "2026-12-05"),
        ("12/25", "2026-12-25"),
        ("25/12/2026", "2026-12-25"),
        ("2027-12-05", "2027-12-05"),
        ("Monday the 7th", "2026-12-07"),
        ("Tuesday, December 1st", "2026-12-01"),
        ("Friday at 3 pm", "2026-12-04"),
        ("tomorrow evening", "2026-11-29"),
        ("May I come on Friday?", "2026-12-04"),
        ("I may be free on Monday", "2026-11-30"),
        ("not Monday, Tuesday", "2026-12-01"),
        ("not Monday but Tuesday", "2026-12-01"),
        ("Monday, no, Tuesday", "2026-12-01"),
        ("Tuesday instead of Monday", "2026-12-01"),
        ("no, Monday", "2026-11-30"),
        ("whenever", None),
        ("the first available", None),
        ("Monday or Tuesday", ASK),
        ("not Monday or Tuesday", ASK),
        ("anything except Monday", ASK),
        ("any day but Monday", ASK),
        ("Monday doesn't work, Tuesday", "2026-12-01"),
        ("Monday works but Tuesday doesn't", ASK),
        ("Monday if Tuesday isn't possible", ASK),
        ("12/05/2027", ASK),
        ("February 29, 2027", ASK),
        ("February 30", ASK),
        ("the 1st of next month", ASK),
        ("Monday the 8th", ASK),
        ("before Friday", ASK),
        ("Monday to Friday", ASK),
        ("5 people on Monday", ASK),
        ("by the 5th", ASK),
        ("the 5th or so", ASK),
        ("from Monday", ASK),
        ("Friday at the latest", ASK),
        ("3/3/85", ASK),
    ],
)
def test_a_spoken_day_is_that_day_or_none(text: str, value: str | None) -> None:
    assert day(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "morgen", "2026-11-29"),
        ("de", "Montag morgen", "2026-11-30"),
        ("de", "heute morgen", "2026-11-28"),
        ("de", "nicht Montag, Dienstag", "2026-12-01"),
        ("de", "am 5. Dezember 2027", "2027-12-05"),
        ("de", "5.12.2027", "2027-12-05"),
        ("de", "am dritten", "2026-12-03"),
        ("de", "Montag in einer Woche", "2026-12-07"),
        ("de", "außer Montag", ASK),
        ("es", "mañana por la mañana", "2026-11-29"),
        ("es", "el lunes por la mañana", "2026-11-30"),
        ("es", "no, el lunes", "2026-11-30"),
        ("es", "el cinco de mayo", "2027-05-05"),
        ("es", "5/12/2027", "2027-12-05"),
        ("es", "dentro de una semana", "2026-12-05"),
        ("es", "lunes o martes", ASK),
        ("fr", "demain matin", "2026-11-29"),
        ("fr", "après-demain", "2026-11-30"),
        ("fr", "pas lundi, mardi", "2026-12-01"),
        ("fr", "le 5 décembre 2027", "2027-12-05"),
        ("fr", "le premier janvier", "2027-01-01"),
        ("fr", "lundi en huit", ASK),
        ("it", "dopodomani", "2026-11-30"),
        ("it", "non lunedì, martedì", "2026-12-01"),
        ("it", "fra una settimana", "2026-12-05"),
        ("it", "lunedì o martedì", ASK),
        ("pt", "na segunda", "2026-11-30"),
        ("pt", "depois de amanhã", "2026-11-30"),
        ("pt", "o dia cinco de maio", "2027-05-05"),
        ("pt", "segunda ou terça", ASK),
        ("nl", "overmorgen", "2026-11-30"),
        ("nl", "niet maandag, dinsdag", "2026-12-01"),
        ("nl", "over een week", "2026-12-05"),
        ("nl", "maandag of dinsdag", ASK),
        ("es", "el lunes pasado", ASK),
        ("fr", "à partir de lundi", ASK),
        ("pt", "a partir de segunda", ASK),
        ("de", "spätestens Montag", ASK),
        ("de", "am Morgen", None),
    ],
)
def test_days_of_other_languages(language: str, text: str, value: str | None) -> None:
    assert day(text, language) == value


def test_a_day_far_away_is_asked_back() -> None:
    assert day("in 999999999 weeks") == ASK


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3 pm", "15:00"),
        ("3pm", "15:00"),
        ("15:30", "15:30"),
        ("03:30", "03:30"),
        ("03:30 pm", "15:30"),
        ("08:00 in the evening", "20:00"),
        ("08:00 am", "08:00"),
        ("00:30", "00:30"),
        ("4 pm instead", "16:00"),
        ("noon", "12:00"),
        ("12 am", "00:00"),
        ("twenty fifteen", "20:15"),
        ("half past three in the afternoon", "15:30"),
        ("quarter to five pm", "16:45"),
        ("three oh five pm", "15:05"),
        ("ten to four pm", "15:50"),
        ("9 o'clock in the evening", "21:00"),
        ("three pm no four pm", "16:00"),
        ("not three, four pm", "16:00"),
        ("three", "am or pm"),
        ("3:30", "am or pm"),
        ("in the afternoon", None),
        ("3 or 4", ASK),
        ("between 3 and 4", ASK),
        ("nine to five", ASK),
        ("from ten to five", ASK),
        ("after 3 pm", ASK),
        ("25:00", ASK),
        ("0900", "09:00"),
        ("1530", "15:30"),
        ("twelve noon", "12:00"),
        ("in two hours", ASK),
        ("by 5 pm", ASK),
        ("5 pm at the latest", ASK),
    ],
)
def test_a_spoken_time_is_that_time_or_none(text: str, value: str | None) -> None:
    assert clock(text) == value


def test_opening_hours_decide_between_morning_and_afternoon() -> None:
    assert [clock(text, "en", time(9), time(17)) for text in ("three", "nine", "half past three")] == [
        "15:00", "09:00", "15:30",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "halb drei nachmittags", "14:30"),
        ("de", "fünf vor halb drei nachmittags", "14:25"),
        ("de", "zehn nach halb drei nachmittags", "14:40"),
        ("de", "neun bis halb drei", ASK),
        ("nl", "vijf over half drie 's middags", "14:35"),
        ("fr", "midi et demi", "12:30"),
        ("pt", "meio-dia e meia", "12:30"),
        ("de", "15 Uhr 30", "15:30"),
        ("de", "zwanzig Uhr fünfzehn", "20:15"),
        ("de", "viertel vor fünf am Nachmittag", "16:45"),
        ("es", "las tres y media de la tarde", "15:30"),
        ("es", "tres menos cuarto de la tarde", "14:45"),
        ("es", "las ocho de la mañana", "08:00"),
        ("fr", "trois heures et demie de l'après-midi", "15:30"),
        ("fr", "15h30", "15:30"),
        ("fr", "cinq heures moins le quart du soir", "16:45"),
        ("it", "le tre e mezza del pomeriggio", "15:30"),
        ("it", "le cinque meno un quarto di sera", "16:45"),
        ("pt", "três e meia da tarde", "15:30"),
        ("pt", "quinze para as cinco da tarde", "16:45"),
        ("nl", "half drie 's middags", "14:30"),
        ("nl", "twintig uur", "20:00"),
        ("de", "in zwanzig Minuten", ASK),
        ("de", "spätestens 15 Uhr", ASK),
        ("fr", "dans vingt minutes", ASK),
        ("fr", "au plus tard 15h", ASK),
        ("fr", "à partir de 15h", ASK),
        ("es", "en veinte minutos", ASK),
        ("pt", "daqui a duas horas", ASK),
        ("it", "entro le 15", ASK),
        ("nl", "uiterlijk 15 uur", ASK),
    ],
)
def test_times_of_other_languages(language: str, text: str, value: str) -> None:
    assert clock(text, language) == value
