"""Finds days in the caller's words, by the words of a language file. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from .calendar_days import next_date, next_of_month
from .date_text import CENTURY, in_figures, paused, written
from .date_words import Dates
from .number_words import Numbers
from .numbers import cardinals
from .values import PAUSE, REPAIR, Repairs, Said, Unclear, is_figure, merged, the_one

_ORDINAL = re.compile(r"([0-9]{1,2})([^\W\d_]*)")
YEARS = (1900, 2199)
WEEK = 7  # days
WEEKS = 5  # of a month, at most
SUNDAY = 6
MONTHS = 12


def date_in(
    text: str, dates: Dates, numbers: Numbers, today: date, repairs: Repairs, known: date | None = None
) -> date | None:
    """The day that was said, None if there is none. Raises Unclear rather than guess.

    "tomorrow", "next Friday", "a week from Monday", "the fifth of May", "December 5, 2027" and "not Monday, Tuesday"
    are clear; "Monday or Tuesday", "12/05/2027" and "before Friday" are not. A day without a year lies ahead.
    `known` is the day that was spoken of before: "no, the day after".
    """
    return _DateReader(text, dates, numbers, today, repairs, known).read()


class _DateReader:
    """Finds the days in one text. `taken` are the words that are part of one."""

    def __init__(
        self, text: str, dates: Dates, numbers: Numbers, today: date, repairs: Repairs, known: date | None
    ) -> None:
        self.dates, self.numbers, self.today, self.repairs = dates, numbers, today, repairs
        self.known, self.known_weekday = known, False  # the day that was spoken of last; whether by its weekday
        self.words = merged(numbers.words(paused(repairs.marked(written(text, dates, today)), dates)), dates.phrases)
        self.number_at = {said.start: said for said in cardinals(self.words, numbers)}
        self.times = self._times()
        self.taken: set[int] = set()

    def read(self) -> date | None:
        found: list[Said[date]] = []
        at, taken = 0, self.taken
        while at < len(self.words):
            said = self._day_at(at)
            if said is None:
                at += 1
                continue
            taken.update(range(said.start, said.end))
            found.append(said)
            self.known, self.known_weekday = said.value, self._is_weekday(said)
            at = said.end
        found = self._combined(found)
        for said in found:
            taken.update(range(said.start, said.end))
        rest = [(i, word) for i, word in enumerate(self.words) if i not in taken]
        if any(is_figure(word) and i not in self.times for i, word in rest):
            raise Unclear
        if found and any(self._left_over(i, word) for i, word in rest if i not in self.times):
            raise Unclear
        if any(self._is_since(said.start) for said in found):
            raise Unclear  # "from Monday on"
        return the_one(found, self.words, self.repairs)

    def _left_over(self, at: int, word: str) -> bool:
        """Whether a word outside the days would change which day is meant."""
        dates = self.dates
        if word in dates.unclear or dates.units.get(word, 1) > 1 or word in dates.ordinals:
            return True
        if any(word in those for those in (dates.next_week, dates.after_next, dates.idioms, dates.month_of)):
            return True
        if word in dates.following:
            beside = self.words[at + 1 : at + 2]  # "the next Monday", but not "the one after Monday"
            return not (self._is_next(at) and beside and beside[0] in dates.weekdays) or word.split()[-1] in dates.since
        if dates.years.get(word):
            return True
        if word in dates.months:
            last = at == len(self.words) - 1 and at - 1 in self.taken  # "Friday, May"
            return word not in dates.loose or last or (at > 0 and self.words[at - 1] in dates.before_month)
        counted = self.numbers.quantities.keys() | self.numbers.parties.keys()  # "zu zweit"
        no_day = dates.one | self.numbers.articles | counted
        return at in self.number_at and word not in no_day

    def _is_since(self, start: int) -> bool:
        """Whether the day that begins here is the first of several."""
        while start and self.words[start - 1] in self.dates.link:
            start -= 1
        return start > 0 and self.words[start - 1] in self.dates.since

    def _times(self) -> set[int]:
        """Where times of day are, with all their words: "at half past nine"."""
        found: set[int] = set()
        told = {*self.dates.time_words, *self.dates.one}
        for at, word in enumerate(self.words):
            follows = at - 1 in found or (at > 0 and self.words[at - 1] in self.dates.at)
            is_number = at in self.number_at or is_figure(word)
            if (follows and (is_number or word in told)) or (is_number and self._is_time(at)):
                found.add(at)
        return found

    def _is_time(self, at: int) -> bool:
        """ "at three", "3 pm": a time of day beside the day is no part of the day."""
        before = self.words[at - 1] if at else ""
        after = self.words[at + 1] if at + 1 < len(self.words) else ""
        word = self.words[at]
        attached = _ORDINAL.fullmatch(word)
        return (
            before in self.dates.at
            or after in self.dates.clock
            or ":" in word
            or (attached is not None and attached[2] in self.dates.clock)
        )

    # ------------------------------------------------------------------ one day

    def _day_at(self, at: int) -> Said[date] | None:
        for find in (self._following, self._relative, self._in_year):
            if (said := find(at)) is not None:
                return said
        return self._base(at)

    def _base(self, at: int) -> Said[date] | None:
        """A day that may stand behind "the day after" and "a week from": no other such phrase, however many."""
        if at >= len(self.words):
            return None
        for find in (self._near, self._figures, self._of_month, self._weekday):
            if (said := find(at)) is not None:
                return said
        return None

    def _is_next(self, at: int) -> bool:
        """Whether the word is "next" or "the next", which say little beside a weekday."""
        return self.words[at] in self.dates.coming or self.dates.following.get(self.words[at]) == 0

    def _following(self, at: int) -> Said[date] | None:
        """ "The day after Monday"; "not Monday, the day after"; "not this Friday, the next one"."""
        days = self.dates.following.get(self.words[at])
        if days is None:
            return None
        start = self._skip(at + 1)
        base = self._base(start) if days else None
        if base is not None and self.known is not None and base.value == self.known + timedelta(days=days):
            return Said(base.value, at, base.end)  # "not Monday, the day after, Tuesday"
        if base is not None:
            return self._later(base.value, days, at, base.end)
        beside = start < len(self.words) and self.words[start] in self.dates.weekdays
        if self.known is None or beside or not (days or self.known_weekday):
            return None
        return self._later(self.known, days or 7, at, at + 1)

    def _near(self, at: int) -> Said[date] | None:
        """ "tomorrow", "heute in einer Woche", "tomorrow week"."""
        words, dates = self.words, self.dates
        if words[at] not in dates.days:
            return None
        day, end = self.today + timedelta(days=dates.days[words[at]]), at + 1
        if (span := self._ahead(end)) is not None:
            return self._later(day, span[0], at, span[1])
        if end < len(words) and dates.units.get(words[end]) == 7:
            return self._later(day, 7, at, end + 1)
        return Said(day, at, end)

    def _relative(self, at: int) -> Said[date] | None:
        """ "in two days", "two days from now", "a week from" (which needs a day behind it)."""
        words, dates = self.words, self.dates
        if (span := self._ahead(at)) is not None:
            if words[at + 1] in dates.idioms:
                raise Unclear  # "in acht Tagen": in a week, or in eight days?
            return self._later(self.today, span[0], at, span[1])
        if (span := self._span(at)) is None or span[1] >= len(words):
            return None
        days, end = span
        if words[end] in dates.later:
            return self._later(self.today, days, at, end + 1)
        if words[end] in dates.since or (at == 0 and days % 7 == 0):  # "a week on Monday", if nothing stands before
            start = end + 1 if words[end] in dates.since else self._skip(end)
            base = self._base(start)
            if base is not None and words[end] not in dates.since and base.value < self.today:
                raise Unclear  # "a week last Monday" is none of the days to come
            return self._later(base.value, days, at, base.end) if base is not None else None
        return None

    def _ahead(self, at: int) -> tuple[int, int] | None:
        """ "In two weeks" as days, and the word after it."""
        return self._span(at + 1) if at < len(self.words) and self.words[at] in self.dates.ahead else None

    def _span(self, at: int) -> tuple[int, int] | None:
        """ "two weeks" as days, and the word after it."""
        words, dates = self.words, self.dates
        if at >= len(words):
            return None
        if words[at] in dates.idioms:
            return dates.idioms[words[at]], at + 1
        at += words[at] in dates.one and at + 1 in self.number_at  # "a couple of days"
        said = self.number_at.get(at)
        count, end = (int(said.value), self._skip(said.end)) if said is not None else (1, at + (words[at] in dates.one))
        if end == at or end >= len(words) or words[end] not in dates.units:
            return None
        return count * dates.units[words[end]], end + 1

    def _later(self, base: date, days: int, start: int, end: int) -> Said[date]:
        try:
            return Said(base + timedelta(days=days), start, end)
        except OverflowError:
            raise Unclear from None

    def _figures(self, at: int) -> Said[date] | None:
        """2027-12-05, 5.12.2027, 12/25; "25.12. next year"."""
        if (said := in_figures(self.words[at], self.dates.order, self.today)) is None:
            return None
        year, month, day = said
        end = at + 1
        if not year and (given := self._year(end)) is not None:
            year, end = given
        return Said(next_date(self.today, year, month, day), at, end)

    def _of_month(self, at: int) -> Said[date] | None:
        """ "December 5, 2027", "the fifth of May", or "the 5th" alone."""
        words, dates = self.words, self.dates
        if words[at] in dates.months:
            found = self._day_number(self._skip(at + 1), ordinal=False)
            if found is None:
                return None
            return self._with_year(dates.months[words[at]], found[0], at, found[1])
        found = self._day_number(at, ordinal=False)
        if found is None:
            return None
        after = self._skip(found[1])
        if after < len(words) and words[after] in dates.months:
            return self._with_year(dates.months[words[after]], found[0], at, after + 1)
        if after < len(words) and words[after] in dates.month_of:
            years, month = divmod(self.today.month - 1 + dates.month_of[words[after]], MONTHS)
            return Said(next_date(self.today, self.today.year + years, month + 1, found[0]), at, after + 1)
        named = self._day_number(found[1], ordinal=True) if dates.month_ordinals else None
        if named is not None and named[0] <= MONTHS:
            return self._with_year(named[0], found[0], at, named[1])  # "am fünften zwölften"
        alone = self._day_number(at, ordinal=True)
        if alone is None and at and words[at - 1] in dates.day_of and self._ends(found[1]):
            return Said(next_of_month(self.today, found[0]), at, found[1])  # "le cinq"
        if alone is None or not (is_figure(words[at]) or self._ends(alone[1])):
            return None
        of_weekday = any(word in dates.weekdays for word in words[alone[1] : alone[1] + 1])
        if of_weekday and alone[0] <= WEEKS and not is_figure(words[at]):
            raise Unclear  # "the second Wednesday" of a month
        return Said(next_of_month(self.today, alone[0]), at, alone[1])

    def _in_year(self, at: int) -> Said[date] | None:
        """ "Next year on December 5"."""
        year = self._year(at) if self.words[at] in self.dates.years else None
        said = self._of_month(self._skip(year[1])) if year and year[1] < len(self.words) - 1 else None
        return (
            Said(next_date(self.today, year[0], said.value.month, said.value.day), at, said.end)
            if year and said
            else None
        )

    def _ends(self, at: int) -> bool:
        """Whether nothing follows that an ordinal may belong to: "the first available" is no day."""
        ends = {*self.dates.weekdays, *self.dates.at, *self.repairs.negations, REPAIR, PAUSE}
        if at >= len(self.words) or self.words[at] in ends:
            return True
        return self._skip(at) > at and self._day_number(self._skip(at), ordinal=True) is not None  # the 1st, the 2nd

    def _skip(self, at: int) -> int:
        while at < len(self.words) and self.words[at] in self.dates.link:
            at += 1
        return at

    def _day_number(self, at: int, ordinal: bool) -> tuple[int, int] | None:
        """A day of the month and the word after it; `ordinal`: only "5th" and "fifth", not "5" and "five"."""
        words, dates = self.words, self.dates
        if at >= len(words):
            return None
        if words[at] in dates.ordinals:
            return dates.ordinals[words[at]], at + 1
        tens = self.numbers.values.get(words[at], 0)
        if tens in (20, 30) and at + 1 < len(words) and 0 < dates.ordinals.get(words[at + 1], 0) < 10:
            return tens + dates.ordinals[words[at + 1]], at + 2
        if (match := _ORDINAL.fullmatch(words[at])) is not None:
            suffix = "".join(c for c in match[2] if c.isalpha())
            if suffix in dates.suffixes or (not suffix and not ordinal):
                return int(match[1]), at + 1
            return None
        said = self.number_at.get(at)
        if ordinal or said is None or not 1 <= said.value <= 31 or said.value != int(said.value):
            return None
        return int(said.value), said.end

    def _with_year(self, month: int, day: int, start: int, end: int) -> Said[date]:
        paused = self.words[end : end + 1] == [PAUSE]  # a comma
        year, end = self._year(self._skip(end + paused)) or (0, end)
        return Said(next_date(self.today, year, month, day), start, end)

    def _year(self, at: int) -> tuple[int, int] | None:
        """A year ("2027", "next year", "two thousand twenty seven", "nineteen eighty"), and the word after it."""
        if self.words[at : at + 1] and self.words[at] in self.dates.years:
            return self.today.year + self.dates.years[self.words[at]], at + 1
        said = self.number_at.get(at)
        if said is None or said.value != int(said.value):
            return None
        value, end = int(said.value), said.end
        if YEARS[0] <= value <= YEARS[1]:
            return value, end
        rest = self.number_at.get(end)
        if value in (19, 20, 21) and rest is not None and 10 <= rest.value < CENTURY and not is_figure(self.words[at]):
            return value * CENTURY + int(rest.value), rest.end
        return None

    def _weekday(self, at: int) -> Said[date] | None:
        """ "Friday", "last Friday", "Friday week", "the Friday after next", "Friday next week"."""
        words, dates = self.words, self.dates
        if words[at] in dates.next_week:
            paused = words[at + 1 : at + 2] == [PAUSE]
            day = self._skip(at + 1 + paused)
            if day >= len(words) or (paused and (at or day + 1 < len(words))):
                return None
            return self._next_week(words[day], at, day + 1)
        past = words[at] in dates.past
        day = at + past
        if day >= len(words) or words[day] not in dates.weekdays:
            return None
        ahead = (dates.weekdays[words[day]] - self.today.weekday() - 1) % 7 + 1
        end = day + 1
        while end < len(words) and words[end] in dates.parts:
            end += 1
        if ahead == WEEK and at and words[at - 1] in dates.this:
            raise Unclear  # "this Wednesday" on a Wednesday
        if past:
            behind = (self.today.weekday() - dates.weekdays[words[day]] - 1) % 7 + 1
            return Said(self.today - timedelta(days=behind), at, end)
        if (week_end := self._next_week_behind(end)) is not None:
            return self._next_week(words[day], at, week_end)
        beside = {*words[max(0, at - 1) : at], *words[end : end + 1]}
        if end < len(words) and (weeks := dates.units.get(words[end], 1)) % WEEK == 0:
            ahead, end = ahead + weeks, end + 1
        elif beside & dates.after_next:
            ahead += 7
        elif (span := self._ahead(end)) is not None and span[0] == 7:
            ahead, end = ahead + 7, span[1]  # "Freitag in einer Woche"; with two weeks it may be counted otherwise
        value = self.today + timedelta(days=ahead)
        near = [i for i in (at - 1, end) if 0 <= i < len(words)]
        after = end == len(words) - 1 and words[end] in dates.since  # "not this Friday, the Friday after"
        if (after or any(map(self._is_next, near))) and self.known_weekday and value == self.known:
            value, end = value + timedelta(days=7), end + after  # "not this Friday, next Friday"
        start = at - (at > 0 and words[at - 1] in dates.after_next)
        return Said(value, start, end + (end < len(words) and words[end] in dates.after_next))

    def _next_week_behind(self, at: int) -> int | None:
        """The end of "next week" that begins here and belongs to the weekday in front of it; None if none does."""
        paused = self.words[at : at + 1] == [PAUSE]
        week = self._skip(at + paused)
        if week >= len(self.words) or self.words[week] not in self.dates.next_week:
            return None
        rest = self.words[self._skip(week + 1) :]
        return None if (paused and rest) or (rest and rest[0] in self.dates.weekdays) else week + 1

    def _next_week(self, word: str, start: int, end: int) -> Said[date] | None:
        """A weekday of the next week. Raises Unclear where it matters whether weeks begin on Sundays."""
        if word not in self.dates.weekdays:
            return None
        weekday = self.dates.weekdays[word]
        if SUNDAY in (weekday, self.today.weekday()):
            raise Unclear
        while end < len(self.words) and self.words[end] in self.dates.parts:
            end += 1
        return Said(self.today + timedelta(days=7 - self.today.weekday() + weekday), start, end)

    # ------------------------------------------------------------- the calendar

    def _combined(self, found: Sequence[Said[date]]) -> list[Said[date]]:
        """ "Monday the 7th" is one day, if the 7th is a Monday."""
        out: list[Said[date]] = []
        for said in found:
            before = out[-1] if out else None
            apart = self.words[before.end : said.start] if before is not None else []
            apart_from = self.words[said.start] in self.dates.following
            if before is None or apart_from or any(word not in self.dates.link for word in apart):
                out.append(said)
                continue
            first, second = self._is_weekday(before), self._is_weekday(said)
            if first == second:
                out.append(said)
            elif before.value.weekday() != said.value.weekday():
                raise Unclear
            else:
                out[-1] = Said((said if first else before).value, before.start, said.end)
        return out

    def _is_weekday(self, said: Said[date]) -> bool:
        return any(word in self.dates.weekdays for word in self.words[said.start : said.end])
