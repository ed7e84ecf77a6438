"""A reply is prepared while the caller is silent, before it is certain that the turn is over. In virtual time."""

from __future__ import annotations

from collections.abc import Iterable

from bargein.core.audio.pcm import SAMPLES_PER_MS
from bargein.core.audio.playout import Segment
from bargein.core.turns import actions as act
from tests.core.turns.test_conversation import MENU, Call
from tests.fakes import LOUD, utterance


class PreparedCall(Call):
    """Its planner answers a preparation at once. `orders`: what the core ordered, with the time in ms."""

    def __init__(self, texts: list[str], says: list[str], **line: object) -> None:
        self.orders: list[tuple[int, act.Action]] = []
        super().__init__(says, texts, **line)  # type: ignore[arg-type]

    def do(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            if isinstance(action, act.PrepareReply | act.PlanReply | act.CancelReply):
                self.orders.append((self.core.now // SAMPLES_PER_MS if self.orders else 0, action))
            if isinstance(action, act.PrepareReply):
                self.reply(action.reply_id)
                self.prepared = {action.reply_id}
            elif isinstance(action, act.PlanReply) and action.reply_id in getattr(self, "prepared", ()):
                self.situations.append(action.situation)
            else:
                super().do([action])

    def until_prepared(self) -> None:
        """The greeting, then the caller's words and 200 ms of silence."""
        self.run(3500)
        self.run(900, LOUD)
        self.run(200)

    def since(self, ms: int) -> list[tuple[str, int]]:
        return [(type(order).__name__, order.reply_id) for at, order in self.orders if at >= ms]  # type: ignore[union-attr]


def test_a_reply_is_there_when_the_turn_is_over() -> None:
    call = PreparedCall(["my name is Miller"], [MENU, "thank you"])
    call.run(3500)
    call.run(900, LOUD)
    silent = call.core.now // SAMPLES_PER_MS
    while len(call.situations) < 2:
        call.run(20)
    (prepared, planned) = call.orders[-2:]
    assert prepared[0] - silent <= 150
    assert planned[0] - silent >= 300
    assert call.since(silent) == [("PrepareReply", 2), ("PlanReply", 2)]
    assert prepared[1].situation == planned[1].situation  # type: ignore[union-attr]
    assert call.sent[-1].any()  # the answer begins with the frame that is sent next
    call.run(3000)
    answer = call.turns[2]
    assert answer.text == "thank you"
    assert answer.waits.synthesis_ms in (None, 0)


def test_a_caller_who_goes_on_gets_another_reply() -> None:
    call = PreparedCall(["my name is Miller"], [MENU, "thank you", "thank you for that"])
    call.until_prepared()
    silent = call.core.now // SAMPLES_PER_MS
    call.turn_text = dict.fromkeys(call.turn_text, "my name is Miller and I am late")
    call.run(300, LOUD)
    call.run(1500)
    assert call.since(silent) == [("CancelReply", 2), ("PrepareReply", 3), ("PlanReply", 3)]
    call.run(3000)
    assert [turn.text for turn in call.turns.values()][1:] == ["my name is Miller and I am late", "thank you for that"]


def test_a_key_discards_what_is_prepared() -> None:
    call = PreparedCall(["my name is Miller"], [MENU, "thank you", "thank you for that"])
    call.until_prepared()
    pressed = call.core.now // SAMPLES_PER_MS
    call.do(call.core.on_digit("1"))
    call.run(100)
    assert call.since(pressed)[0] == ("CancelReply", 2)
    assert call.situations[1].digits == "1"


def test_a_hangup_discards_what_is_prepared() -> None:
    call = PreparedCall(["my name is Miller"], [MENU, "thank you"])
    call.until_prepared()
    call.do(call.core.on_hangup())
    assert ("CancelReply", 2) in call.since(0)
    assert len(call.commits) == 1  # the greeting


def test_nothing_is_prepared_over_a_notice_that_is_answered_at_its_end() -> None:
    call = PreparedCall(["my name is Miller"], [MENU, "thank you"], then=Segment(utterance(MENU)), interruptible=False)
    call.run(200)
    call.run(500, LOUD)
    call.run(200)
    assert call.since(100) == []
    call.run(5000)
    assert call.since(100) == [("PlanReply", 2)]
    assert call.situations[1].caller_text == "my name is Miller"
