"""A flow file to a Flow: checks every name, and reports every fault with its line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...core.language.phrases import Phrases
from ...errors import UserError
from ..expression import QUEUE
from ..languages import load as load_language
from .check import Places, check
from .hours import parse_hours, zone_of
from .model import PERSON, Answer, Flow, Hours
from .slots import slot_of
from .source import Faults, Value, parse
from .steps import StepReader, overlap_of

TOP = (
    "name", "language", "language_file", "voice", "queue", "start", "slots", "steps", "answers", "intents", "hours",
    "timezone", "holidays", "variables", "sayings", "backchannels", "failed", "wait", "instructions", "tools",
    "include", "queues", "transfers", "interruptible", "sensitivity", "overlap",
    "duck_db",
)  # fmt: skip
MAX_INCLUDES = 20

T = TypeVar("T")
U = TypeVar("U")


class Builder:
    """Reads one flow; `parts` are the file and those that it includes. It goes on after a fault, to name them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults = Faults()
        self.broken: set[int] = set()  # lines of members with a fault of their own
        self.parts = self._read(path, [])
        self.root, self.top = self.parts[0]
        self.phrases = self._phrases()
        self.reader = StepReader(path.parent, self.top)

    def _read(self, path: Path, seen: list[Path]) -> list[tuple[Value, dict[str, Value]]]:
        root = parse(path, self.faults)
        if not root.is_map:
            root.fail("a flow has slots: and steps:, see docs/flow.md")
        table = root.table(TOP, "setting")
        found = [(root, table)]
        for value in table.get("include", root.none()).items():
            target = (path.parent / value.text()).resolve()
            if target in seen or len(seen) >= MAX_INCLUDES:
                value.fail(f"{value.text()} is included twice")
            seen.append(target)
            if not target.is_file():
                value.fail(f"there is no file {value.text()}")
            found += self._read(target, seen)
        return found

    def _phrases(self) -> Phrases:
        file = self._top("language_file")
        code = self._top("language").text() or "en"
        where = self.top.get("language_file", self.top.get("language", self.root))
        try:
            return load_language(code, str(self.path.parent / file.text()) if not file.is_empty else "")
        except UserError as error:
            where.fail(str(error))

    def _top(self, key: str) -> Value:
        return self.top.get(key, self.root.none())

    def _get(self, key: str, read: Callable[[Value], T], default: U) -> T | U:
        """A setting of the flow; the default if it is left out or wrong."""
        return self.faults.attempt(lambda: read(self.top[key]), default) if key in self.top else default

    def _members(self, section: str) -> list[tuple[str, Value]]:
        """Members of a section over all parts; the same name in two of them is a complaint."""
        found: dict[str, Value] = {}
        nothing: list[tuple[str, Value]] = []
        for root, table in self.parts:
            for name, value in self.faults.attempt(partial(_pairs, table.get(section, root.none())), nothing):
                if name in found:
                    value.report(f"{section}: {name!r} is already in {found[name].file}:{found[name].line}")
                else:
                    found[name] = value
        return list(found.items())

    def _all(self, section: str, make: Callable[[str, Value], T]) -> dict[str, T]:
        """What `make` gives for each member of a section, without those that are wrong."""
        made: dict[str, T] = {}
        for name, value in self._members(section):
            count = len(self.faults)
            if (item := self.faults.attempt(partial(make, name, value), None)) is not None:
                made[name] = item
            if len(self.faults) > count:
                self.broken.add(value.line)
        return made

    def flow(self) -> Flow:
        """The flow. Raises UserError (exit 2) with a line for each fault."""
        reader, get, phrases = self.reader, self._get, self.phrases
        raw = self._members("steps")
        if not raw and not self.faults:
            self.root.report("a flow needs steps:, at least one")
        slots = self._all("slots", lambda name, value: slot_of(name, value, reader.template))
        steps = self._all("steps", reader.step)
        file = get("language_file", Value.text, "")
        flow = Flow(
            name=get("name", Value.text, self.path.stem),
            start=get("start", Value.text, "") or next((name for name, _ in raw), ""),
            steps=steps,
            slots={**slots, **reader.menus},
            language=get("language", Value.text, phrases.language),
            language_file=str(self.path.parent / file) if file else "",
            voice=get("voice", Value.text, ""),
            queue=get("queue", Value.text, "support"),
            failed=get("failed", Value.text, PERSON),
            answers=self._answers(),
            intents=tuple(self._all("intents", reader.intent).values()),
            hours=get("hours", self._hours, None),
            zone=get("timezone", zone_of, UTC),
            variables=self._all("variables", lambda _, value: value.text()),
            sayings=get("sayings", self._sayings, {}),
            backchannels=get("backchannels", Value.texts, ()),
            interruptible=get("interruptible", Value.yes, True),
            sensitivity=get("sensitivity", lambda value: value.number(0, 1), None),
            overlap=get("overlap", overlap_of, None),
            duck_db=get("duck_db", lambda value: value.number(0, 40), None),
            wait_s=int(get("wait", lambda value: value.number(1, 3600), 120)),
            instructions=get("instructions", Value.text, ""),
            queues=get("queues", Value.texts, ()),
            transfers=get("transfers", Value.texts, ()),
            tools=self._all("tools", lambda _, value: reader.webhook(value)),
            asks_queue=any(name.startswith(QUEUE) for name, _ in reader.names),  # last: all is read
        )
        places = Places(
            root=self.root,
            top=self.top,
            steps=dict(raw),
            sound={name for name, value in raw if value.line not in self.broken},
            slots=[name for name, _ in self._members("slots")],
            intents=dict(self._members("intents")),
            answers=self._raw_answers(),
        )
        check(flow, places, reader.names, self.faults)
        self.faults.raise_all()
        return flow

    def _raw_answers(self) -> list[Value]:
        return [value for root, table in self.parts for value in table.get("answers", root.none()).items()]

    def _answers(self) -> tuple[Answer, ...]:
        made = [self.faults.attempt(partial(self.reader.answer, value), None) for value in self._raw_answers()]
        return tuple(answer for answer in made if answer is not None)

    def _hours(self, value: Value) -> Hours:
        return parse_hours(value, zone_of(self._top("timezone")), self._top("holidays"), self.phrases.dates.weekdays)

    def _sayings(self, value: Value) -> dict[str, str]:
        return {name: text.text() for name, text in value.table(sorted(self.phrases.sayings), "saying").items()}


def _pairs(value: Value) -> list[tuple[str, Value]]:
    return list(value.pairs())


def load(path: Path | str) -> Flow:
    """A flow from its file. Raises UserError (exit 2): for each fault a line with the place and the remedy."""
    return Builder(Path(path)).flow()
