"""Who is there for the callers of a queue, as Asterisk says it, and the names by which a flow knows it.

The dialplan functions of Asterisk 22, as tests/asterisk sees them:
- QUEUE_MEMBER() and QUEUE_WAITING_COUNT() say 0 for a queue that does not exist, so QUEUE_EXISTS() comes first.
- QUEUE_GET_CHANNEL() is the caller who waits longest. Our dialplan leaves BARGEIN_QUEUED on that channel: the queue and
  since when. Callers who came another way have no such variable.
- QUEUEHOLDTIME, the average wait, is there only with `setqueuevar = yes` in queues.conf.
"""

from __future__ import annotations

from collections.abc import Mapping

READY, WAITING, WAIT = "queue.ready", "queue.waiting", "queue.wait"
SINCE = "${BARGEIN_QUEUED}"  # of the caller who waits longest
_MINUTE_S = 60


def exists(queue: str) -> str:
    """The expression that is "1" if there is such a queue."""
    return f"${{QUEUE_EXISTS({queue})}}"


def counts(queue: str) -> str:
    """The expression for ready members, waiting callers, the time, the average wait, and the first channel."""
    return (
        f"${{QUEUE_MEMBER({queue},ready)}},${{QUEUE_WAITING_COUNT({queue})}},${{EPOCH}},"
        f"${{QUEUE_VARIABLES({queue})}},${{QUEUEHOLDTIME}},${{QUEUE_GET_CHANNEL({queue})}}"
    )


def first_channel(told: str) -> str:
    """The channel of the caller who waits longest, from what `counts` gave; "" if nobody waits."""
    parts = told.split(",", 5)
    return parts[5] if len(parts) == 6 and number(parts[1]) else ""


def names(told: str, since: str = "") -> dict[str, str]:
    """The names, from what `counts` and SINCE gave; none if they say nothing."""
    parts = told.split(",", 5)
    if len(parts) != 6 or (ready := number(parts[0])) is None or (waiting := number(parts[1])) is None:
        return {}
    now, joined = number(parts[2]), number(since.rpartition(" ")[2])
    longest_s = now - joined if now and joined and waiting else 0
    return of(ready, waiting, longest_s, number(parts[4]) or 0)


def of(ready: int, waiting: int, longest_s: int, average_s: int) -> dict[str, str]:
    """The names. The wait is the longest of those who wait now, or the average if that is more; 0: not known."""
    wait_s = max(longest_s, average_s)
    minutes = str(max(1, round(wait_s / _MINUTE_S))) if wait_s > 0 else ""
    return {READY: str(ready), WAITING: str(waiting), WAIT: minutes}


def of_summary(event: Mapping[str, str]) -> dict[str, str]:
    """The names, from AMI's event QueueSummary; none if it is not one."""
    told = [number(event.get(name, "")) for name in ("Available", "Callers", "LongestHoldTime", "HoldTime")]
    ready, waiting, longest_s, average_s = told
    return {} if ready is None or waiting is None else of(ready, waiting, longest_s or 0, average_s or 0)


def number(text: str) -> int | None:
    """What Asterisk writes for a count or a time, as a number; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None
