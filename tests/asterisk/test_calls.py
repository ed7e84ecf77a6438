"""Whole calls: a SIP phone, Asterisk, and the server as an administrator runs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .audio import begins
from .pbx import Asterisk
from .phone import RATE, Phone
from .product import Product, speech
from .quiet import audible_until, was_talking

STOP_S = 0.300


@pytest.fixture(scope="module")
def shop(pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("shop"), pbx.agi_port)
    product.start()
    yield product
    assert product.stop() == 0
    assert "Traceback" not in product.log()


async def test_a_caller_cuts_in_is_answered_and_asks_for_a_person(pbx: Asterisk, shop: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        blue = phone.say(speech("The blue one, please."), 4.0)
        person = phone.say(speech("Let me talk to a person."), 11.0)
        asked_until = person + len(speech("Let me talk to a person.")) / RATE
        await phone.ended(30)
    call = shop.ended_call()
    rows = shop.interruptions(call["id"])

    assert was_talking(phone.received, blue)
    assert audible_until(phone.received, blue) - blue < STOP_S
    assert was_talking(phone.received, person)
    assert audible_until(phone.received, person) - person < STOP_S

    assert "One blue mug for fifteen dollars." in shop.said(call["id"], "agent")
    assert "blue" in shop.said(call["id"], "caller").lower()
    assert rows[0]["unheard_text"]
    assert [row["resolution"] for row in rows if row["resolution"] != "resumed"] == ["replanned", "transferred"]
    assert (call["outcome"], call["queue"], call["caller"], call["called"]) == ("queue", "support", "caller", "700")

    member_heard = phone.answered_at + begins(phone.heard(), 1000)
    assert member_heard - asked_until < 4  # the agent says that it fetches somebody; see test_scenarios for the queue


def test_the_log_says_nothing_of_callers(shop: Product) -> None:
    log = shop.log()
    assert "call " in log
    for word in ("blue", "person", "mug"):
        assert word not in log.lower()
