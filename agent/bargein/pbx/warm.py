"""Warm handover: only the member hears what the call is about, and takes the caller or leaves it to somebody else.

It relies on these facts about Asterisk 22, which tests/asterisk checks:
- Queue() runs its Gosub on the member's channel and connects the caller when it returns. If the member's channel hangs
  up in it, Queue() ends: with option c the dialplan goes on, and QUEUESTATUS is CONTINUE.
- Queue() stops its music when a member answers. So the caller is in Dial(), which plays music until a member has taken
  the call, and a Local channel is in the queue. Dial() also ends at once when the caller hangs up.
"""

from __future__ import annotations

from typing import Literal

from ..core.turns.records import ANNOUNCEMENT

Tone = Literal["music", "ringing"]

TRIES = 5  # members who may leave a caller to somebody else, and how often a caller may wait
_OPTIONS: dict[Tone, str] = {"music": "m", "ringing": "r"}


def queues(name: str, queue: str, tone: Tone, back: str, end: str) -> str:
    """The steps of an extension from the queue that the flow named to its `end`. `back`: the query of the dialogue that
    a caller whom nobody took goes back to, or ""."""
    dial = f"Dial(Local/s@{name}-queue/n,,{_OPTIONS[tone]}g)"
    taken = 'GotoIf($["${SHARED(BARGEIN_ANSWERED)}" != ""]?bye)'
    again = f"""\
; The caller is back with the agent, and may choose to wait again.
 same => n,Set(BARGEIN_ROUNDS=$[0${{BARGEIN_ROUNDS}} + 1])
 same => n,Set(BARGEIN_VAR_ABOUT=${{BARGEIN_SUMMARY}})
 same => n,Gosub({name},s,1({back}&var=ABOUT,{queue}))
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "queue" & ${{BARGEIN_ROUNDS}} < {TRIES}]?people)
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "hangup"]?bye)
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "transfer"]?transfer)
"""
    return f"""\
 same => n,GotoIf($["${{BARGEIN_QUEUE}}" = "" | "${{BARGEIN_QUEUE}}" = "{queue}"]?people)
 same => n,MSet(BARGEIN_QUEUED=${{BARGEIN_QUEUE}} ${{EPOCH}},__BARGEIN_WAITS=${{BARGEIN_QUEUE}})
 same => n,{dial}
 same => n,{taken}
; Every failure ends here, and so does a queue of the flow that does not exist or in which nobody takes the call.
 same => n(people),MSet(BARGEIN_QUEUED={queue} ${{EPOCH}},__BARGEIN_WAITS={queue})
 same => n,{dial}
 same => n,{taken}
 same => n,MSet(BARGEIN_LEFT=${{EPOCH}},QUEUESTATUS=${{SHARED(BARGEIN_NOBODY)}})
{again if back else ""}\
; Nobody took the call, or there is no such queue.
{end}"""


def contexts(name: str, patience_s: int) -> str:
    """Where the caller's Local channel waits in the queue, and what a member's channel runs."""
    return f"""
; In the queue for the caller, until a member takes the call or nobody does.
[{name}-queue]
exten => s,1,MSet(BARGEIN_TRIES=0,BARGEIN_QUEUED=${{BARGEIN_WAITS}} ${{EPOCH}})
 same => n(ring),Queue(${{BARGEIN_WAITS}},c,,,{patience_s},,{name}-member)
 same => n,GotoIf($["${{SHARED(BARGEIN_ANSWERED,${{BARGEIN_CHANNEL}})}}" != ""]?over)
 same => n,Set(BARGEIN_TRIES=$[${{BARGEIN_TRIES}} + 1])
; A member left the call to somebody else.
 same => n,GotoIf($["${{QUEUESTATUS}}" = "CONTINUE" & ${{BARGEIN_TRIES}} < {TRIES}]?ring)
 same => n,Set(SHARED(BARGEIN_NOBODY,${{BARGEIN_CHANNEL}})=${{QUEUESTATUS}})
 same => n(over),Hangup()

; On the channel of a member who answers. Without a server the caller is connected at once.
[{name}-member]
exten => s,1,MSet(BARGEIN_FOR=${{BARGEIN_CHANNEL}},BARGEIN_VAR_ABOUT=)
 same => n,Set(BARGEIN_VAR_ABOUT=${{BARGEIN_SUMMARY}})
 same => n,Gosub({name},s,1({ANNOUNCEMENT}&var=ABOUT,))
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "continue" | "${{BARGEIN_RESULT}}" = "failed"]?connect)
 same => n,Hangup()
 same => n(connect),Set(SHARED(BARGEIN_ANSWERED,${{BARGEIN_FOR}})=${{EPOCH}} ${{CHANNEL}})
 same => n,Return()
"""
