"""A flow file to a Flow: every name checked, every complaint with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...core.language.intent import Phrases
from ...core.language.sentences import sentences
from ...core.language.words import PatternError, compile_pattern, tokens
from ...core.turns.reply import CallResult
from ...errors import EngineError
from ...speech.audio import check_wav
from ..expression import Condition, ExpressionError, fields
from ..languages import load as load_language
from .check import BUILT_IN, check
from .hours import parse_hours
from .model import KINDS, Answer, Choice, End, Flow, Go, Hours, Intent, Prompt, Slot, Step, Webhook
from .source import Value, parse

TOP = (
    "name", "language", "language_file", "voice", "queue", "start", "slots", "steps", "answers", "intents", "hours",
    "timezone", "holidays", "variables", "sayings", "backchannels", "failed", "wait", "instructions", "tools",
    "include", "queues", "transfers", "interruptible", "sensitivity",
)  # fmt: skip
STEP = (
    "say", "ask", "again", "slot", "menu", "confirm", "optional", "next", "set", "call", "webhook", "queue", "transfer",
    "hangup", "continue", "variables", "on", "retries", "failed", "silence", "interruptible", "sensitivity", "wav",
    "backchannels",
)  # fmt: skip
READINESS = ("interruptible", "sensitivity")  # of the flow, a step or a line: the nearest counts
SLOT_TYPES = ("choice", "number", "digits", "date", "text", "name", "yes_no")
ENDS = ("queue", "transfer", "hangup", "continue")
MAX_INCLUDES = 20


class Builder:
    """Reads one flow; `parts` are the file and those that it includes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts = self._read(path, [])
        self.top = self.parts[0][1]
        self.phrases = self._phrases()
        self.menus: dict[str, Slot] = {}
        self.names: list[tuple[str, Value]] = []  # used in templates and conditions, and where

    def _read(self, path: Path, seen: list[Path]) -> list[tuple[Value, dict[str, Value]]]:
        root = parse(path)
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
        root = self.parts[0][0]
        file = self.top.get("language_file", root.none())
        code = self.top["language"].text() if "language" in self.top else "en"
        where = self.top.get("language", root)
        try:
            return load_language(code, str(self.path.parent / file.text()) if not file.is_empty else "")
        except Exception as error:
            where.fail(str(error))

    def _members(self, section: str) -> list[tuple[str, Value]]:
        """Members of a section over all parts; the same name in two of them is a complaint."""
        found: dict[str, Value] = {}
        for root, table in self.parts:
            for name, value in table.get(section, root.none()).pairs():
                if name in found:
                    value.fail(f"{section}: {name!r} is already in {found[name].file}:{found[name].line}")
                found[name] = value
        return list(found.items())

    # ------------------------------------------------------------------- the whole

    def flow(self) -> Flow:
        root, top = self.parts[0][0], self.top
        slots = {name: self._slot(name, value) for name, value in self._members("slots")}
        raw = self._members("steps")
        if not raw:
            root.fail("a flow needs steps:, at least one")
        steps = {name: self._step(name, value) for name, value in raw}
        start = top["start"].text() if "start" in top else next(iter(steps))
        text = {key: top[key].text() for key in ("name", "language", "voice", "queue", "instructions") if key in top}
        flow = Flow(
            **{"name": self.path.stem, "language": self.phrases.language, **text},
            start=start,
            steps=steps,
            slots={**slots, **self.menus},
            language_file=str(self.path.parent / top["language_file"].text()) if "language_file" in top else "",
            failed=top["failed"].text() if "failed" in top else "person",
            answers=tuple(self._answer(v) for root, t in self.parts for v in t.get("answers", root.none()).items()),
            intents=tuple(self._intent(name, value) for name, value in self._members("intents")),
            hours=self._hours(),
            variables={name: value.text() for name, value in self._members("variables")},
            sayings=self._sayings(),
            backchannels=top.get("backchannels", root.none()).texts(),
            interruptible=top["interruptible"].yes() if "interruptible" in top else True,
            sensitivity=top["sensitivity"].number(0, 1) if "sensitivity" in top else None,
            wait_s=int(top["wait"].number(1, 3600)) if "wait" in top else 120,
            queues=top.get("queues", root.none()).texts(),
            transfers=top.get("transfers", root.none()).texts(),
            tools={name: self._webhook(value) for name, value in self._members("tools")},
        )
        check(flow, dict(raw), self.names, root)
        return flow

    def _hours(self) -> Hours | None:
        root, top = self.parts[0][0], self.top
        if "hours" not in top:
            return None
        zone = top.get("timezone", root.none())
        return parse_hours(top["hours"], zone, top.get("holidays", root.none()))

    def _sayings(self) -> dict[str, str]:
        known = sorted(self.phrases.sayings)
        root = self.parts[0][0]
        return {
            name: value.text() for name, value in self.top.get("sayings", root.none()).table(known, "saying").items()
        }

    # ----------------------------------------------------------------------- slots

    def _slot(self, name: str, value: Value) -> Slot:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            value.fail(f"the slot {name!r} needs a name of letters, digits and _")
        if name in BUILT_IN:
            value.fail(f"{name!r} is a name that every flow has; call the slot something else")
        table = value.table(("type", "choices", "called", "say_back", "min", "max", "length"), "key of a slot")
        kind = table["type"].text() if "type" in table else "choice"
        if kind not in SLOT_TYPES:
            table["type"].unknown("type", kind, SLOT_TYPES)
        if (kind == "choice") != ("choices" in table):
            value.fail(f"slot {name!r}: a slot has choices:, or a type: of {', '.join(SLOT_TYPES[1:])}")
        low, high = table.get("min"), table.get("max")
        if "length" in table:
            low = high = table["length"]
        called = table.get("called", value.none()).texts()
        return Slot(
            name=name,
            type=kind,  # type: ignore[arg-type]
            choices=self._choices(table["choices"]) if "choices" in table else {},
            called=(*called, name.replace("_", " ")),
            say_back=self._template(table["say_back"]) if "say_back" in table else "",
            minimum=int(low.number(-1e9, 1e9)) if low else None,
            maximum=int(high.number(-1e9, 1e9)) if high else None,
        )

    def _choices(self, value: Value) -> dict[str, Choice]:
        listed = list(value.pairs()) if value.is_map else [(item.text(), item.none()) for item in value.items()]
        if not listed:
            value.fail("choices: needs at least one")
        found: dict[str, Choice] = {}
        for number, (key, item) in enumerate(listed, 1):
            choice = self._choice(key, item, str(number) if number < 10 else "")
            taken = next((c for c in found.values() if choice.digit and c.digit == choice.digit), None)
            if taken:
                item.fail(f"{key!r} has the digit {choice.digit} of {taken.key!r}")
            found[key] = choice
        return found

    def _choice(self, key: str, value: Value, digit: str) -> Choice:
        if not value.is_map:
            return Choice(key, key, _phrases(key, *value.texts()), {}, digit)
        table = value.table()
        say = table["say"].text() if "say" in table else key
        if "digit" in table:
            digit = table["digit"].text()
            if not re.fullmatch(r"[0-9*#]", digit):
                table["digit"].fail(f"{digit!r} is no key of a telephone: 0 to 9, * or #")
        also = table["also"].texts() if "also" in table else ()
        data = {name: v.text() for name, v in table.items() if name not in ("say", "also", "digit", "go")}
        go = table["go"].text() if "go" in table else ""
        return Choice(key, say, _phrases(key, say, *also), data, digit, go)

    # ----------------------------------------------------------------------- steps

    def _step(self, name: str, value: Value) -> Step:
        table = value.table(STEP, "key of a step")
        none = value.none()
        ends = [key for key in ENDS if key in table]
        if len(ends) > 1:
            table[ends[1]].fail(f"step {name!r} ends in two ways: {ends[0]} and {ends[1]}")
        asking = [key for key in ("slot", "menu", "confirm") if key in table]
        if len(asking) > 1:
            table[asking[1]].fail(f"step {name!r} listens for one thing only: {' or '.join(asking)}")
        if "ask" in table and not asking:
            table["ask"].fail(f"step {name!r} asks; say for what: slot:, menu: or confirm:")
        slot = table["slot"].text() if "slot" in table else ""
        if "menu" in table:
            slot = name
            self.menus[name] = Slot(name, "choice", self._choices(table["menu"]), menu=True)
        lines = (*self._lines(table.get("wav", none), table, wav=True), *self._lines(table.get("say", none), table))
        return Step(
            name=name,
            line=value.line,
            lines=lines,
            ask=self._lines(table.get("ask", none), table),
            again=self._lines(table.get("again", none), table),
            slot=slot,
            confirm=table["confirm"].texts() if "confirm" in table else (),
            optional=table["optional"].yes() if "optional" in table else False,
            next=self._next(table.get("next", none)),
            set={key: self._template(v) for key, v in table.get("set", none).pairs()},
            call=table["call"].text() if "call" in table else "",
            webhook=self._webhook(table["webhook"]) if "webhook" in table else None,
            end=self._end(ends[0], table[ends[0]], table) if ends else None,
            on={key: v.text() for key, v in table.get("on", none).table(KINDS, "way of an interruption").items()},
            retries=int(table["retries"].number(0, 20)) if "retries" in table else 2,
            failed=table["failed"].text() if "failed" in table else "",
            silence_ms=int(table["silence"].number(0.5, 600) * 1000) if "silence" in table else 6000,
            backchannels=table.get("backchannels", none).texts(),
        )

    def _lines(self, value: Value, step: Mapping[str, Value], wav: bool = False) -> tuple[Prompt, ...]:
        lines: list[Prompt] = []
        for item in value.items():
            table = item.table(("say", "wav", "when", *READINESS)) if item.is_map else {}
            merged = {**{k: outer[k] for outer in (self.top, step) for k in READINESS if k in outer}, **table}
            options: dict[str, object] = {}
            if "when" in merged:
                options["when"] = self._condition(merged["when"])
            if "interruptible" in merged:
                options["interruptible"] = merged["interruptible"].yes()
            if "sensitivity" in merged:
                options["sensitivity"] = merged["sensitivity"].number(0, 1)
            sound = item if wav and not item.is_map else table.get("wav")
            said = None if wav and not item.is_map else (table.get("say") if item.is_map else item)
            text = self._template(said) if said is not None else ""
            if sound is not None:
                lines.append(Prompt(text, self._wav(sound), **options))  # type: ignore[arg-type]
            elif not text:
                item.fail("a line needs say: or wav:")
            else:
                lines += [Prompt(part, "", **options) for part in sentences(text)]  # type: ignore[arg-type]
        return tuple(lines)

    def _wav(self, value: Value) -> str:
        path = self.path.parent / value.text()
        if not path.is_file():
            value.fail(f"there is no file {value.text()} beside {Path(value.file).name}")
        try:
            check_wav(path)
        except EngineError as error:
            value.fail(str(error))
        return str(path)

    def _next(self, value: Value) -> tuple[Go, ...]:
        found = []
        for item in value.items():
            if item.is_map:
                table = item.table(("when", "go"), "key of next")
                if "go" not in table:
                    item.fail("next: needs go: STEP")
                found.append(Go(table["go"].text(), self._condition(table["when"]) if "when" in table else None))
            else:
                found.append(Go(item.text()))
        if found and found[-1].when is not None:
            value.fail("the last next: needs no condition, or a caller may be stuck; add '- STEP' at its end")
        return tuple(found)

    def _end(self, kind: str, value: Value, table: Mapping[str, Value]) -> End:
        none = value.none()
        variables = {key: self._template(v) for key, v in table.get("variables", none).pairs()}
        if kind in ("hangup", "continue"):
            if not value.is_empty and not value.yes():
                value.fail(f"{kind}: yes, or leave it out")
            return End(kind, variables=variables)  # type: ignore[arg-type]
        text = self._template(value)
        if not text:
            value.fail(f"{kind}: needs a name")
        return (
            End(CallResult.QUEUE, queue=text, variables=variables)
            if kind == "queue"
            else End(CallResult.TRANSFER, exten=text, variables=variables)
        )

    def _webhook(self, value: Value) -> Webhook:
        table = value.table(
            ("url", "method", "body", "headers", "save", "timeout", "failed", "about"), "key of a webhook"
        )
        if "url" not in table:
            value.fail("a webhook needs url:")
        url = self._template(table["url"])
        if not re.match(r"https?://[^/?#{}@]+(?:[/?#]|$)", url):
            table["url"].fail("a webhook's url begins with http:// or https:// and a fixed host")
        method = table["method"].text().upper() if "method" in table else "POST"
        if method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            table["method"].fail(f"{method!r} is no HTTP method for a webhook")
        none = value.none()
        return Webhook(
            url=url,
            method=method,
            body={key: self._template(v) for key, v in table.get("body", none).pairs()},
            headers={key: self._template(v) for key, v in table.get("headers", none).pairs()},
            save={key: v.text() for key, v in table.get("save", none).pairs()},
            timeout_ms=int(table["timeout"].number(0.05, 30) * 1000) if "timeout" in table else 3000,
            failed=table["failed"].text() if "failed" in table else "",
            about=table["about"].text() if "about" in table else "",
        )

    # ------------------------------------------------------------ what callers say

    def _patterns(self, value: Value) -> tuple[re.Pattern[str], ...]:
        try:
            return tuple(compile_pattern(text, {}) for text in value.texts())
        except PatternError as error:
            value.fail(str(error))

    def _answer(self, value: Value) -> Answer:
        table = value.table(("match", "say", "about"), "key of an answer")
        if "match" not in table or "say" not in table:
            value.fail("an answer needs match: and say:")
        return Answer(
            self._patterns(table["match"]),
            self._lines(table["say"], {}),
            table["about"].text() if "about" in table else "",
        )

    def _intent(self, name: str, value: Value) -> Intent:
        table = value.table(("match", "go"), "key of an intent")
        if "match" not in table or "go" not in table:
            value.fail(f"the intent {name!r} needs match: and go:")
        return Intent(self._patterns(table["match"]), table["go"].text())

    def _template(self, value: Value) -> str:
        text = value.text()
        try:
            self._known(fields(text), value)
        except ExpressionError as error:
            value.fail(str(error))
        return text

    def _condition(self, value: Value) -> Condition:
        try:
            condition = Condition(value.text())
        except ExpressionError as error:
            value.fail(str(error))
        self._known(condition.names, value)
        return condition

    def _known(self, names: list[str], value: Value) -> None:
        for name in names:
            self.names.append((name, value))


def _phrases(*texts: str) -> tuple[str, ...]:
    """What callers may say, in the form of recognized words; an underscore in a key is a space."""
    return tuple(dict.fromkeys(filter(None, (" ".join(tokens(text.replace("_", " "))) for text in texts))))


def load(path: Path | str) -> Flow:
    """A flow from its file. Raises UserError (exit 2) that names file, line and how to mend it."""
    return Builder(Path(path)).flow()
