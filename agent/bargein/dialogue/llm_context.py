"""The messages for a language model: its instructions, what was really said and heard, and what its tools did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.turns.records import CallInfo, Situation, Turn
from .chat_dialect import UNHEARD, Message
from .flow.model import Flow
from .tools import ToolRun

CUT = "[the caller cut in here; the rest was not heard]"
UNCLEAR = "[the caller said something that could not be understood]"

RULES = """\
You are on the telephone. What you write is spoken aloud by a voice, sentence by sentence, as you write it.
Write short plain sentences: no lists, no formatting, no emoji, numbers as words. Ask one thing at a time.
The caller may cut in. Where they did, your message ends with a note in brackets: they heard nothing after it. Never act
as if they had, do not start your old sentence again as if nothing had happened, and answer what they said. Never write
such notes yourself."""


def system(flow: Flow, call: CallInfo, variables: Mapping[str, str]) -> str:
    """The instructions: the author's, how to talk, and what the flow file knows."""
    parts = [flow.instructions or "You answer the telephone of a company and help the caller.", RULES]
    if flow.language != "en":
        parts.append(f"Speak the language {flow.language!r}.")
    if facts := _facts(flow):
        parts.append("What you know:\n" + "\n".join(facts))
    known = {**call.variables, **variables}
    if known:
        parts.append("About this call:\n" + "\n".join(f"- {name}: {value}" for name, value in known.items()))
    return "\n\n".join(parts)


def _facts(flow: Flow) -> list[str]:
    found = []
    for slot in flow.slots.values():
        for choice in slot.choices.values():
            data = ", ".join(f"{name} {value}" for name, value in choice.data.items())
            found.append(f"- {slot.name} {choice.say}" + (f": {data}" if data else ""))
    for answer in flow.answers:
        text = " ".join(line.text for line in answer.say)
        if "{" not in text:
            found.append(f"- {text}")
    return found


def messages(
    flow: Flow, call: CallInfo, situation: Situation, tool_runs: Sequence[ToolRun], variables: Mapping[str, str]
) -> list[Message]:
    """The whole context. Of the agent's turns it holds only what was heard, with a note where the caller cut in.

    A tool run follows the turn of the caller that it answers. If that turn is left out, it comes before the last turn.
    """
    found: list[Message] = [{"role": "system", "content": system(flow, call, variables)}]
    turns = situation.turns
    known = {turn.seq for turn in turns}
    for number, turn in enumerate(turns):
        if number == len(turns) - 1:
            found += [message for tool_run in tool_runs if tool_run.seq not in known for message in tool_run.messages()]
        found.append(_message(turn))
        found += [message for tool_run in tool_runs if tool_run.seq == turn.seq for message in tool_run.messages()]
    last = turns[-1] if turns else None
    text = situation.caller_text or (f"[the caller pressed {situation.digits}]" if situation.digits else "")
    if last is None or last.speaker != "caller":
        found.append({"role": "user", "content": text or ("[the call begins]" if last is None else UNCLEAR)})
    elif situation.digits and not situation.caller_text:
        found.append({"role": "user", "content": text})
    return found


def _message(turn: Turn) -> Message:
    if turn.speaker == "caller":
        return {"role": "user", "content": turn.text or UNCLEAR}
    if not turn.unheard_text:
        return {"role": "assistant", "content": turn.heard_text}
    return {"role": "assistant", "content": f"{turn.heard_text} {CUT}" if turn.heard_text else UNHEARD}
