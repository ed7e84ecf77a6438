"""A flow as frozen data. `file.py` builds it from a checked file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from ...core.turns.reply import CallResult
from ..expression import QUEUE, Condition, Lookup, needed

SlotType = Literal["choice", "number", "digits", "phone", "date", "time", "text", "name", "yes_no"]
KINDS = ("correct", "redirect", "confirm", "question", "repeat", "stop", "agent", "dtmf", "other", "silence", "no")
BACK, PERSON, HANGUP, AGAIN = "return", "person", "hang_up", "again"  # targets besides steps
SPECIAL = (BACK, PERSON, HANGUP, AGAIN)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a slot. `phrases`: what callers say. `data`: its own fields. `go`: where it leads (menus)."""

    key: str
    say: str
    phrases: tuple[str, ...]
    data: Mapping[str, str] = field(default_factory=dict)
    digit: str = ""
    go: str = ""


@dataclass(frozen=True, slots=True)
class DayBound:
    """The first or last day that a slot takes: a day of the calendar, or a number of days after today."""

    day: date | None = None
    after_today: int = 0

    def on(self, today: date) -> date:
        """The day that is meant if today is `today`."""
        return self.day if self.day is not None else today + timedelta(days=self.after_today)


@dataclass(frozen=True, slots=True)
class Slot:
    """Something that the agent wants to know: one of several choices, or a value of a type."""

    name: str
    type: SlotType = "choice"
    choices: Mapping[str, Choice] = field(default_factory=dict)
    called: tuple[str, ...] = ()  # what callers call it: "no, my name is ..."
    say_back: str = ""
    minimum: int | None = None  # of a number; of the count of digits
    maximum: int | None = None
    earliest: DayBound | time | None = None  # of a date, a time
    latest: DayBound | time | None = None
    offers_own: bool = False  # of a phone number: "yes" and "this number" mean the one that the caller calls from
    own: str = ""  # which that is in this call; "": not known
    secret: bool = False  # the value appears in no row, summary or log line
    menu: bool = False  # asked at every visit; cannot be corrected later

    @property
    def phrases(self) -> dict[str, tuple[str, ...]]:
        """Phrases by choice."""
        return {key: choice.phrases for key, choice in self.choices.items()}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line: a template, or a WAV file with the words in it."""

    text: str
    wav: str = ""
    when: Condition | None = None
    interruptible: bool = True
    sensitivity: float | None = None
    overlap: str | None = None
    duck_db: float | None = None


@dataclass(frozen=True, slots=True)
class Go:
    """A step, and the condition for going there."""

    step: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTP request. Fields of its JSON answer become variables."""

    url: str
    method: str = "POST"
    body: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)  # variable -> path in the answer
    timeout_ms: int = 3000
    failed: str = ""  # step to go to when it fails; "": `next`, with {webhook} empty
    about: str = ""  # what it is for, as a tool of a language model


@dataclass(frozen=True, slots=True)
class End:
    """How the dialogue ends. The texts are templates."""

    result: CallResult
    queue: str = ""
    exten: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. It says its lines, then asks and listens, goes on, or ends the dialogue."""

    name: str
    line: int
    lines: tuple[Prompt, ...] = ()
    ask: tuple[Prompt, ...] = ()
    again: tuple[Prompt, ...] = ()  # a shorter question for the second time
    slot: str = ""
    confirm: tuple[str, ...] = ()
    optional: bool = False  # "skip that" leaves the slot open
    next: tuple[Go, ...] = ()
    set: Mapping[str, str] = field(default_factory=dict)
    call: str = ""
    webhook: Webhook | None = None
    callback: Mapping[str, str] = field(default_factory=dict)  # templates of `number`, `at` and `note`
    end: End | None = None
    on: Mapping[str, str] = field(default_factory=dict)  # kind -> step
    retries: int = 2
    failed: str = ""
    silence_ms: int = 6000
    backchannels: tuple[str, ...] = ()  # besides the flow's

    @property
    def listens(self) -> bool:
        """Whether the caller answers at the end of this step."""
        return bool(self.slot or self.confirm)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question of the caller. `about` is the slot whose choice the question may name."""

    match: tuple[re.Pattern[str], ...]
    say: tuple[Prompt, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """Phrases that lead to a step from anywhere."""

    match: tuple[re.Pattern[str], ...]
    go: str


@dataclass(frozen=True, slots=True)
class Hours:
    """Business hours. `days`: the spans of each day, Monday is 0. Holidays are closed."""

    zone: tzinfo
    days: Mapping[int, tuple[tuple[time, time], ...]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def open(self, now: datetime) -> bool:
        """Whether it is open at `now` (with a time zone)."""
        local = now.astimezone(self.zone)
        if local.date() in self.holidays:
            return False
        return any(first <= local.time() < last for first, last in self.days.get(local.weekday(), ()))


@dataclass(frozen=True, slots=True)
class Flow:
    """A whole flow."""

    name: str
    start: str
    steps: Mapping[str, Step]
    slots: Mapping[str, Slot] = field(default_factory=dict)
    language: str = "en"
    language_file: str = ""
    voice: str = ""
    queue: str = "support"
    failed: str = PERSON
    answers: tuple[Answer, ...] = ()
    intents: tuple[Intent, ...] = ()
    hours: Hours | None = None
    zone: tzinfo = UTC  # of `hours`, and of the days that callers name
    variables: Mapping[str, str] = field(default_factory=dict)
    sayings: Mapping[str, str] = field(default_factory=dict)
    backchannels: tuple[str, ...] = ()
    interruptible: bool = True
    sensitivity: float | None = None
    overlap: str | None = None
    duck_db: float | None = None
    wait_s: int = 120
    instructions: str = ""  # for a language model planner, as are the three below
    asks_queue: bool = False  # it uses {queue.ready} and the like
    queues: tuple[str, ...] = ()  # besides `queue`, where it may send a caller
    transfers: tuple[str, ...] = ()  # extensions that it may transfer to
    tools: Mapping[str, Webhook] = field(default_factory=dict)

    def line(self, text: str) -> Prompt:
        """A sentence that belongs to no step: a saying, or what a language model writes."""
        own = {"sensitivity": self.sensitivity, "overlap": self.overlap, "duck_db": self.duck_db}
        return Prompt(text, interruptible=self.interruptible, **own)  # type: ignore[arg-type]

    def says_back(self, slot: str) -> Step | None:
        """The step that confirms this slot."""
        return next((step for step in self.steps.values() if slot in step.confirm), None)

    def asks_for(self, slot: str) -> Step | None:
        """The step that asks for this slot."""
        return next((step for step in self.steps.values() if step.slot == slot), None)


def is_said(line: Prompt, look: Lookup) -> bool:
    """Whether a line is said: its condition holds, and what it tells of the queue is known."""
    known = all(look(name) for name in needed(line.text) if name.startswith(QUEUE))
    return known and (line.when is None or line.when.holds(look))
