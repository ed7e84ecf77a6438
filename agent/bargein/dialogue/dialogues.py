"""Chooses the dialogue of a call: the configured flow, another flow by name, or a language model."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..config import Config
from ..core.language.phrases import Phrases
from ..core.turns.records import ANNOUNCEMENT, CallInfo
from ..data import FLOWS
from ..errors import UserError
from .base import Planner
from .expression import QUEUE
from .flow import Flow, FlowPlanner, load
from .flow.prompts import known_sentences
from .languages import load as load_language

log = logging.getLogger(__name__)

READ_S = 2.0  # how long a call waits for a flow that no call has named before
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def find(flow: str) -> Path:
    """The file of a flow: `flow` is a path, or the name of one that comes with bargein. Raises UserError (exit 2)."""
    path = Path(flow)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return path
    shipped = FLOWS / f"{flow}.yaml"
    if NAME.fullmatch(flow) and shipped.is_file():
        return shipped
    names = ", ".join(sorted(p.stem for p in FLOWS.glob("*.yaml")))
    raise UserError(f"there is no flow {flow!r}; name a YAML file, or one of those that come with bargein: {names}", 2)


def read(path: Path, language: str = "") -> Flow:
    """A flow, in `language` if one is configured. Raises UserError."""
    flow = load(path)
    return replace(flow, language=language, language_file="") if language not in ("", flow.language) else flow


class Dialogues:
    """The flows of a server. A call can name one that lies beside the configured flow or comes with bargein.

    `queues(name)`: who is there for the callers of a queue now, as far as it is known."""

    def __init__(self, config: Config, queues: Callable[[str], Mapping[str, str]] = lambda queue: {}) -> None:
        self._config, self._queues = config, queues
        self._main = find(config.dialogue.flow)
        self._flows: dict[str, Flow] = {}
        self._phrases: dict[tuple[str, str], Phrases] = {}  # by language and file, read together with the flow
        self._reading: dict[str, asyncio.Future[None]] = {}  # flows that a call waits for
        self.reload()

    def reload(self) -> None:
        """Read all flows again, without those whose file is gone. If one is wrong, keep all and raise UserError."""
        language = self._config.dialogue.language
        main = read(self._main, language)
        paths = {name: self._found(name, main.language) for name in list(self._flows) if name}
        flows = {"": main, **{name: read(path, language) for name, path in paths.items() if path}}
        self._phrases = {_spoken(flow): load_language(*_spoken(flow)) for flow in flows.values()}
        self._flows = flows

    def prompts(self) -> dict[tuple[str, str], list[str]]:
        """The sentences that are known in advance, by language and voice."""
        known: dict[tuple[str, str], list[str]] = {}
        for flow in self._flows.values():
            known.setdefault((flow.language, flow.voice), []).extend(
                known_sentences(flow, self._phrases[_spoken(flow)].sayings)
            )
        return known

    def recordings(self) -> list[str]:
        """The WAV files that the flows play."""
        steps = [step for flow in self._flows.values() for step in flow.steps.values()]
        return sorted({line.wav for step in steps for line in (*step.lines, *step.ask, *step.again) if line.wav})

    async def prepare(self, name: str) -> None:
        """Read the flow that a call names, if it was not read before: in a thread, and no longer than READ_S.

        Await it before `planner`. Calls that name the same flow wait for the same reading.
        """
        if not name or name in self._flows:
            return
        if name not in self._reading:
            self._reading[name] = asyncio.ensure_future(asyncio.to_thread(self._read_named, name))
            self._reading[name].add_done_callback(lambda _: self._reading.pop(name, None))
        try:
            async with asyncio.timeout(READ_S):
                await asyncio.shield(self._reading[name])
        except TimeoutError:
            log.error("the flow %s takes longer than %.0f s to read; this call gets the configured one", name, READ_S)

    def planner(self, info: CallInfo) -> Planner:
        """The planner of one call. It reads no file: see `prepare`."""
        flow = self._flow(info.dialogue)
        live = partial(self._queues, info.queue or flow.queue)
        if flow.asks_queue and f"{QUEUE}ready" not in {**info.variables, **live()}:
            log.warning("call %s: flow %s asks about queue %r, of which Asterisk says nothing: what depends on it is "
                        "left out", info.id, flow.name, info.queue)  # fmt: skip
        if self._config.dialogue.planner == "llm" and info.dialogue != ANNOUNCEMENT:
            from .llm import LlmPlanner

            return LlmPlanner(self._config.llm, flow, info, self._phrases[_spoken(flow)])
        return FlowPlanner(flow, info, self._phrases[_spoken(flow)], queue=live)

    def name(self, info: CallInfo) -> str:
        """The name of the flow that `planner` chose for this call."""
        return info.dialogue if info.dialogue in self._flows and info.dialogue else self._main.stem

    def _flow(self, name: str) -> Flow:
        """The flow of that name, else the configured one: a typing error must not lose a caller."""
        return self._flows.get(name, self._flows[""])

    def _read_named(self, name: str) -> None:
        """Read a flow that a call names. If that fails, log why; the call gets the configured flow."""
        try:
            flow = read(self._path(name), self._config.dialogue.language)
            phrases = load_language(*_spoken(flow))
        except (UserError, OSError) as error:
            first = str(error).partition("\n")[0]
            log.error("a call asks for a flow that cannot be read and gets the configured one: %s", first)
            return
        self._phrases.setdefault(_spoken(flow), phrases)
        self._flows[name] = flow

    def _path(self, name: str) -> Path:
        """The file of a flow by its name. The name comes through the network: it is a bare word, never a path."""
        if not NAME.fullmatch(name):
            raise UserError("the name of a dialogue has letters, digits, - and _ only", 2)
        if (found := self._found(name, self._flows[""].language)) is None:
            raise UserError(f"there is no flow {name}.yaml beside {self._main}, nor one that comes with bargein", 2)
        return found

    def _found(self, name: str, language: str) -> Path | None:
        """The file beside the configured flow, else the one that comes with bargein, in this language if it can be."""
        if name == self._main.stem:
            return self._main
        code = language.replace("_", "-").partition("-")[0].lower()
        paths = (folder / f"{name}.yaml" for folder in (self._main.parent, FLOWS / code, FLOWS))
        return next((path for path in paths if path.is_file()), None)


def _spoken(flow: Flow) -> tuple[str, str]:
    """What the flow's language is loaded from: a code, and a file or ""."""
    return flow.language, flow.language_file
