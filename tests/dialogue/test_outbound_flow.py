"""The flow of a call that Asterisk placed: what it says to whom."""

from __future__ import annotations

import pytest

from bargein.core.turns.records import AnsweredBy, CallInfo, Situation, Turn
from bargein.core.turns.reply import Finish, Say
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import FlowPlanner, load
from bargein.dialogue.flow.planner import FlowReply
from bargein.dialogue.languages import load as load_language

HELLO = Turn(0, "caller", 300, 700, "hello", "hello")


def planner() -> FlowPlanner:
    return FlowPlanner(load(find("outbound")), CallInfo("c"), load_language("en"))


async def played(reply: FlowReply) -> tuple[str, Finish | None]:
    """What it says, and how it ends."""
    says, finish = [], None
    async for piece in reply:
        if isinstance(piece, Say):
            says.append(piece.text)
        finish = piece if isinstance(piece, Finish) else finish
    reply.commit()
    return " ".join(says), finish


@pytest.mark.parametrize(
    ("who", "says", "reached"),
    [
        ("person", "Hello, this is the mug shop.", None),
        ("silence", "Hello, this is the mug shop.", None),
        ("screening", "we would like to know whether", None),
        ("voicemail", "with a message.", "message"),
        ("fax", "", "nobody"),
        ("operator", "", "nobody"),
    ],
)
async def test_who_answered_decides_what_is_said(who: str, says: str, reached: str | None) -> None:
    said, finish = await played(planner().plan(Situation((HELLO,), "hello", answered_by=AnsweredBy(who))))
    assert says in said
    assert (finish.variables["reached"] if finish else None) == reached


async def test_a_person_who_turns_out_to_be_a_machine_begins_the_flow_again() -> None:
    plans = planner()
    said, _ = await played(plans.plan(Situation((HELLO,), "hello", answered_by=AnsweredBy.PERSON)))
    turns = (HELLO, Turn(1, "agent", 900, 1900, said, "Hello,"), Turn(2, "caller", 1500, 6000, "leave a message", ""))
    said, finish = await played(plans.plan(Situation(turns, "leave a message", answered_by=AnsweredBy.VOICEMAIL)))
    assert "with a message." in said
    assert finish == Finish("hangup", variables={"reached": "message"})  # type: ignore[arg-type]


async def test_a_reply_that_was_not_heard_begins_again() -> None:
    plans = planner()
    plans.plan(Situation((HELLO,), "hello", answered_by=AnsweredBy.PERSON))
    said, _ = await played(plans.plan(Situation((HELLO,), "hello hello", answered_by=AnsweredBy.PERSON)))
    assert "Hello, this is the mug shop." in said
    said, _ = await played(plans.plan(Situation((HELLO,), "yes", answered_by=AnsweredBy.PERSON)))
    assert "Thank you. Goodbye." in said
