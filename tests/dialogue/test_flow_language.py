"""Each feature of the flow language."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bargein.core.language.kinds import Kind
from bargein.core.turns.records import CallInfo, Situation
from bargein.core.turns.reply import Finish
from bargein.dialogue.flow import FlowPlanner, load
from bargein.dialogue.languages import load as load_language
from bargein.dialogue.webhook import Webhooks
from bargein.errors import UserError
from bargein.offline.text_call import TextAnswer, TextCall

from .flows import call_of, write

CENTRE = """
queue: front
hours: {mon-fri: "09:00-17:00"}
timezone: Europe/Berlin
holidays: [2026-12-25]
slots:
  number: {type: digits, length: 4, called: [customer number]}
  count: {type: number, min: 1, max: 9}
  day: {type: date}
  gift: {type: yes_no}
  who: {type: name}
steps:
  start:
    next:
      - {when: not open, go: closed}
      - hello
  closed: {say: We are closed., hangup: yes}
  hello:
    say: "Hello {caller_name|there}."
    next: main
  main:
    ask: Sales, or your order?
    menu:
      sales: {also: [buy], go: sales}
      order: {digit: 5, go: number}
      hours: {go: ours}
    next: again
  ours:
    say: We are here from nine to five.
    next: main
  sales: {queue: "sales_{caller|x}", variables: {WHY: "{main}"}}
  number:
    ask: Your customer number?
    again: The four digits please?
    slot: number
    next: check
  check:
    say: {say: This is a legal notice., interruptible: no}
    ask: "Number {number}, right?"
    confirm: number
    next: details
  details:
    call: count
    next: finish
  count: {ask: "How many?", slot: count, retries: 1, failed: person, next: day}
  day: {ask: "Which day?", slot: day, next: gift}
  gift: {ask: "A gift?", slot: gift, next: who}
  who: {ask: "Your name?", slot: who, next: return}
  finish:
    say: "{count} for {who} on {day}."
    next:
      - {when: gift == "yes" and count >= 2, go: many}
      - one
  many: {transfer: "200"}
  one: {continue: yes}
"""
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


async def centre(tmp_path: Path, now: datetime = MONDAY, **info: str) -> TextCall:
    flow = load(write(tmp_path, CENTRE))
    call = call_of(flow, now=lambda: now, info=CallInfo("call-1", **info))
    await call.start()
    return call


async def test_callers_hear_that_the_firm_is_closed_out_of_its_hours(tmp_path: Path) -> None:
    assert (await centre(tmp_path)).last.text.startswith("Hello there.")
    for closed in (datetime(2026, 11, 22, 10, tzinfo=UTC), datetime(2026, 12, 25, 10, tzinfo=UTC)):
        assert (await centre(tmp_path, closed)).last.text == "We are closed."


async def test_variables_of_the_call_in_what_is_said_and_where_it_goes(tmp_path: Path) -> None:
    call = await centre(tmp_path, caller_name="Ada", caller="{main}")
    assert call.last.text == "Hello Ada. Sales, or your order?"
    end = await call.says("I want to buy something")
    assert end.finish is not None
    assert (end.finish.queue, end.finish.variables) == ("sales_{main}", {"WHY": "sales"})


async def test_a_menu_is_interrupted_by_its_choice_and_asked_anew(tmp_path: Path) -> None:
    call = await centre(tmp_path)
    answer = await call.says("hours", cut="Hello")
    assert answer.text == "We are here from nine to five. Sales, or your order?"
    assert (await call.presses("5", cut="We are")).text == "Your customer number?"


async def to_check(tmp_path: Path) -> tuple[TextCall, TextAnswer]:
    call = await centre(tmp_path)
    await call.says("my order")
    return call, await call.says("four two double seven")


async def test_digits_are_said_back_and_corrected(tmp_path: Path) -> None:
    call, answer = await to_check(tmp_path)
    assert answer.text == "This is a legal notice. Number 4 2 7 7, right?"
    assert [say.interruptible for say in answer.says] == [False, True]
    assert "Number 4 2 7 8" in (await call.says("no, four two seven eight")).text
    assert (await call.says("no")).text == "Okay. Your customer number?"
    assert (await call.presses("12")).text == "Sorry, that will not do. The four digits please?"
    assert "1 2 3 4" in (await call.presses("1234#")).text


async def test_a_sub_flow_with_values_of_every_type(tmp_path: Path) -> None:
    call, _ = await to_check(tmp_path)
    assert (await call.says("yes")).text == "How many?"
    assert (await call.says("ninety")).text == "Sorry, that will not do. How many?"
    assert (await call.says("two please")).text == "Which day?"
    assert (await call.says("next Friday")).text == "A gift?"
    assert (await call.says("yes please")).text == "Your name?"
    end = await call.says("my name is ada lovelace")
    assert end.text == "2 for Ada Lovelace on Friday, November 27."
    assert end.finish is not None
    assert end.finish.exten == "200"


async def test_retries_then_what_the_step_says(tmp_path: Path) -> None:
    call, _ = await to_check(tmp_path)
    await call.says("yes")
    await call.says("blah blah blah")
    end = await call.says("blah blah blah")
    assert end.finish is not None
    assert end.finish.queue == "front"


async def test_change_a_slot_by_its_name(tmp_path: Path) -> None:
    call, _ = await to_check(tmp_path)
    await call.says("yes")
    assert (await call.says("no, I want to change my customer number")).text == "Okay. Your customer number?"


OVERRIDES = """
steps:
  notice:
    say: [First sentence here., Second sentence here.]
    sensitivity: 0.2
    on: {stop: done, correct: person, redirect: other}
    next: done
  other: {say: Skipped., next: done}
  done: {ask: "Done?", menu: [yes_please, no_thanks], retries: 0, failed: hang_up, next: hang_up}
