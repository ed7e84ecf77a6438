"""The dialplan that a PBX includes: the agent's part as a subroutine, and an extension around it.

Every path ends with people or with a spoken sentence. It relies on these facts about Asterisk 22, which tests/asterisk
checks:
- `Queue()` returns at once if there is no such queue, and the dialplan goes on. It also returns when nobody answers.
- `Goto()` to a place that does not exist hangs the caller up, so DIALPLAN_EXISTS is checked first.
- `AGI()` to a server that is down returns at once. A server that accepts and then says nothing would hold the caller
  for ever: `TIMEOUT(absolute)` ends that, and the channel goes to extension T of its context. `AGIEXITONHANGUP` is
  needed for it, or `AGI()` waits for the server to close even then. `LOCAL()` keeps it from other AGI scripts.
- `AudioSocket()` hangs the channel up when the server is gone. Inside `TryExec()` the dialplan goes on.
- `Dial(AudioSocket/...)` needs option g to go on afterwards.
- The seventh argument of `Queue()` names a context to run on the member's channel (the eighth before Asterisk 21; there
  it is only not known who answered).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from ..config import parse_address
from ..errors import UserError
from . import warm
from .tell import Log, begins, ends
from .warm import Tone

App = Literal["audiosocket", "dial", "dial16"]
AGI_LIMIT_S = 5  # longer than `finish` waits for a session to end, short enough for a caller who hears nothing

_APPS: dict[App, str] = {
    "audiosocket": "TryExec(AudioSocket(${BARGEIN_ID},${BARGEIN_SERVER}))",
    "dial": "Dial(AudioSocket/${BARGEIN_SERVER}/${BARGEIN_ID}/c(slin),,g)",
    "dial16": "Dial(AudioSocket/${BARGEIN_SERVER}/${BARGEIN_ID}/c(slin16),,g)",
}
# What Asterisk knows of the call: its id, the caller's codec, and the extension that says Gosub().
_ASTERISK = "&linkedid=${CHANNEL(linkedid)}&codec=${CHANNEL(audionativeformat)}&exten=${STACK_PEEK(1,e)}"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,70}")
_EXTENSION = re.compile(r"_?[A-Za-z0-9*#+.!\[\]-]{1,70}")
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
_DIALOGUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # what the server takes, see dialogue/dialogues.py
_GOTO = re.compile(r"[A-Za-z0-9_.*#+-]+(,[A-Za-z0-9_.*#+-]+){0,2}")
_MAILBOX = re.compile(r"[A-Za-z0-9_-]{1,40}(@[A-Za-z0-9_-]{1,40})?")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
# of an extension, in the name of its subroutine and file: there they mean something else
_WORDS = {"*": "star", "#": "hash", "+": "plus", ".": "dot", "!": "bang", "[": "from", "]": "to", "-": "dash"}
_MEMBER = "-member"  # the context of a member's channel
_LONGEST_CONTEXT = 79  # AST_MAX_CONTEXT is 80 with its closing zero


@dataclass(frozen=True)
class Plan:
    """An extension whose calls the agent answers, and the queue behind it."""

    exten: str
    queue: str
    context: str = "from-internal"  # where phones or the trunk find `exten`, and where transfers go
    agi: tuple[str, ...] = ("127.0.0.1:4573",)  # tried in this order
    app: App = "audiosocket"
    dialogue: str = ""
    variables: tuple[str, ...] = ()  # NAME: BARGEIN_VAR_NAME reaches the flow
    onward: str = ""  # where result `continue` goes: CONTEXT,EXTEN,PRIORITY; "" means the queue
    logs: tuple[Log, ...] = ()  # Asterisk's logs that get our call id and the result
    warm: Tone | None = None  # what the caller hears while a member hears what the call is about; None: no such thing
    back: str = ""  # warm: the dialogue of a caller whom nobody took
    patience_s: int = 60  # warm: how long to wait for somebody who takes the call
    voicemail: str = ""  # the mailbox of callers who want to leave a message, and of those whom nobody answers
    record: bool = False  # both legs, whatever the server's configuration says

    def __post_init__(self) -> None:
        """Raises UserError (exit 2) for a value that is not one plain word of a dialplan."""
        _check(_EXTENSION, self.exten, "--exten", "an extension or pattern, such as 700 or _7XX")
        _check(_NAME, self.queue, "--queue", "the name of a queue in queues.conf")
        _check(_NAME, self.context, "--context", "the name of a context")
        for address in self.agi:
            _check_address(address)
        if not self.agi:
            raise UserError("--agi: at least one HOST:PORT is needed", exit_code=2)
        if self.dialogue:
            _check(_DIALOGUE, self.dialogue, "--dialogue", "a flow's name of letters, digits, - and _, without .yaml")
        if self.back:
            _check(_DIALOGUE, self.back, "--back", "a flow's name of letters, digits, - and _, without .yaml")
        for name in self.variables:
            _check(_VARIABLE, name, "--var", "a name in capitals: ACCOUNT stands for BARGEIN_VAR_ACCOUNT")
        if self.voicemail:
            _check(_MAILBOX, self.voicemail, "--voicemail", "a mailbox, such as 100@default")
        if self.onward:
            _check(_GOTO, self.onward, "--continue", "CONTEXT,EXTEN,PRIORITY")
        if len(self.subroutine + _MEMBER) > _LONGEST_CONTEXT:
            raise UserError(f"--exten: {self.exten!r} is too long", exit_code=2)

    @property
    def subroutine(self) -> str:
        """The context of the agent's part. Each extension has its own."""
        return "bargein-" + "".join(f"-{_WORDS[c]}-" if c in _WORDS else c for c in self.exten)


