"""What FastAGI and AudioSocket share: ids, each used once, and the result of each call."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..clock import Clock
from ..core.turns.records import CallInfo
from ..core.turns.reply import CallResult

ASK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The result of a call, for the dialplan."""

    result: CallResult
    queue: str = ""
    exten: str = ""
    interruptions: int = 0
    summary: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    answered_by: str = ""  # of a call that Asterisk placed


FAILED = CallOutcome(CallResult.FAILED)


class RegistryFull(Exception):
    """Too many ids wait to be used."""


@dataclass(slots=True)
class _TakenCall:
    """A call from the moment its id is used until its outcome is fetched."""

    since: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: CallOutcome = FAILED


class Registry:
    """Ids are random and valid for one `take` within `ttl_s`. An outcome can be fetched for the same time.

    Memory is bounded: at most `capacity` ids wait, and the last `capacity` calls and used ids are remembered.
    """

    def __init__(self, clock: Clock, ttl_s: float = 30.0, capacity: int = 10_000) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._capacity = capacity
        self._waiting: dict[str, tuple[float, CallInfo]] = {}  # oldest first, as dicts keep their order
        self._running: dict[str, _TakenCall] = {}
        self._over: dict[str, _TakenCall] = {}
        self._used: dict[str, None] = {}  # ids that were taken, the oldest first

    def register(self, info: CallInfo) -> str:
        """Return a new id for this call, which replaces `info.id`. Raises RegistryFull."""
        self._forget_the_old()
        if len(self._waiting) >= self._capacity:
            raise RegistryFull(f"{self._capacity} call ids wait to be used")
        call_id = str(uuid.uuid4())
        self._waiting[call_id] = (self._clock.monotonic(), replace(info, id=call_id))
        return call_id

    def expect(self, call_id: str, info: CallInfo) -> None:
        """A call to which another process gave this id."""
        self._forget_the_old()
        self._waiting[call_id] = (self._clock.monotonic(), replace(info, id=call_id))

    def withdraw(self, call_id: str) -> CallInfo | None:
        """Forget an id that nobody will use here. Returns its call, None if it does not wait."""
        entry = self._waiting.pop(call_id, None)
        return entry[1] if entry is not None else None

    async def claim(self, call_id: str) -> CallInfo | None:
        """Take an id that was given to another process of this server. None here: there is no other."""
        return None

    def take(self, call_id: str) -> CallInfo | None:
        """Return the call of this id, once; None if it was never given out, is used or too old."""
        self._forget_the_old()
        entry = self._waiting.pop(call_id, None)
        if entry is None:
            return None
        for remembered in (self._running, self._used):
            while len(remembered) >= self._capacity:
                del remembered[next(iter(remembered))]
        self._running[call_id] = _TakenCall(self._clock.monotonic())
        self._used[call_id] = None
        return entry[1]

    def used(self, call_id: str) -> bool:
        """Whether this id was given out here and used; known for the last `capacity` ids."""
        return call_id in self._used

    def finish(self, call_id: str, outcome: CallOutcome) -> None:
        """The call is over. Does nothing for a call that was not taken here."""
        call = self._running.pop(call_id, None)
        if call is None:
            return
        call.outcome = outcome
        call.since = self._clock.monotonic()
        self._over[call_id] = call
        call.over.set()
        self._forget_the_old()

    async def outcome(self, call_id: str, timeout_s: float) -> CallOutcome | None:
        """Return the outcome of the call, once. Waits for a call in progress: the dialplan may be ahead of the session.

        None if the id is unknown or was never used, if the outcome was fetched before, or if it is not there in time.
        """
        self._forget_the_old()
        self.withdraw(call_id)  # the dialplan has moved on
        running = self._running.get(call_id)
        if running is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    await running.over.wait()
            except TimeoutError:
                return None
        call = self._over.pop(call_id, None)
        return call.outcome if call is not None else None

    async def all_asked_for(self) -> None:
        """Wait until every outcome was fetched. Nobody fetches those of callers who hung up: they expire."""
        while self._over:
            await asyncio.sleep(ASK_AGAIN_S)
            self._forget_the_old()

    @property
    def waiting(self) -> int:
        """How many ids wait to be used."""
        self._forget_the_old()
        return len(self._waiting)

    def __contains__(self, call_id: str) -> bool:
        """Whether the id waits to be used, or its call is in progress."""
        self._forget_the_old()
        return call_id in self._waiting or call_id in self._running

    def __len__(self) -> int:
        """How many calls and ids are remembered."""
        self._forget_the_old()
        return len(self._waiting) + len(self._running) + len(self._over)

    def _forget_the_old(self) -> None:
        oldest = self._clock.monotonic() - self._ttl_s
        while self._waiting and next(iter(self._waiting.values()))[0] < oldest:
            del self._waiting[next(iter(self._waiting))]
        while self._over and (next(iter(self._over.values())).since < oldest or len(self._over) > self._capacity):
            del self._over[next(iter(self._over))]