intents:
  moon: {match: ["the moon"], go: moon}
backchannels: [amen]
sayings: {okay: Right then.}
"""


@pytest.mark.parametrize(
    ("text", "said"), [("wait", "Done?"), ("skip that", "Skipped. Done?"), ("what was that", "First sentence")]
)
async def test_a_step_overrides_what_an_interruption_does(tmp_path: Path, text: str, said: str) -> None:
    text_of_flow = (
        OVERRIDES.replace("steps:\n", "steps:\n  moon: {say: It is far., next: return}\n") + "start: notice\n"
    )
    flow = load(write(tmp_path, text_of_flow))
    call = call_of(flow)
    opening = await call.start()
    assert opening.says[0].sensitivity == 0.2
    assert (await call.says(text, cut="First")).text.startswith(said)


async def test_an_intent_leads_away_and_back(tmp_path: Path) -> None:
    text = OVERRIDES.replace("steps:\n", "steps:\n  moon: {say: It is far., next: return}\n") + "start: notice\n"
    call = call_of(load(write(tmp_path, text)))
    await call.start()
    assert (await call.says("tell me about the moon")).text == "It is far. Done?"
    assert call.last.listen is not None
    assert call.last.listen.backchannels == ("amen",)
    end = await call.says("gibberish nonsense words")
    assert end.finish == Finish("hangup")


HOOK = """
steps:
  ask: {ask: "Which?", menu: {a: , b: }, next: look}
  look:
    webhook:
      url: "https://shop.example/orders/{ask}"
      body: {choice: "{ask}", who: "{caller}"}
      headers: {X-Key: k}
      save: {status: order.status}
      timeout: 0.2
      failed: sorry
    say: "It is {status}."
    next: ask
  sorry: {say: I cannot look., next: ask}
"""


async def test_a_webhook_is_asked_once_for_a_turn_and_again_for_the_next(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"order": {"status": f"sent {len(asked)}"}})

    flow = load(write(tmp_path, HOOK))
    planner = FlowPlanner(flow, CallInfo("c"), load_language("en"), webhooks=Webhooks(httpx.MockTransport(serve)))
    call = TextCall(planner)
    await call.start()
    for _ in range(3):  # dropped: the caller went on
        async for _ in planner.plan(Situation(tuple(call.turns), "a")):
            pass
    assert (await call.says("a")).text == "It is sent 1. Which?"
    assert (await call.says("what was that", cut="It is")).text == "It is sent 1. Which?"
    assert len(asked) == 1
    assert asked[0].url.path == "/orders/a"
    assert (await call.says("a")).text == "It is sent 2. Which?"
    assert asked[0].headers["Idempotency-Key"] != asked[1].headers["Idempotency-Key"]


@pytest.mark.parametrize("how", ["slow", "500", "garbage", "gone"])
async def test_a_webhook_that_fails_is_a_step_not_a_silence(tmp_path: Path, how: str) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        import asyncio

        if how == "slow":
            await asyncio.sleep(5)
        if how == "gone":
            raise httpx.ConnectError("gone")
        return httpx.Response(500 if how == "500" else 200, text="<html>")

    hooks = Webhooks(httpx.MockTransport(serve))
    call = call_of(load(write(tmp_path, HOOK)), webhooks=hooks)
    await call.start()
    assert (await call.says("b")).text == "I cannot look. Which?"


async def test_a_flow_that_runs_in_circles_ends(tmp_path: Path) -> None:
    text = """
