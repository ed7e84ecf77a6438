"""The slots of a flow file: what is to be known, and how callers say it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time

from ...core.language.words import tokens
from .model import Choice, DayBound, Slot
from .source import Value

BUILT_IN = (
    "caller", "own_number", "caller_name", "called", "queue", "dialogue", "open", "said", "today", "webhook", "misses",
    "var", "answered_by", "added",
)  # fmt: skip
SLOT_TYPES = ("choice", "number", "digits", "phone", "date", "time", "text", "name", "yes_no", "callback")
KEYS = ("type", "choices", "called", "say_back", "min", "max", "length", "earliest", "latest", "secret")
BOUNDS = {"min": ("number", "digits", "phone"), "max": ("number", "digits", "phone"), "length": ("digits", "phone"),
          "earliest": ("date", "time"), "latest": ("date", "time")}  # fmt: skip
PHONE_DIGITS = (5, 15)  # the shortest local numbers; E.164 allows 15
_DAYS_AHEAD = re.compile(r"(?:in )?([0-9]{1,4}) days?")


def slot_of(name: str, value: Value, template: Callable[[Value], str]) -> Slot:
    """One slot. Raises Fault."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        value.fail(f"the slot {name!r} needs a name of letters, digits and _")
    if name in BUILT_IN:
        value.fail(f"{name!r} is a name that every flow has; call the slot something else")
    table = value.table(KEYS, "key of a slot")
    kind = table["type"].text() if "type" in table else "choice"
    if kind not in SLOT_TYPES:
        table["type"].unknown(f"{kind!r} is no type of a slot", kind, SLOT_TYPES)
    own, kind = kind == "callback", "phone" if kind == "callback" else kind
    if (kind == "choice") != ("choices" in table):
        value.fail(f"slot {name!r}: a slot has choices:, or a type: of {', '.join(SLOT_TYPES[1:])}")
    for key, types in BOUNDS.items():
        if key in table and kind not in types:
            table[key].report(f"{key}: is for slots of type {' or '.join(types)}, not {kind}")
    low, high = _counts(table, kind)
    earliest, latest = (_bound(table[key], kind) if key in table else None for key in ("earliest", "latest"))
    if _is_after(earliest, latest):
        table["latest"].report(f"latest: {table['latest'].text()} is before earliest: {table['earliest'].text()}")
    called = table.get("called", value.none()).texts()
    return Slot(
        name=name,
        type=kind,  # type: ignore[arg-type]
        choices=choices_of(table["choices"]) if "choices" in table else {},
        called=(*called, name.replace("_", " ")),
        say_back=template(table["say_back"]) if "say_back" in table else "",
        minimum=low,
        maximum=high,
        earliest=earliest,
        latest=latest,
        offers_own=own,
        secret=table["secret"].yes() if "secret" in table else False,
    )


def _counts(table: dict[str, Value], kind: str) -> tuple[int | None, int | None]:
    """The bounds of a number, or of the count of digits."""
    if "length" in table and kind in BOUNDS["length"]:
        exact = int(table["length"].number(1, 40))
        return exact, exact
    limits = (1, 40) if kind in ("digits", "phone") else (-1e9, 1e9)
    low, high = (int(table[key].number(*limits)) if key in table else None for key in ("min", "max"))
    if low is not None and high is not None and low > high:
        table["max"].fail(f"max: {high} is less than min: {low}")
    if kind == "phone":
        return PHONE_DIGITS[0] if low is None else low, PHONE_DIGITS[1] if high is None else high
    return low, high


def _bound(value: Value, kind: str) -> DayBound | time | None:
    """`earliest` or `latest`: a time like 09:00; a day like 2026-12-31, today, tomorrow or 30 days."""
    text = value.text().lower()
    try:
        if kind == "time":
            return time.max if text == "24:00" else time.fromisoformat(text)
        if text in ("today", "tomorrow"):
            return DayBound(after_today=("today", "tomorrow").index(text))
        if match := _DAYS_AHEAD.fullmatch(text):
            return DayBound(after_today=int(match[1]))
        return DayBound(date.fromisoformat(text))
    except ValueError:
        examples = "09:00" if kind == "time" else "today, tomorrow, 30 days, or 2026-12-31"
        value.fail(f"{value.text()!r} cannot be read; write {examples}")


def _is_after(one: DayBound | time | None, other: DayBound | time | None) -> bool:
    """Whether the first bound is surely after the second."""
    if isinstance(one, time) and isinstance(other, time):
        return one > other
    if not (isinstance(one, DayBound) and isinstance(other, DayBound)):
        return False
    if one.day is not None and other.day is not None:
        return one.day > other.day
    return one.day is None and other.day is None and one.after_today > other.after_today


def choices_of(value: Value) -> dict[str, Choice]:
    """Choices from a list of names, or a map. Raises Fault."""
    listed = list(value.pairs()) if value.is_map else [(item.text(), item.none()) for item in value.items()]
    if not listed:
        value.fail("choices: needs at least one")
    found: dict[str, Choice] = {}
    for number, (key, item) in enumerate(listed, 1):
        choice = _choice(key, item, str(number) if number < 10 else "")
        taken = next((c for c in found.values() if choice.digit and c.digit == choice.digit), None)
        if taken:
            item.fail(f"{key!r} has the digit {choice.digit} of {taken.key!r}")
        if key in found:
            value.report(f"the choice {key!r} appears here for the second time")
        for other in found.values():
            if key != other.key and (same := set(choice.phrases) & set(other.phrases)):
                item.report(f"{min(same)!r} stands for {other.key!r} and for {key!r}")
        found[key] = choice
    return found


def _choice(key: str, value: Value, digit: str) -> Choice:
    if not value.is_map:
        return Choice(key, key, _phrases(key, *value.texts()), {}, digit)
    table = value.table()
    say = table["say"].text() if "say" in table else key
    if "digit" in table:
        digit = table["digit"].text()
        if not re.fullmatch(r"[0-9*#]", digit):
            table["digit"].fail(f"{digit!r} is not a key of a telephone: 0 to 9, * or #")
    also = table["also"].texts() if "also" in table else ()
    data = {name: v.text() for name, v in table.items() if name not in ("say", "also", "digit", "go")}
    go = table["go"].text() if "go" in table else ""
    return Choice(key, say, _phrases(key, say, *also), data, digit, go)


def _phrases(*texts: str) -> tuple[str, ...]:
    """What callers may say, in the form of recognized words; an underscore in a key is a space."""
    return tuple(dict.fromkeys(filter(None, (" ".join(tokens(text.replace("_", " "))) for text in texts))))
