"""Days that are named by another day: "not this Friday, the next one", "the day after Monday", "Monday next week"."""

from __future__ import annotations

from datetime import date

import pytest

from bargein.core.language.dates import date_in
from bargein.core.language.values import Unclear
from bargein.dialogue.languages import load
from tests.core.language.spoken import ASK, SATURDAY, day


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "not this Friday, the next", "2026-12-11"),
        ("en", "not this Friday, next Friday", "2026-12-11"),
        ("en", "not Friday, the week after", "2026-12-11"),
        ("en", "not Monday, the day after", "2026-12-01"),
        ("en", "not tomorrow but the day after", "2026-11-30"),
        ("en", "Friday. No, the day before.", "2026-12-03"),
        ("en", "not Monday, the day after, Tuesday", "2026-12-01"),
        ("en", "the day after Monday", "2026-12-01"),
        ("en", "the day after the fifth", "2026-12-06"),
        ("en", "the day after tomorrow", "2026-11-30"),
        ("en", "the Friday after next", "2026-12-11"),
        ("en", "tomorrow week", "2026-12-06"),
        ("en", "Friday in a week", "2026-12-11"),
        ("en", "Tuesday of next week", "2026-12-01"),
        ("en", "next week Wednesday morning", "2026-12-02"),
        ("en", "not this coming Monday but the following one", "2026-12-07"),
        ("en", "not this Monday but the following", "2026-12-07"),
        ("en", "not tomorrow, day after", "2026-11-30"),
        ("en", "not this Friday, the Friday after", "2026-12-11"),
        ("en", "Friday fortnight", "2026-12-18"),
        ("en", "in a fortnight's time", "2026-12-12"),
        ("en", "Monday's fine", "2026-11-30"),
        ("en", "the fifth of next month", "2026-12-05"),
        ("en", "Dec. 5th '27", "2027-12-05"),
        ("en", "2027/12/05", "2027-12-05"),
        ("en", "Monday at nine thirty", "2026-11-30"),
        ("en", "at a quarter to five on Monday", "2026-11-30"),
        ("en", "the fifth not the fifteenth", "2026-12-05"),
        ("en", "not the fifth, the sixth", "2026-12-06"),
        ("en", "the fifth, no, the sixth", "2026-12-06"),
        ("en", "Monday, scratch that, Tuesday", "2026-12-01"),
        ("en", "Monday, or better Tuesday", "2026-12-01"),
        ("de", "nicht diesen Freitag, den nächsten", "2026-12-11"),
        ("de", "nicht morgen, den Tag danach", "2026-11-30"),
        ("de", "übernächsten Freitag", "2026-12-11"),
        ("de", "heute in acht Tagen", "2026-12-05"),
        ("de", "Montag in acht Tagen", "2026-12-07"),
        ("de", "am 5. nächsten Monats", "2026-12-05"),
        ("de", "Montag um halb drei", "2026-11-30"),
        ("de", "Montag um 15 Uhr 30", "2026-11-30"),
        ("de", "den nächsten Freitag", "2026-12-04"),
        ("de", "nächste Woche Mittwoch", "2026-12-02"),
        ("de", "heute in einer Woche", "2026-12-05"),
        ("de", "Freitagnachmittag", "2026-12-04"),
        ("de", "am 5.", "2026-12-05"),
        ("de", "am 5. Mai", "2027-05-05"),
        ("es", "no este viernes, el siguiente", "2026-12-11"),
        ("es", "no mañana, al día siguiente", "2026-11-30"),
        ("es", "el viernes que viene", "2026-12-04"),
        ("es", "el próximo viernes", "2026-12-04"),
        ("es", "el cinco", "2026-12-05"),
        ("fr", "pas ce vendredi, vendredi prochain", "2026-12-11"),
        ("fr", "pas demain, le lendemain", "2026-11-30"),
        ("fr", "le lendemain de lundi", "2026-12-01"),
        ("fr", "le 5", "2026-12-05"),
        ("it", "non questo venerdì, quello dopo", "2026-12-11"),
        ("it", "il giorno dopo lunedì", "2026-12-01"),
        ("it", "mercoledì della prossima settimana", "2026-12-02"),
        ("nl", "niet deze vrijdag, de volgende", "2026-12-11"),
        ("nl", "de dag na maandag", "2026-12-01"),
        ("nl", "vrijdag over een week", "2026-12-11"),
        ("nl", "vrijdagmiddag", "2026-12-04"),
        ("pt", "não esta sexta, a próxima", "2026-12-11"),
        ("pt", "não amanhã, no dia seguinte", "2026-11-30"),
        ("pt", "sexta que vem", "2026-12-04"),
        ("pt", "no dia 5", "2026-12-05"),
    ],
)
def test_a_day_named_by_another(language: str, text: str, value: str) -> None:
    assert day(text, language) == value


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "this Friday or next Friday"),
        ("en", "Friday, but not this Friday"),
        ("en", "if not Monday, then Tuesday"),
        ("en", "Friday in late May"),
        ("en", "Friday, May"),
        ("en", "Monday onwards"),
        ("en", "March 3rd '85"),
        ("en", "Monday at latest"),
        ("de", "in acht Tagen"),
        ("fr", "dans quinze jours"),
        ("en", "Monday or the day after"),
        ("en", "tomorrow, the next one"),
        ("en", "a day before Friday"),
        ("en", "any day after Monday"),
        ("en", "the second Wednesday"),
        ("en", "Sunday next week"),
        ("en", "Monday the week after next"),
        ("en", "Monday in two weeks"),
        ("en", "the first Friday, the second Friday"),
        ("de", "am zweiten Mittwoch"),
        ("es", "el segundo miércoles"),
        ("fr", "le deuxième mercredi"),
        ("it", "il secondo mercoledì"),
        ("nl", "de tweede woensdag"),
        ("pt", "na última sexta do mês"),
    ],
)
def test_rather_asked_for_than_guessed(language: str, text: str) -> None:
    assert day(text, language) == ASK


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "the next one"),
        ("en", "the day after"),
        ("en", "next week"),
        ("en", "what's next"),
        ("fr", "le prochain"),
        ("fr", "le 5 étages"),
        ("es", "el cinco por ciento"),
        ("de", "der 5. Stock ist es"),
    ],
)
def test_without_another_day_there_is_none(language: str, text: str) -> None:
    assert day(text, language) in (None, ASK)


