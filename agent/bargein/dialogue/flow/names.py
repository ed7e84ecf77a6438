"""The values of names in templates and conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time

from ...core.language.digits import read_back
from ...core.language.phrases import Phrases
from ...core.language.times import HALF_DAY
from ...core.turns.records import CallInfo
from .model import Flow, Slot

_NUMBER = re.compile(r"\+?[0-9]{2,15}", re.ASCII)  # an extension of the house, too
_NUMBERS = ("caller", "own_number", "called")
READ_BACK = range(4, 7)  # digits of a number that a voice would call so many thousands; it spells longer ones


class Names:
    """Looks up slots, variables and facts of the call for `render` and `Condition.holds`."""

    def __init__(
        self,
        flow: Flow,
        phrases: Phrases,
        call: CallInfo,
        now: datetime,
        values: Mapping[str, str],
        variables: Mapping[str, str],
        said: str = "",
    ) -> None:
        self._flow, self._phrases, self._call, self._now = flow, phrases, call, now
        self._values, self._variables, self._caller_input = values, variables, said

    def spoken(self, path: str) -> str:
        """A value as the agent says it: the `say` of a choice, digits in groups, a day with its weekday."""
        head, _, rest = path.partition(".")
        slot = self._flow.slots.get(head)
        if slot is None:
            value = self._other(path)
            short = path in _NUMBERS and value.isdecimal() and len(value) in READ_BACK
            return read_back(value) if short else value
        return self._field(slot, rest) if rest else spoken_value(slot, self._values.get(head, ""), self._phrases)

    def plain(self, path: str) -> str:
        """A value as it is stored, for conditions, requests and variables."""
        head, _, rest = path.partition(".")
        slot = self._flow.slots.get(head)
        if slot is None:
            return self._other(path)
        return self._field(slot, rest) if rest else self._values.get(head, "")

    def _field(self, slot: Slot, name: str) -> str:
        value = self._values.get(slot.name, "")
        if name in ("key", "value"):
            return value
        choice = slot.choices.get(value)
        if choice is None:
            return ""
        return choice.say if name == "say" else choice.data.get(name, "")

    def _other(self, path: str) -> str:
        call = self._call
        match path:
            case "open":
                hours = self._flow.hours
                return "yes" if hours is None or hours.open(self._now) else ""
            case "today":
                return self._now.astimezone(self._flow.zone).date().isoformat()
            case "said":
                return self._caller_input
        known = {
            "caller": call.caller, "caller_name": call.caller_name, "called": call.called, "queue": call.queue,
            "dialogue": call.dialogue, "own_number": own_number(call),
        }  # fmt: skip
        name = path.removeprefix("var.")
        if name in self._variables:  # including variables that a step has emptied
            return self._variables[name]
        return next((table[name] for table in (known, call.variables, self._flow.variables) if table.get(name)), "")


def own_number(call: CallInfo) -> str:
    """The number that the caller calls from, if it is one that can be called."""
    return call.caller if _NUMBER.fullmatch(call.caller) else ""


def spoken_value(slot: Slot, value: str, phrases: Phrases) -> str:
    """A stored value as the agent says it."""
    if slot.choices:
        return slot.choices[value].say if value in slot.choices else value
    if slot.type in ("digits", "phone"):
        return read_back(value)
    if slot.type == "date" and value:
        return spoken_date(date.fromisoformat(value), phrases)
    if slot.type == "time" and value:
        return spoken_time(time.fromisoformat(value), phrases)
    return value


def spoken_date(day: date, phrases: Phrases) -> str:
    """A day in the form of the saying `date`: "{weekday}, {month} {day}"."""
    weekday = next((name for name, n in phrases.dates.weekdays.items() if n == day.weekday()), "")
    month = next((name for name, n in phrases.dates.months.items() if n == day.month), str(day.month))
    form = phrases.sayings.get("date", "{weekday}, {month} {day}")
    return _filled(form, weekday=weekday.capitalize(), month=month.capitalize(), day=str(day.day))


def spoken_time(at: time, phrases: Phrases) -> str:
    """A time in the form of the saying `time` ("{hour}:{minute} {half}"), on the full hour `full_hour`.

    If the language has the sayings `morning` and `afternoon`, {half} is one of them and {hour} counts to 12.
    """
    sayings = phrases.sayings
    half = sayings.get("morning" if at.hour < HALF_DAY else "afternoon", "")
    hour = (at.hour % HALF_DAY or HALF_DAY) if half else at.hour
    form = sayings.get("time", "{hour}:{minute}")
    if not at.minute:
        form = sayings.get("full_hour", form)
    return _filled(form, hour=str(hour), minute=f"{at.minute:02d}", half=half)


def _filled(form: str, **fields: str) -> str:
    for name, text in fields.items():
        form = form.replace(f"{{{name}}}", text)
    return form
