"""What became of a caller after the agent, from the variables of a channel that has hung up.

The sources are Asterisk 22's Queue() and Dial(), as tests/asterisk sees them:
- Queue() sets QUEUESTATUS only if nobody answered, and ANSWEREDTIME and DIALEDTIME even if the caller gave up.
- The member's part of our dialplan leaves BARGEIN_ANSWERED on the caller's channel: the time and the member's channel.
- CHANNEL(hangupsource) is the caller's own channel if the caller hung up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..core.turns.records import Handover
from ..core.wire.agi import endpoint_of
from .availability import number

VARIABLES = (
    "BARGEIN_RESULT", "BARGEIN_STAGE", "BARGEIN_QUEUE", "BARGEIN_EXTEN", "BARGEIN_QUEUED", "BARGEIN_LEFT",
    "SHARED(BARGEIN_ANSWERED)", "MEMBERNAME", "QUEUESTATUS", "QUEUEWAIT_MS", "DIALSTATUS", "DIALEDPEERNAME",
    "DIALEDTIME", "ANSWEREDTIME", "ANSWEREDTIME_MS", "HANGUPCAUSE", "CHANNEL(hangupsource)", "EPOCH",
)  # fmt: skip
PEOPLE = "people"  # BARGEIN_STAGE once the agent is done
_TRIED = re.compile(r"(\S*) (\d+)")  # BARGEIN_QUEUED: the queue, and since when, in seconds
_TECHNOLOGY = re.compile(r"^[A-Za-z0-9]+/")


def handover(values: Mapping[str, str], channel: str) -> Handover:
    """What `values`, the VARIABLES of the caller's channel, say. Times have a resolution of a second where Asterisk's
    own have it."""
    cause = _number(values, "HANGUPCAUSE")
    source = values.get("CHANNEL(hangupsource)", "")
    if values.get("BARGEIN_STAGE") != PEOPLE:
        return Handover(hangup_cause=cause, hung_up_by="caller")
    tried = _TRIED.fullmatch(values.get("BARGEIN_QUEUED", ""))
    at, _, member = values.get("SHARED(BARGEIN_ANSWERED)", "").partition(" ")
    answered = bool(at) or values.get("DIALSTATUS") == "ANSWER"
    result = values.get("BARGEIN_RESULT", "")
    by = "caller" if source == channel else "member" if answered else "dialplan"
    told = Handover(hangup_cause=cause, hung_up_by=by)
    if tried is None and result != "transfer":  # the agent's was the last part of the call
        return told
    queue, since = (tried[1], int(tried[2])) if tried else ("", 0)
    left = _number(values, "BARGEIN_LEFT") or _number(values, "EPOCH") or since
    talked_ms = _ms(values, "ANSWEREDTIME")
    if tried:
        waited_ms = _number(values, "QUEUEWAIT_MS") if answered else None
        if waited_ms is None:
            waited_ms = 1000 * max(0, (int(at) if at.isdigit() else left) - since)
        status = values.get("QUEUESTATUS", "")
    else:
        member = values.get("DIALEDPEERNAME", "")
        dialled_ms = _number(values, "DIALEDTIME")
        waited_ms = None if dialled_ms is None else max(0, 1000 * dialled_ms - (talked_ms or 0))
        status = values.get("DIALSTATUS", "")
    if answered:
        status = "answered"
    elif by == "caller" and status in ("", "CANCEL"):
        status = "abandoned" if tried or status else ""
    elif tried:
        status = {"CONTINUE": "declined"}.get(status, status) or "unanswered"
    return Handover(
        after_queue=queue,
        after_exten="" if tried else values.get("BARGEIN_EXTEN", ""),
        after_status=status.lower(),
        waited_ms=waited_ms,
        member=(values.get("MEMBERNAME") or _who(member)) if answered else "",
        talked_ms=talked_ms if answered else None,
        hangup_cause=cause,
        hung_up_by=by,
    )


def _who(channel: str) -> str:
    """The member of a channel: 201 for PJSIP/201-00000007 and for Local/201@agents-00000008;1."""
    return _TECHNOLOGY.sub("", endpoint_of(channel)).partition("@")[0]


def _number(values: Mapping[str, str], name: str) -> int | None:
    return number(values.get(name, ""))


def _ms(values: Mapping[str, str], name: str) -> int | None:
    """Of a variable in seconds, which newer versions of Asterisk also have in ms."""
    exact, seconds = _number(values, f"{name}_MS"), _number(values, name)
    return exact if exact is not None or seconds is None else 1000 * seconds