def _check(pattern: re.Pattern[str], value: str, option: str, expected: str) -> None:
    if not pattern.fullmatch(value):
        raise UserError(f"{option}: expected {expected}, not {value!r}", exit_code=2)


def _check_address(address: str) -> None:
    _check(_ADDRESS, address, "--agi", "HOST:PORT, such as 10.0.0.5:4573 or [::1]:4573")
    try:
        host, port = parse_address(address)
        if address.startswith("["):
            ip_address(host)
        if port == 0:
            raise ValueError("a port is 1 to 65535")
    except ValueError as error:
        raise UserError(f"--agi: {error}", exit_code=2) from error


_PLAIN_MEMBER = """
; On the channel of a queue member who answers.
[{name}-member]
exten => s,1,Set(SHARED(BARGEIN_ANSWERED,${{BARGEIN_CHANNEL}})=${{EPOCH}} ${{CHANNEL}})
 same => n,Return()
"""
# The flow's queue, then the extension's, then a sentence. Asterisk's own sounds have it in the channel's language.
_QUEUES = """\
 same => n,GotoIf($["${{BARGEIN_QUEUE}}" = "" | "${{BARGEIN_QUEUE}}" = "{queue}"]?people)
 same => n,Set(BARGEIN_QUEUED=${{BARGEIN_QUEUE}} ${{EPOCH}})
 same => n,Queue(${{BARGEIN_QUEUE}},,,,,,{name}-member)
; Every failure ends here, and so does a queue of the flow that does not exist or in which nobody answers.
 same => n(people),MSet(QUEUESTATUS=,BARGEIN_QUEUED={queue} ${{EPOCH}})
 same => n,Queue({queue},,,,,,{name}-member)
 same => n,Set(BARGEIN_LEFT=${{EPOCH}})
; Nobody answers here either, or there is no such queue.
{end}"""


