"""What the dialplan tells Asterisk's own logs of a call with the agent: CDR, CEL, queue_log and the manager interface.

The applications run in TryExec(): without their modules Asterisk would hang up. TryExec() evaluates what is
already in place of a variable once more. The summary holds what people said: it is put last, without dollar signs, and
without commas, each of which would begin another header.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

Log = Literal["cdr", "cel", "queue_log", "events"]
LOGS: tuple[Log, ...] = get_args(Log)

_BEGINS: dict[Log, str] = {
    # what the record says if the caller hangs up: the dialplan cannot change it then
    "cdr": "Set(CDR(userfield)=${BARGEIN_ID} caller_hung_up)",
    "cel": "TryExec(CELGenUserEvent(BARGEIN_START,${BARGEIN_ID}))",
    "events": "TryExec(UserEvent(BargeinStart,CallId: ${BARGEIN_ID},Queue: ${ARG2}))",
}
_ENDS: dict[Log, str] = {
    "cdr": "Set(CDR(userfield)=${BARGEIN_ID} ${BARGEIN_RESULT})",
    "cel": "TryExec(CELGenUserEvent(BARGEIN_RESULT,${BARGEIN_ID} ${BARGEIN_RESULT}))",
    "queue_log": 'QueueLog(${IF($["${BARGEIN_QUEUE}" = ""]?NONE:${BARGEIN_QUEUE})},${UNIQUEID},NONE,BARGEIN,'
    "${BARGEIN_ID}|${BARGEIN_RESULT}|${BARGEIN_INTERRUPTIONS})",
    "events": "TryExec(UserEvent(BargeinResult,CallId: ${BARGEIN_ID},Result: ${BARGEIN_RESULT},Queue: ${BARGEIN_QUEUE},"
    "Exten: ${BARGEIN_EXTEN},Interruptions: ${BARGEIN_INTERRUPTIONS},"
    "Summary: ${REPLACE(BARGEIN_SUMMARY,\\\\x2c\\\\x24, )}))",
}


def begins(logs: Collection[Log]) -> str:
    """Steps before the agent talks."""
    return _steps(_BEGINS, logs)


def ends(logs: Collection[Log]) -> str:
    """Steps once the result is known."""
    return _steps(_ENDS, logs)


def _steps(steps: dict[Log, str], logs: Collection[Log]) -> str:
    return "".join(f" same => n,{steps[log]}\n" for log in LOGS if log in logs and log in steps)