def test_on_a_sunday_weeks_may_begin_today() -> None:
    assert day("Monday next week", today=date(2026, 11, 29)) == ASK
    assert day("Monday next week", today=date(2026, 11, 30)) == "2026-12-07"


@pytest.mark.parametrize(
    ("text", "value"), [("no, the day after", "2026-12-05"), ("a week later", "2026-12-11"), ("the next one", None)]
)
def test_the_day_that_was_said_back(text: str, value: str | None) -> None:
    phrases = load("en")
    try:
        found = date_in(text, phrases.dates, phrases.numbers, SATURDAY, phrases.repairs, date(2026, 12, 4))
    except Unclear:
        found = None
    assert (found.isoformat() if found else None) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "Christmas Eve", "2026-12-24"),
        ("en", "on New Year\u2019s Day", "2027-01-01"),
        ("en", "the day after Boxing Day", "2026-12-27"),
        ("en", "Thursday, Christmas Eve", "2026-12-24"),
        ("en", "Friday, Christmas Eve", ASK),
        ("en", "Good Friday", ASK),
        ("en", "Good, Friday", "2026-12-04"),
        ("en", "Easter Monday", ASK),
        ("de", "am zweiten Weihnachtsfeiertag", "2026-12-26"),
        ("de", "Silvester", "2026-12-31"),
        ("es", "en Nochevieja", "2026-12-31"),
        ("es", "Viernes Santo", ASK),
        ("fr", "le jour de Noël", "2026-12-25"),
        ("it", "a Capodanno", "2027-01-01"),
        ("nl", "tweede kerstdag", "2026-12-26"),
        ("pt", "véspera de Natal", "2026-12-24"),
        ("en", "December 5 next year", "2027-12-05"),
        ("en", "next year on December 5", "2027-12-05"),
        ("en", "Monday next year", ASK),
        ("de", "5. Dezember nächsten Jahres", "2027-12-05"),
        ("es", "el 5 de diciembre del año que viene", "2027-12-05"),
        ("de", "am fünften zwölften", "2026-12-05"),
        ("de", "am 5. 12.", "2026-12-05"),
        ("de", "am fünften, sechsten", ASK),
        ("de", "am fünften dreizehnten", ASK),
        ("de", "Guten Morgen, Freitag bitte", "2026-12-04"),
        ("nl", "goede morgen, vrijdag", "2026-12-04"),
        ("en", "on second thought, Thursday", "2026-12-03"),
        ("en", "first thing Monday", "2026-11-30"),
        ("en", "in May, say the 12th", ASK),
        ("en", "the one after Monday", ASK),
        ("en", "I'm busy Monday, so Tuesday", "2026-12-01"),
        ("en", "I'm busy Monday", ASK),
        ("de", "Montag bin ich verhindert", ASK),
    ],
)
def test_days_by_their_names_and_years(language: str, text: str, value: str) -> None:
    assert day(text, language) == value
