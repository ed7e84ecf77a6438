"""What `bargein doctor --asterisk` checks: the PBX's version, modules, dialplan and queues, and a test call."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from ..clock import Clock, SystemClock
from ..pbx.asterisk import WHERE, Pbx, PbxError, connect
from .call import AgentExtension, call
from .check import Check, failed, ok
from .dialplan_steps import dialplan_steps
from .queues import queues
from .versions import OLDEST, problems

NEEDED = {
    "res_agi": "the dialplan asks for the call id with AGI",
    "res_audiosocket": "it carries the audio",
    "app_audiosocket": "the application AudioSocket",
    "app_stack": "Gosub: the agent's part of the dialplan",
    "func_timeout": "TIMEOUT: a server that says nothing does not hold the caller",
    "func_dialplan": "DIALPLAN_EXISTS: a transfer to nowhere goes to people",
    "app_exec": "TryExec: the dialplan goes on when the server is down",
    "app_queue": "the queue behind the agent",
    "app_playback": "the sentence for callers whom nobody answers",
}
DIALS = {"chan_audiosocket": "Dial(AudioSocket/...)", "app_dial": "Dial(AudioSocket/...)"}  # dialplans of `--app dial`
OPTIONAL = {"func_uuid", "chan_audiosocket"}


async def examine_pbx(
    where: str, exten: str | None, fastagi: str, url: str, clock: Clock | None = None, named: Sequence[str] = ()
) -> AsyncIterator[Check]:
    """Every check of the PBX at `where` (see `pbx.connect`), as it is done.

    `exten` is EXTEN or EXTEN@CONTEXT to call; None means the only one that leads to the agent. `fastagi` is where our
    server should be: without it the test call would ring people. `url` is its database. `named` are the queues that
    the flow names.
    """
    try:
        pbx = await connect(where)
    except PbxError as error:
        yield failed("asterisk", error)
        return
    try:
        told = await pbx.command("core show version")
        shown = await pbx.command("dialplan show")
        yield version(pbx.where, told.strip(), shown)
        yield await modules(pbx, NEEDED | (DIALS if "Dial(AudioSocket/" in shown else {}))
        entrances = dialplan_entrances(shown)
        yield dialplan(entrances)
        number, _, context = (exten or "").partition("@")
        asked = [e for e in entrances if e.exten == number and context in ("", e.context)]
        yield await queues(pbx, shown, asked or entrances, named)
        async for check in call(pbx, entrances, exten, fastagi, url, clock or SystemClock()):
            yield check
    except PbxError as error:
        yield failed("asterisk", error)
    finally:
        await pbx.close()


def version(where: str, told: str, shown: str) -> Check:
    """Asterisk answers, is no older than AudioSocket, and its AudioSocket does what this dialplan needs."""
    text = told.split(" built by")[0].split("\n")[0] or "no version"
    found = re.search(r"(\d+)\.(\d+)", text)
    if not told.startswith("Asterisk"):
        return Check("asterisk", "fail", f"{where}: it is not Asterisk: {text}", WHERE)
    major, minor = (int(found[1]), int(found[2])) if found else (0, 0)
    if found and (major, minor) < OLDEST:
        return Check("asterisk", "fail", f"{where}: {text}", "AudioSocket needs Asterisk 18 or newer: upgrade")
    if found and (wrong := problems(major, minor, shown)):
        what = "; ".join(problem.what for problem in wrong)
        return Check("asterisk", "warn", f"{where}: {text}: {what}", "; ".join(problem.remedy for problem in wrong))
    return ok("asterisk", f"{where}: {text}")


async def modules(pbx: Pbx, needed: Mapping[str, str]) -> Check:
    """What the dialplan needs is loaded."""
    shown = await pbx.command("module show")
    loaded = {m[1] for m in re.finditer(r"^(\w+)\.so\b.*\bRunning\b", shown, re.MULTILINE)}
    missing = [name for name in needed if name not in loaded]
    if missing:
        why = "; ".join(f"{name} ({needed[name]})" for name in missing)
        remedy = f"asterisk -rx 'module load {missing[0]}.so', and `load = {missing[0]}.so` in modules.conf"
        return Check("modules", "fail", f"not loaded: {why}", remedy)
    more = sorted((OPTIONAL & loaded) - needed.keys())
    return ok("modules", ", ".join([*needed, *more]))


def dialplan_entrances(shown: str) -> list[AgentExtension]:
    """Extensions that go to the agent, by `dialplan show`: with agi://.../start, or a Gosub to such a context."""
    steps = dialplan_steps(shown)
    starts = [where for where, step in steps if re.search(r"AGI\(agi://[^)]*/start", step)]
    subroutines = {where.context for where in starts if where.exten == "s"}
    direct = [where for where in starts if where.exten != "s"]
    by_gosub = [
        where
        for where, step in steps
        if not where.context.endswith("-member")  # of a dialplan with warm handover: the callers are others
        and any(re.search(rf"Gosub(If)?\(.*\b{re.escape(name)},s,1", step) for name in subroutines)
    ]
    return list(dict.fromkeys(direct + by_gosub))


def dialplan(entrances: list[AgentExtension]) -> Check:
    """Some extension leads to the agent."""
    if not entrances:
        remedy = (
            "bargein dialplan --exten 700 --queue NAME > /etc/asterisk/bargein-700.conf, include it, dialplan reload"
        )
        return Check("dialplan", "fail", "no extension leads to the agent", remedy)
    return ok("dialplan", ", ".join(f"{e.exten}@{e.context}" for e in entrances))