variables: {x: ""}
steps:
  a: {next: [{when: x, go: b}, b]}
  b: {next: [{when: x, go: a}, a]}
"""
    call = call_of(load(write(tmp_path, text)))
    assert (await call.start()).finish == Finish("failed")


READY = """
sensitivity: 0.3
backchannels: [amen]
steps:
  notice:
    say: This call may be recorded.
    interruptible: no
    backchannels: [as you wish]
    next: pick
  pick:
    say: [We have red and blue., {say: Blue is our favourite., sensitivity: 0.9}]
    ask: Which one?
    slot: colour
    backchannels: [lovely]
    next: bye
  bye: {say: Goodbye., sensitivity: 0.7, hangup: }
slots:
  colour: {choices: [red, blue]}
"""


async def test_what_a_sound_does_to_the_agent_is_said_for_the_flow_a_step_or_a_line(tmp_path: Path) -> None:
    text = READY.replace("sensitivity: 0.3", "overlap: pause", 1)
    text = text.replace("sensitivity: 0.9", "overlap: duck, duck_db: 6")
    opening = await call_of(load(write(tmp_path, text))).start()
    assert [(say.overlap, say.duck_db) for say in opening.says] == [
        ("pause", None), ("pause", None), ("duck", 6), ("pause", None),
    ]  # fmt: skip
    with pytest.raises(UserError, match="duck or pause is expected here, not 'stop'"):
        load(write(tmp_path, text.replace("overlap: pause", "overlap: stop")))


async def test_how_readily_speech_stops_the_agent_is_said_for_the_flow_a_step_or_a_line(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, READY)))
    opening = await call.start()
    assert [(say.interruptible, say.sensitivity) for say in opening.says] == [
        (False, 0.3), (True, 0.3), (True, 0.9), (True, 0.3),
    ]  # fmt: skip
    again = await call.says("fish")
    assert {say.sensitivity for say in again.says} == {0.3}  # "Sorry, ..." is no step's
    end = await call.says("red")
    assert [say.sensitivity for say in end.says] == [0.7]


async def test_a_flow_that_cannot_be_interrupted_says_so_of_every_sentence(tmp_path: Path) -> None:
    text = READY.replace("sensitivity: 0.3", "interruptible: no", 1).replace(
        "    ask:", "    interruptible: yes\n    ask:"
    )
    call = call_of(load(write(tmp_path, text)))
    assert [say.interruptible for say in (await call.start()).says] == [False, True, True, True]
    assert [say.interruptible for say in (await call.says("red")).says] == [False]


async def test_backchannels_of_the_flow_and_of_the_steps_that_speak_are_joined(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, READY)))
    opening = await call.start()
    assert opening.listen is not None
    assert opening.listen.backchannels == ("amen", "as you wish", "lovely")
    reply = await call.says("lovely", cut="This call may be recorded. We have red")
    assert reply.kind is Kind.BACKCHANNEL
    end = await call.says("red")
    assert end.listen is not None
    assert end.listen.backchannels == ("amen",)


CLEARS = """
variables: {vip: "gold"}
steps:
  a: {set: {vip: ""}, next: [{when: vip, go: yes_vip}, no_vip]}
  yes_vip: {say: VIP., hangup: }
  no_vip: {say: "Not {vip|a}.", hangup: }
"""


async def test_a_variable_that_is_set_to_nothing_is_empty(tmp_path: Path) -> None:
    assert (await call_of(load(write(tmp_path, CLEARS))).start()).text == "Not a."


async def test_trouble_is_said_before_a_person_is_called(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, "steps:\n  a: {ask: Which, menu: [x, y], retries: 0, next: hang_up}\n")))
    await call.start()
    end = await call.says("purple fish")
    assert end.text == "I am having trouble with that. One moment, please."
    assert end.finish is not None
    assert end.finish.result == "queue"


@pytest.mark.parametrize(
    ("number", "said"),
    [("5012", "5 0 1 2"), ("555010", "5 5 5, 0 1 0"), ("+15550104278", "+15550104278"), ("ada", "ada")],
)
async def test_a_short_number_of_the_caller_is_said_digit_by_digit(tmp_path: Path, number: str, said: str) -> None:
    flow = load(write(tmp_path, "steps:\n  a: {say: 'Back at {caller}.', hangup: yes}\n"))
    call = call_of(flow, info=CallInfo("c1", caller=number))
    assert (await call.start()).text == f"Back at {said}."
