"""Whether Asterisk's manager interface says who is there for a queue, as the server asks it during calls."""

from __future__ import annotations

from ..config import parse_address
from ..pbx.asterisk import PbxError, manager
from .check import Check, failed, ok

NAME = "AMI"


async def manager_interface(address: str) -> Check:
    """It is reachable at `address`, takes the login, and answers QueueSummary."""
    try:
        asterisk = await manager(*parse_address(address))
        try:
            found = await asterisk.queues()
        finally:
            await asterisk.close()
    except PbxError as error:
        return failed(NAME, error)
    if not found:
        return Check(NAME, "warn", f"{address}: it knows no queues", "add them to queues.conf, or remove [fastagi] ami")
    return ok(NAME, f"{address}: {len(found)} queue{'' if len(found) == 1 else 's'}")
