""" "Next week" belongs to a weekday, or is said of something else: "Friday, next week I'm away"."""

from __future__ import annotations

from datetime import date

import pytest

from .spoken import ASK, day

WEDNESDAY = date(2026, 11, 25)
FRIDAY_AFTER = "2026-12-04"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Friday next week"),
        ("en", "Friday next week, please"),
        ("en", "Friday, next week"),
        ("en", "next week, Friday"),
        ("en", "not this Friday, next week Friday"),
        ("en", "Friday next week instead of this Friday"),
        ("de", "nicht diesen Freitag, nächste Woche Freitag"),
        ("de", "Freitag nächste Woche statt diesen Freitag"),
        ("es", "no este viernes, la semana que viene el viernes"),
        ("es", "el viernes de la semana que viene en vez de este viernes"),
        ("fr", "pas ce vendredi, la semaine prochaine vendredi"),
        ("fr", "vendredi de la semaine prochaine au lieu de ce vendredi"),
        ("it", "non questo venerdì, la prossima settimana venerdì"),
        ("it", "venerdì della prossima settimana invece di questo venerdì"),
        ("nl", "niet deze vrijdag, volgende week vrijdag"),
        ("nl", "vrijdag volgende week in plaats van deze vrijdag"),
        ("pt", "não esta sexta, na próxima semana sexta"),
        ("pt", "sexta da próxima semana em vez desta sexta"),
    ],
)
def test_a_weekday_of_the_next_week(language: str, text: str) -> None:
    assert day(text, language, WEDNESDAY) == FRIDAY_AFTER


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Friday, next week I'm away"),
        ("en", "I'm away next week, Friday please"),
        ("en", "next week I'm away, Friday please"),
        ("de", "Freitag, nächste Woche bin ich weg"),
        ("de", "nächste Woche bin ich weg, Freitag bitte"),
        ("es", "el viernes, la semana que viene no estoy"),
        ("fr", "vendredi, la semaine prochaine je ne suis pas là"),
        ("it", "venerdì, la prossima settimana sono via"),
        ("nl", "vrijdag, volgende week ben ik weg"),
        ("pt", "sexta, na próxima semana estou fora"),
    ],
)
def test_the_week_of_something_else(language: str, text: str) -> None:
    assert day(text, language, WEDNESDAY) == ASK
