"""What `bargein doctor --asterisk` looks at: the PBX's modules, its dialplan, and a call placed for the purpose."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from .clock import Clock, SystemClock
from .doctor import Check, failed, is_our_fastagi, ok
from .pbx import Pbx, PbxError, connect

NEEDED = {
    "res_agi": "the dialplan asks for the call id with AGI",
    "res_audiosocket": "it carries the audio",
    "app_audiosocket": "the application AudioSocket",
    "app_exec": "TryExec: the dialplan goes on when the server is down",
    "app_queue": "the queue behind the agent",
}
OPTIONAL = {"func_uuid", "chan_audiosocket"}
OLDEST = (18, 0)  # the first with an AudioSocket that is still maintained
CALL_S = 8  # as long as the test call may take to reach the agent
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Entrance:
    """An extension of the dialplan that leads to the agent."""

    context: str
    exten: str


async def examine_pbx(where: str, exten: str | None, fastagi: str, clock: Clock | None = None) -> AsyncIterator[Check]:
    """Every check of the PBX at `where` (see `pbx.connect`), as it is done.

    `exten` is EXTEN or EXTEN@CONTEXT to call; None: the only one that leads to the agent. `fastagi` is where our
    server should be: without it the test call would ring people.
    """
    try:
        pbx = await connect(where)
    except PbxError as error:
        yield failed("asterisk", error)
        return
    try:
        yield await version(pbx)
        yield await modules(pbx)
        entrances = dialplan_entrances(await pbx.command("dialplan show"))
        yield dialplan(entrances)
        yield await call(pbx, entrances, exten, fastagi, clock or SystemClock())
    except PbxError as error:
        yield failed("asterisk", error)
    finally:
        await pbx.close()


async def version(pbx: Pbx) -> Check:
    """Asterisk answers, and is no older than AudioSocket."""
    told = (await pbx.command("core show version")).strip()
    text = told.split(" built by")[0] or "no version told"
    found = re.search(r"(\d+)\.(\d+)", text)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        return Check("asterisk", "fail", f"{pbx.where}: {text}", "AudioSocket needs Asterisk 18 or newer: upgrade")
    return ok("asterisk", f"{pbx.where}: {text}")


async def modules(pbx: Pbx) -> Check:
    """What the dialplan needs is loaded."""
    shown = await pbx.command("module show")
    loaded = {m[1] for m in re.finditer(r"^(\w+)\.so\b.*\bRunning\b", shown, re.MULTILINE)}
    missing = [name for name in NEEDED if name not in loaded]
    if missing:
        why = "; ".join(f"{name} ({NEEDED[name]})" for name in missing)
        remedy = f"asterisk -rx 'module load {missing[0]}.so', and `load = {missing[0]}.so` in modules.conf"
        return Check("modules", "fail", f"not loaded: {why}", remedy)
    more = sorted(OPTIONAL & loaded)
    return ok("modules", ", ".join([*NEEDED, *more]))


def dialplan_entrances(shown: str) -> list[Entrance]:
    """Extensions that go to the agent, by `dialplan show`: with agi://.../start, or a Gosub to such a context."""
    steps: list[tuple[Entrance, str]] = []
    context = exten = ""
    for line in shown.splitlines():
        if found := re.match(r"\[ Context '([^']+)'", line):
            context, exten = found[1], ""
        elif found := re.match(r"\s+(?:'([^']+)' \(CID match '[^']*'\) =>|'([^']+)' =>)?\s*(?:\[\S+\]\s*)?(.*)", line):
            exten = found[1] or found[2] or exten
            if context and exten:
                steps.append((Entrance(context, exten), found[3]))
    starts = [where for where, step in steps if re.search(r"AGI\(agi://[^)]*/start", step)]
    subroutines = {where.context for where in starts if where.exten == "s"}
    direct = [where for where in starts if where.exten != "s"]
    by_gosub = [
        where for where, step in steps if any(re.search(rf"Gosub\({re.escape(name)},", step) for name in subroutines)
    ]
    return list(dict.fromkeys(direct + by_gosub))


def dialplan(entrances: list[Entrance]) -> Check:
    """Some extension leads to the agent."""
    if not entrances:
        remedy = (
            "bargein dialplan --exten 700 --queue NAME > /etc/asterisk/bargein-700.conf, include it, dialplan reload"
        )
        return Check("dialplan", "fail", "no extension leads to the agent", remedy)
    return ok("dialplan", ", ".join(f"{e.exten}@{e.context}" for e in entrances))


async def call(pbx: Pbx, entrances: list[Entrance], exten: str | None, fastagi: str, clock: Clock) -> Check:
    """Call the extension, see it reach the agent, hang up."""
    name = "test call"
    target = _target(entrances, exten)
    if isinstance(target, str):
        return Check(name, "warn", "not placed", target)
    if not await is_our_fastagi(fastagi):
        return Check(name, "fail", "not placed: the server is not running", "systemctl start bargein, or bargein serve")
    channel = f"Local/{target.exten}@{target.context}"
    before = await _legs(pbx, channel)
    placed = clock.monotonic()
    await pbx.originate(f"{channel}/n", CALL_S)
    reached, seen = None, ""
    new: dict[str, str] = {}
    while reached is None and clock.monotonic() - placed < CALL_S:
        new = {leg: app for leg, app in (await _legs(pbx, channel)).items() if leg not in before}
        if any("AudioSocket" in app for app in new.values()):
            reached = clock.monotonic() - placed
        elif any(app.startswith(("Queue", "Dial")) for app in new.values()):
            break
        seen = next((app for leg, app in new.items() if leg.endswith(";2") and app), seen)
        await asyncio.sleep(POLL_S)
    if reached is not None:  # long enough to see whether it stays there
        await asyncio.sleep(0.5)
        new = {leg: app for leg, app in (await _legs(pbx, channel)).items() if leg not in before}
    stayed = any("AudioSocket" in app for app in new.values())
    for leg in new:
        await pbx.command(f"channel request hangup {leg}")
    what = f"{target.exten}@{target.context}"
    if reached is None:
        remedy = "asterisk -rvvv shows where it goes; is the agi:// address of the dialplan [fastagi] listen?"
        return Check(name, "fail", f"{what} did not reach the agent{f', but {seen}' if seen else ''}", remedy)
    if not stayed:
        remedy = "bargein's log says why; is [audiosocket] advertise reachable from the PBX?"
        return Check(name, "fail", f"{what} reached the agent and was lost at once", remedy)
    return ok(name, f"{what} reached the agent {1000 * reached:.0f} ms after it was placed")


def _target(entrances: list[Entrance], exten: str | None) -> Entrance | str:
    """The extension to call, or why there is none."""
    if exten:
        number, _, context = exten.partition("@")
        if not re.fullmatch(r"[\w*#+.-]+", number) or not re.fullmatch(r"[\w.-]*", context):
            return "--exten: expected EXTEN or EXTEN@CONTEXT"
        known = [e.context for e in entrances if e.exten == number]
        return Entrance(context or (known[0] if known else "default"), number)
    callable_ones = [e for e in entrances if not e.exten.startswith("_")]
    if len(callable_ones) == 1:
        return callable_ones[0]
    return "say which extension to call: --exten 700@from-internal"


async def _legs(pbx: Pbx, channel: str) -> dict[str, str]:
    """Both halves of Local channels to that extension, and the application that each is in."""
    shown = await pbx.command("core show channels concise")  # Channel!Context!Exten!Prio!State!Application!Data!...
    rows = [line.split("!") for line in shown.splitlines()]
    return {row[0]: row[5] for row in rows if len(row) > 6 and row[0].startswith(f"{channel}-")}