def _end(mailbox: str) -> str:
    """The last steps of a call that nobody answers. VoiceMail() hangs up if there is no such mailbox."""
    message = f"""\
 same => n(voicemail),GotoIf($["${{VM_INFO({mailbox},exists)}}" != "1"]?nobody)
 same => n,VoiceMail({mailbox},u)
 same => n,GotoIf($["${{VMSTATUS}}" != "FAILED"]?bye)
"""
    return f"""\
{message if mailbox else ""}\
 same => n{"(nobody)" if mailbox else ""},Playback(vm-nobodyavail&vm-goodbye)
 same => n(bye),Hangup()
"""


def _goto_if_there(target: str, context: str) -> str:
    """Go to `[[CONTEXT,]EXTEN,]PRIORITY` if there is such a place."""
    parts = target.split(",")
    if len(parts) == 1:  # a label of this very extension
        return f" same => n,Goto({target})\n"
    where = ",".join([context, *parts][-3:])
    return f" same => n,GotoIf(${{DIALPLAN_EXISTS({where})}}?{where})\n"


def render(plan: Plan) -> str:
    """The whole dialplan of one extension, ready to be included from extensions.conf."""
    name = plan.subroutine
    common = ("&record=yes" if plan.record else "") + ("&voicemail=yes" if plan.voicemail else "")
    query = plan.dialogue + "".join(f"&var={name}" for name in plan.variables) + common
    end = _end(plan.voicemail)
    queues = _QUEUES.format(queue=plan.queue, name=name, end=end)
    member = _PLAIN_MEMBER.format(name=name)
    if plan.warm:
        back = f"{plan.back}&returned=yes{common}" if plan.back else ""
        queues = warm.queues(name, plan.queue, plan.warm, back, end)
        member = warm.contexts(name, plan.patience_s)
    onward = _goto_if_there(plan.onward, plan.context) if plan.onward else ""
    to_voicemail = ' same => n,GotoIf($["${BARGEIN_RESULT}" = "voicemail"]?voicemail)\n'
    return f"""\
; Extension {plan.exten}: the agent answers, then queue "{plan.queue}" or what the agent found out.
; In extensions.conf, outside of any context:  #include {name}.conf
; then:  asterisk -rx "dialplan reload"

[{plan.context}]
exten => {plan.exten},1,Answer()
 same => n,Gosub({name},s,1({query},{plan.queue}))
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "hangup"]?bye)
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "continue"]?on)
 same => n,GotoIf($["${{BARGEIN_RESULT}}" = "transfer"]?transfer)
{to_voicemail if plan.voicemail else ""}{queues}\
; Only to an extension that exists, in this context.
 same => n(transfer),GotoIf($["${{BARGEIN_EXTEN}}" = ""]?people)
 same => n,GotoIf($[${{DIALPLAN_EXISTS({plan.context},${{BARGEIN_EXTEN}},1)}} = 0]?people)
 same => n,Goto({plan.context},${{BARGEIN_EXTEN}},1)
; The flow ended with "continue".
 same => n(on),NoOp()
{onward} same => n,Goto(people)

{_subroutine(name, plan.agi, plan.app, plan.logs)}{member}"""


def subroutine(name: str, agi: tuple[str, ...]) -> str:
    """The agent's part of a call and the context of a member's channel, for a dialplan that you write."""
    return _subroutine(name, agi, "audiosocket", ()) + _PLAIN_MEMBER.format(name=name)


