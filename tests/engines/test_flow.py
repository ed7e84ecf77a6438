"""The flow planner: the shop as it is shipped, and each feature of the flow language."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.core.dialogue import Kind, Situation, Turn
from agent.core.reply import Finish, Listen, Say
from agent.dialogues import find
from agent.engines.base import CallInfo
from agent.engines.flow import Flow, FlowPlanner, load
from agent.engines.webhook import Webhooks
from agent.errors import UserError
from agent.languages import load as load_language
from agent.textcall import Answer, TextCall

LIST = "We have the red mug for ten dollars, the green mug for twelve dollars, and the blue mug for fifteen dollars."
RED = "One red mug for ten dollars."
BLUE = "One blue mug for fifteen dollars."
SEND = "We will send it to the address that we have on file, and it should arrive on Friday."
PAY = "How would you like to pay, by card or on delivery?"


def call_of(flow: Flow, **options: Any) -> TextCall:
    info = options.pop("info", CallInfo("call-1"))
    return TextCall(FlowPlanner(flow, info, load_language(flow.language), **options))


async def shop(*said: str) -> TextCall:
    call = call_of(load(find("shop")))
    await call.start()
    for text in said:
        await call.says(text)
    return call


def write(tmp_path: Path, text: str, name: str = "flow.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


# --------------------------------------------------------------------------- the shop


async def test_the_shop_from_beginning_to_end() -> None:
    call = await shop()
    assert call.last.text == f"Welcome to the mug shop. {LIST} Which one would you like?"
    assert (await call.says("the red one please")).text == f"{RED} {SEND} Is that right?"
    assert (await call.says("yes")).text == PAY
    end = await call.says("by card")
    assert end.text.startswith("Thank you")
    assert end.finish == Finish("hangup", summary="mug=red, payment=card")


@pytest.mark.parametrize(
    "text", ["no, the blue one", "actually make it blue", "I meant blue", "not red, blue", "blue please instead"]
)
async def test_a_correction_changes_the_choice_and_says_it_back(text: str) -> None:
    call = await shop("red")
    answer = await call.says(text, cut="One red mug for")
    assert answer.kind is Kind.CORRECT
    assert answer.text == f"Okay. {BLUE} {SEND} Is that right?"


async def test_where_a_choice_is_said_back_another_one_is_expected() -> None:
    call = await shop("the red one please")
    assert call.last.listen is not None
    assert {"red", "green", "blue"} <= set(call.last.listen.hints)


async def test_a_correction_long_after_the_choice_was_confirmed() -> None:
    call = await shop("red", "yes")
    assert (await call.says("no, the blue one", cut="How would")).text.startswith(f"Okay. {BLUE}")
    assert (await call.says("yes")).text == PAY


async def test_a_choice_in_mid_list() -> None:
    call = await shop()
    assert (await call.says("that one", cut="the green mug")).text.startswith("One green mug for twelve dollars.")


async def test_skip_leaves_what_is_explained() -> None:
    call = await shop()
    assert (await call.says("actually, skip that", cut="We have")).text == "Okay. Which one would you like?"
    call = await shop("red")
    answer = await call.says("actually, skip that", cut="We will send it")
    assert (answer.kind, answer.text) == (Kind.REDIRECT, PAY)


async def test_got_it_counts_as_a_yes() -> None:
    call = await shop("red")
    answer = await call.says("yep, got it, what's next?", cut="We will send it")
    assert (answer.kind, answer.text) == (Kind.CONFIRM, PAY)


async def test_repeat_says_the_cut_sentence_from_its_beginning() -> None:
    call = await shop("red")
    answer = await call.says("say that again", cut="to the address")
    assert answer.text == f"{SEND} Is that right?"
    assert [say.repeated for say in answer.says] == [True, False]


async def test_repeat_after_the_end_says_the_whole_step() -> None:
    call = await shop("red")
    assert (await call.says("sorry?")).text == f"{RED} {SEND} Is that right?"


async def test_wait_then_silence_then_on() -> None:
    call = await shop("red")
    waits = await call.says("wait a second", cut="We will send it")
    assert waits.text == "Sure, take your time."
    assert waits.listen is not None
    assert waits.listen.silence_ms >= 60_000
    assert (await call.says("okay, go on")).text == f"{SEND} Is that right?"


async def test_wait_then_a_correction() -> None:
    call = await shop("red")
    await call.says("hold on", cut="We will send it")
    assert (await call.says("make it blue")).text.startswith(f"Okay. {BLUE}")


async def test_a_person_gets_one_short_sentence_and_the_queue() -> None:
    call = await shop()
    answer = await call.says("can I talk to a person", cut="We have")
    assert len(answer.says) == 1
    assert answer.finish is not None
    assert (answer.finish.result, answer.finish.queue) == ("queue", "support")


async def test_a_question_is_answered_and_the_open_question_asked_again() -> None:
    call = await shop("red")
    answer = await call.says("how much is the green one?", cut="We will")
    assert answer.kind is Kind.QUESTION
    assert answer.text == "The green mug is twelve dollars. One red mug for ten dollars, is that right?"
    assert (await call.says("yes")).text == PAY


async def test_a_backchannel_gets_the_rest_of_the_sentence() -> None:
    call = await shop("red")
    assert (await call.says("uh-huh", cut="We will send")).text == f"{SEND} Is that right?"


async def test_two_interruptions_in_a_row_and_one_of_the_answer() -> None:
    call = await shop("red")
    await call.says("no, the blue one", cut="One red")
    await call.says("wait, green", cut="Okay. One blue")
    answer = await call.says("say that again", cut="One green mug")
    assert answer.text.startswith("One green mug for twelve dollars.")
    await call.says("how much is the red one", cut="One green")
    assert (await call.says("what was that", cut="The red")).text.startswith("The red mug is ten dollars.")


async def test_an_interruption_in_the_last_word() -> None:
    call = await shop("red", "yes", "card")
    assert (await call.says("no, the blue one", cut="Thank you for your order.")).text.startswith(f"Okay. {BLUE}")


async def test_digits_choose_confirm_and_call_a_person() -> None:
    call = await shop()
    assert (await call.presses("3", cut="We have")).text.startswith(BLUE)
    assert (await call.presses("1")).text == PAY
    end = await call.presses("0")
    assert end.finish is not None
    assert end.finish.result == "queue"


async def test_silence_asks_again_then_gets_a_person() -> None:
    call = await shop()
    assert (await call.silent()).text == "Which one would you like?"
    assert (await call.silent()).text.startswith("Are you still there?")
    end = await call.silent()
    assert end.finish is not None
    assert end.finish.queue == "support"


async def test_unfinished_words_are_waited_for() -> None:
    call = await shop()
    answer = await call.says("I want", cut="We have")
    assert answer.says == []
    assert isinstance(answer.listen, Listen)
    assert (await call.says("the blue one")).text.startswith(BLUE)


async def test_a_dropped_reply_never_happened() -> None:
    planner = FlowPlanner(load(find("shop")), CallInfo("c"), load_language("en"))
    opening = planner.plan(Situation(()))
    pieces = [piece async for piece in opening if isinstance(piece, Say)]
    opening.commit()
    heard = Turn(0, "agent", 0, 0, " ".join(p.text for p in pieces), " ".join(p.text for p in pieces))
    for text in ("the red", "the red or rather the blue one"):
        reply = planner.plan(Situation((heard,), text))
        said = [piece async for piece in reply if isinstance(piece, Say)]
        reply.cancel()
    assert said[0].text == BLUE
    assert planner.state.values == {}
    reply.commit()
    assert planner.state.values == {"mug": "blue"}


async def test_yes_and_the_payment_in_one_breath() -> None:
    call = await shop("the red one")
    end = await call.says("yes please, by card")
    assert end.finish is not None


# ------------------------------------------------------------------------ the language

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


async def test_business_hours(tmp_path: Path) -> None:
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


async def to_check(tmp_path: Path) -> tuple[TextCall, Answer]:
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


# ------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("steps:\n  a:\n    say: Hi\n    next: b\n", 2, "'b'"),
        ("steps:\n  a:\n    sya: Hi\n", 3, "did you mean 'say'"),
        ("stesp: {}\n", 1, "did you mean 'steps'"),
        ("steps:\n  a: {say: Hi}\n", 2, "leads nowhere"),
        ("steps:\n  a: {say: 'Hi {nam}', hangup: }\n", 2, "'nam'"),
        ("steps:\n  a: {say: 'Hi {', hangup: }\n", 2, "single '{'"),
        ("steps:\n  a:\n    next:\n      - {when: 'a(1)', go: a}\n      - a\n", 4, "may not stand"),
        ("steps:\n  a: {ask: 'Who?', next: a}\n", 2, "for what"),
        ("steps:\n  a: {hangup: }\n  b: {hangup: }\n", 3, "reached from nowhere"),
        ("steps:\n  a: {say: x, next: b}\n  b: {say: y, next: a}\n", 2, "without ever listening"),
        ("slots:\n  s: {type: colour}\nsteps:\n  a: {hangup: }\n", 2, "'colour'"),
        ("slots:\n  s: {choices: {a: {digit: 1}, b: {digit: 1}}}\nsteps:\n  a: {hangup: }\n", 2, "the digit 1"),
        (
            "slots:\n  s: {choices: {a: {price: x}, b: }}\nsteps:\n  a: {say: '{s.price}', hangup: }\n",
            4,
            "has no 'price'",
        ),
        ("steps:\n  a: {wav: none.wav, hangup: }\n", 2, "there is no file none.wav"),
        ("hours: {mon: 9-5}\nsteps:\n  a: {hangup: }\n", 1, "09:00-17:30"),
        ("timezone: Mars\nhours: {mon: 09:00-10:00}\nsteps:\n  a: {hangup: }\n", 1, "Europe/Berlin"),
        ("language: xx\nsteps:\n  a: {hangup: }\n", 1, "'xx'"),
        ("steps:\n  a: {hangup: }\n  a: {hangup: }\n", 3, "second time"),
        ("steps:\n  a: [\n", 3, "not YAML"),
        ("steps:\n  a: {say: x, webhook: {url: 'file:///etc'}, hangup: }\n", 2, "http"),
        ("steps:\n  a: {ask: Q, menu: [x], on: {corect: a}, next: a}\n", 2, "did you mean 'correct'"),
        ("- a\n", 1, "slots: and steps:"),
        ("", 1, "steps"),
    ],
)
def test_complaints_name_the_line_and_the_mending(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError) as error:
        load(path)
    assert error.value.exit_code == 2
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load(tmp_path / "none.yaml")


def test_includes_are_merged(tmp_path: Path) -> None:
    write(tmp_path, "steps:\n  more: {hangup: }\n", "more.yaml")
    assert set(load(write(tmp_path, "include: more.yaml\nsteps:\n  a: {say: x, next: more}\n")).steps) == {"a", "more"}
    write(tmp_path, "include: flow.yaml\nsteps:\n  more: {hangup: }\n", "more.yaml")
    with pytest.raises(UserError):
        load(tmp_path / "flow.yaml")


def test_shipped_flows_are_good_and_their_prompts_known() -> None:
    folder = find("shop").parent
    for path in folder.glob("*.yaml"):
        assert load(path).prompts()
    assert {LIST, BLUE, PAY, "Sure, take your time."} <= set(load(find("shop")).prompts())
