"""The steps of a flow file: what they say, ask and do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...core.language.sentences import sentences
from ...core.language.words import PatternError, compile_pattern
from ...core.turns.reply import CallResult
from ...errors import EngineError
from ...speech.audio import check_wav
from ..expression import Condition, ExpressionError, fields
from .model import KINDS, Answer, End, Go, Intent, Prompt, Slot, Step, Webhook
from .slots import choices_of
from .source import Value

STEP = (
    "say", "ask", "again", "slot", "menu", "confirm", "optional", "next", "set", "call", "webhook", "callback", "queue",
    "transfer", "hangup", "voicemail", "continue", "variables", "on", "retries", "failed", "silence", "interruptible",
    "sensitivity", "overlap", "duck_db", "wav", "backchannels",
)  # fmt: skip
READINESS = ("interruptible", "sensitivity", "overlap", "duck_db")  # of the flow, a step or a line: the nearest counts
BARE_ENDS = ("hangup", "voicemail", "continue")  # which name no place
ENDS = ("queue", "transfer", *BARE_ENDS)


def overlap_of(value: Value) -> str:
    """duck or pause. Raises Fault."""
    word = value.text().lower()
    if word not in ("duck", "pause"):
        value.fail(f"duck or pause is expected here, not {word!r}")
    return word


class StepReader:
    """Reads steps, answers and intents. `names` collects the names that templates and conditions use, and where."""

    def __init__(self, folder: Path, top: Mapping[str, Value]) -> None:
        self.folder, self.top = folder, top
        self.menus: dict[str, Slot] = {}
        self.names: list[tuple[str, Value]] = []

    def step(self, name: str, value: Value) -> Step:
        """One step. Raises Fault."""
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
            self.menus[name] = Slot(name, "choice", choices_of(table["menu"]), menu=True)
        lines = (*self.lines(table.get("wav", none), table, wav=True), *self.lines(table.get("say", none), table))
        return Step(
            name=name,
            line=value.line,
            lines=lines,
            ask=self.lines(table.get("ask", none), table),
            again=self.lines(table.get("again", none), table),
            slot=slot,
            confirm=table["confirm"].texts() if "confirm" in table else (),
            optional=table["optional"].yes() if "optional" in table else False,
            next=self._next(table.get("next", none)),
            set={key: self.template(v) for key, v in table.get("set", none).pairs()},
            call=table["call"].text() if "call" in table else "",
            webhook=self.webhook(table["webhook"]) if "webhook" in table else None,
            callback=self._callback(table["callback"]) if "callback" in table else {},
            end=self._end(ends[0], table[ends[0]], table) if ends else None,
            on={key: v.text() for key, v in table.get("on", none).table(KINDS, "kind of interruption").items()},
            retries=int(table["retries"].number(0, 20)) if "retries" in table else 2,
            failed=table["failed"].text() if "failed" in table else "",
            silence_ms=int(table["silence"].number(0.5, 600) * 1000) if "silence" in table else 6000,
            backchannels=table.get("backchannels", none).texts(),
        )

    def lines(self, value: Value, step: Mapping[str, Value], wav: bool = False) -> tuple[Prompt, ...]:
        """The lines: one for each sentence. Raises Fault."""
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
            if "overlap" in merged:
                options["overlap"] = overlap_of(merged["overlap"])
            if "duck_db" in merged:
                options["duck_db"] = merged["duck_db"].number(0, 40)
            sound = item if wav and not item.is_map else table.get("wav")
            said = None if wav and not item.is_map else (table.get("say") if item.is_map else item)
            text = self.template(said) if said is not None else ""
            if sound is not None:
                lines.append(Prompt(text, self._wav(sound), **options))  # type: ignore[arg-type]
            elif not text:
                item.fail("a line needs say: or wav:")
            else:
                lines += [Prompt(part, "", **options) for part in sentences(text)]  # type: ignore[arg-type]
        return tuple(lines)

    def _wav(self, value: Value) -> str:
        path = self.folder / value.text()
        if not path.is_file():
            value.report(f"there is no file {value.text()} beside {Path(value.file).name}")
            return str(path)
        try:
            check_wav(path)
        except EngineError as error:
            value.report(str(error))
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
        variables = {key: self.template(v) for key, v in table.get("variables", none).pairs()}
        if kind in BARE_ENDS:
            if not value.is_empty and not value.yes():
                value.fail(f"{kind}: yes, or leave it out")
            return End(CallResult(kind), variables=variables)
        text = self.template(value)
        if not text:
            value.fail(f"{kind}: needs a name")
        return (
            End(CallResult.QUEUE, queue=text, variables=variables)
            if kind == "queue"
            else End(CallResult.TRANSFER, exten=text, variables=variables)
        )

    def _callback(self, value: Value) -> dict[str, str]:
        table = value.table(("number", "at", "note"), "key of a callback")
        if "number" not in table:
            value.fail('callback: needs number:, such as "{number}"')
        return {name: self.template(text) for name, text in table.items()}

    def webhook(self, value: Value) -> Webhook:
        """A request to the web: of a step, or a tool of a language model. Raises Fault."""
        table = value.table(
            ("url", "method", "body", "headers", "save", "timeout", "failed", "about"), "key of a webhook"
        )
        if "url" not in table:
            value.fail("a webhook needs url:")
        url = self.template(table["url"])
        if not re.match(r"https?://[^/?#{}@]+(?:[/?#]|$)", url):
            table["url"].fail("a webhook's url begins with http:// or https:// and a fixed host")
        method = table["method"].text().upper() if "method" in table else "POST"
        if method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            table["method"].fail(f"{method!r} is not an HTTP method for a webhook")
        none = value.none()
        return Webhook(
            url=url,
            method=method,
            body={key: self.template(v) for key, v in table.get("body", none).pairs()},
            headers={key: self.template(v) for key, v in table.get("headers", none).pairs()},
            save={key: v.text() for key, v in table.get("save", none).pairs()},
            timeout_ms=int(table["timeout"].number(0.05, 30) * 1000) if "timeout" in table else 3000,
            failed=table["failed"].text() if "failed" in table else "",
            about=table["about"].text() if "about" in table else "",
        )

    def _patterns(self, value: Value) -> tuple[re.Pattern[str], ...]:
        if value.is_empty or not value.items():
            value.fail("match: needs at least one phrase")
        found = []
        for item in value.items():
            try:
                pattern = compile_pattern(item.text(), {})
            except PatternError as error:
                value.fail(str(error))
            if pattern.search(""):
                item.fail(f"match: {item.text()!r} fits whatever the caller says")
            found.append(pattern)
        return tuple(found)

    def answer(self, value: Value) -> Answer:
        """An answer to a question of the caller. Raises Fault."""
        table = value.table(("match", "say", "about"), "key of an answer")
        if "match" not in table or "say" not in table:
            value.fail("an answer needs match: and say:")
        return Answer(
            self._patterns(table["match"]),
            self.lines(table["say"], {}),
            table["about"].text() if "about" in table else "",
        )

    def intent(self, name: str, value: Value) -> Intent:
        """Words that lead to a step from anywhere. Raises Fault."""
        table = value.table(("match", "go"), "key of an intent")
        if "match" not in table or "go" not in table:
            value.fail(f"the intent {name!r} needs match: and go:")
        return Intent(self._patterns(table["match"]), table["go"].text())

    def template(self, value: Value) -> str:
        """A text with fields in braces. One that cannot be read is reported."""
        text = value.text()
        if value.ends_at_comment and text[-1:].isalnum():
            value.report("the text ends before #, which begins a comment; put it in quotes")
        try:
            self._known(fields(text), value)
        except ExpressionError as error:
            value.report(str(error))
        return text

    def _condition(self, value: Value) -> Condition | None:
        try:
            condition = Condition(value.text())
        except ExpressionError as error:
            value.report(str(error))
            return None
        self._known(condition.names, value)
        return condition

    def _known(self, names: list[str], value: Value) -> None:
        for name in names:
            self.names.append((name, value))
