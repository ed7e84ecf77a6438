"""Whether the queues exist to which callers of the agent go, and whether anybody is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..pbx.asterisk import Pbx
from .call import AgentExtension
from .check import Check, Status, ok
from .dialplan_steps import dialplan_steps

NAME = "queues"
QUEUE = re.compile(r"(?:\bQueue\(|__BARGEIN_WAITS=)([^,)$]+)[,)]")  # the second in dialplans with warm handover
FLOW = "the flow"


async def queues(pbx: Pbx, shown: str, entrances: Sequence[AgentExtension], named: Sequence[str]) -> Check:
    """The queues of the agent's extensions in `dialplan show`, and those that the flow names.

    One of the dialplan that is missing loses nobody, but its callers only hear that nobody is there: a failure. One of
    the flow that is missing sends its callers to the dialplan's: a warning.
    """
    wanted = {queue: f"{where.exten}@{where.context}" for where, queue in _in_dialplan(shown, entrances)}
    for queue in named:
        wanted.setdefault(queue, FLOW)
    if not wanted:
        return Check(NAME, "warn", "no queue is named after the agent", "make sure that somebody takes these calls")
    found = {queue: await pbx.command(f"queue show {queue}") for queue in wanted if re.fullmatch(r"[\w.-]+", queue)}
    missing = [queue for queue, told in found.items() if "has" not in told.split("\n")[0].split()]
    if missing:
        text = "; ".join(f"there is no queue {queue} ({wanted[queue]})" for queue in missing)
        others = await _known(pbx)
        known = f" (there are: {', '.join(others)})" if others else ""
        status: Status = "warn" if all(wanted[queue] == FLOW for queue in missing) else "fail"
        return Check(NAME, status, text, f"name one that exists{known}, or add it to queues.conf and reload app_queue")
    empty = [queue for queue, told in found.items() if "No Members" in told]
    if empty:
        text = f"nobody is in queue {', '.join(empty)}"
        return Check(NAME, "warn", text, "add members (queues.conf, or AddQueueMember), or callers wait in vain")
    return ok(NAME, ", ".join(found))


def _in_dialplan(shown: str, entrances: Sequence[AgentExtension]) -> list[tuple[AgentExtension, str]]:
    """Names in the steps of the extensions. A name in a variable comes from the flow."""
    found = []
    for where, step in dialplan_steps(shown):
        if where in entrances and (match := QUEUE.search(step)):
            found.append((where, match[1]))
    return found


async def _known(pbx: Pbx) -> list[str]:
    told = await pbx.command("queue show")
    return re.findall(r"^(\S+) +has \d+ calls", told, re.MULTILINE)[:8]