def _subroutine(name: str, agi: tuple[str, ...], app: App, logs: tuple[Log, ...]) -> str:
    """The agent's part of a call, `Gosub(name,s,1(dialogue,queue))`. It returns whatever happens to the server.

    Its hangup handler, at extension `after`, tells the server what became of the caller.
    """
    starts = "".join(_start(index, address, last=index == len(agi)) for index, address in enumerate(agi, 1))
    return f"""\
; Gosub({name},s,1(DIALOGUE,QUEUE)): the agent's part of an answered call.
; It returns with BARGEIN_RESULT = queue, transfer, hangup, voicemail, continue, or failed if there was no agent. It
; also sets BARGEIN_QUEUE, BARGEIN_EXTEN, BARGEIN_INTERRUPTIONS, BARGEIN_SUMMARY, BARGEIN_ANSWERED_BY (of a call that
; Asterisk placed) and the flow's BARGEIN_VAR_*.
; TIMEOUT(absolute), extension T and AGIEXITONHANGUP handle a server that accepts and then says nothing.
[{name}]
exten => s,1,Set(LOCAL(AGIEXITONHANGUP)=yes)
 same => n,GotoIf($["${{BARGEIN_STAGE}}" != "people" | "${{BARGEIN_AGI}}" = ""]?begin)
; The caller comes back: what became of the last call.
 same => n,Set(BARGEIN_LATE=begin)
 same => n,Set(TIMEOUT(absolute)={AGI_LIMIT_S})
 same => n,AGI(agi://${{BARGEIN_AGI}}/after)
 same => n(begin),MSet(BARGEIN_RESULT=failed,BARGEIN_ID=,BARGEIN_QUEUE=,BARGEIN_EXTEN=)
 same => n,MSet(BARGEIN_INTERRUPTIONS=,BARGEIN_SUMMARY=,BARGEIN_ANSWERED_BY=,BARGEIN_QUEUED=,BARGEIN_LEFT=,DIALSTATUS=)
; Nobody has answered this call yet. A member reports here, also if there is no agent.
 same => n,Set(__BARGEIN_CHANNEL=${{CHANNEL}})
 same => n,Set(SHARED(BARGEIN_ANSWERED)=)
{starts} same => n(talk),Set(TIMEOUT(absolute)=0)
 same => n,ExecIf($["${{BARGEIN_STAGE}}" = ""]?Set(CHANNEL(hangup_handler_push)={name},after,1))
 same => n,Set(BARGEIN_STAGE=agent)
{begins(logs)} same => n,{_APPS[app]}
 same => n,MSet(BARGEIN_STAGE=people,BARGEIN_LATE=over)
 same => n,Set(TIMEOUT(absolute)={AGI_LIMIT_S})
 same => n,AGI(agi://${{BARGEIN_AGI}}/finish)
 same => n(over),Set(TIMEOUT(absolute)=0)
{ends(logs)} same => n,Return()
; The server is silent: it is not asked again, or its hangup handler would hold the caller on the line.
exten => T,1,Set(BARGEIN_AGI=)
 same => n,Goto(s,${{BARGEIN_LATE}})
; The channel has hung up: what became of the caller.
exten => after,1,GotoIf($["${{BARGEIN_AGI}}" = ""]?done)
{_after(logs)} same => n(done),Return()
"""


def _after(logs: tuple[Log, ...]) -> str:
    """The hangup handler. If the caller hung up on the agent, Asterisk's logs do not know the result yet."""
    report = "AGI(agi://${BARGEIN_AGI}/after)"
    if not ends(logs):
        return f" same => n,{report}\n"
    return f"""\
 same => n,GotoIf($["${{BARGEIN_STAGE}}" = "people"]?report)
 same => n,AGI(agi://${{BARGEIN_AGI}}/finish)
 same => n,Set(BARGEIN_RESULT=caller_hung_up)
{ends([log for log in logs if log != "cdr"])} same => n(report),{report}
"""


def _start(index: int, address: str, last: bool) -> str:
    """Ask one server for an id. Without one go on to the next server, or give up."""
    label = "" if index == 1 else f"(server{index})"
    otherwise = "over" if last else f"server{index + 1}"
    branch = '$["${BARGEIN_ID}" = ""]?over' if last else '$["${BARGEIN_ID}" != ""]?talk'
    return f"""\
 same => n{label},Set(BARGEIN_AGI={address})
 same => n,Set(BARGEIN_LATE={otherwise})
 same => n,Set(TIMEOUT(absolute)={AGI_LIMIT_S})
 same => n,AGI(agi://${{BARGEIN_AGI}}/start?dialogue=${{ARG1}}&queue=${{ARG2}}{_ASTERISK})
 same => n,GotoIf({branch})
"""
