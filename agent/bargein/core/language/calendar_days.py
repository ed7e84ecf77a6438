"""Days of the calendar that lie ahead. Pure."""

from __future__ import annotations

from datetime import date

from .values import Unclear

LEAP_YEARS = 9  # years in which there is surely a 29 February
MONTHS = 3  # in which there is surely a 31st


def next_date(today: date, year: int, month: int, day: int) -> date:
    """A day; without a year (0) the next one. Raises Unclear if there is no such day."""
    for candidate in [year] if year else range(today.year, today.year + LEAP_YEARS):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or found >= today:
            return found
    raise Unclear


def next_of_month(today: date, day: int) -> date:
    """The next day of that number, in this month or a later one. Raises Unclear if there is none."""
    for months in range(MONTHS):
        month = today.month - 1 + months
        try:
            found = date(today.year + month // 12, month % 12 + 1, day)
        except ValueError:
            continue
        if found >= today:
            return found
    raise Unclear
