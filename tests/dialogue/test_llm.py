"""The language model planner against a server that speaks the protocol over HTTP."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from bargein.config import LlmConfig
from bargein.core.language.kinds import Kind
from bargein.core.turns.records import AnsweredBy, CallInfo, Situation, Turn
from bargein.core.turns.reply import Finish, Listen, Say
from bargein.dialogue.flow import Flow, load
from bargein.dialogue.llm import LlmPlanner
from bargein.offline.text_call import TextCall
from tests.dialogue.chat_server import ChatServer, Exchange, chat_server

FLOW = """
queue: support
instructions: You sell mugs.
queues: [sales]
transfers: ["200"]
variables: {order: "", mug: ""}
tools:
  place_order:
    about: Place the order.
    url: "%s"
    body: {mug: "{mug}"}
    save: {order: id}
steps:
  hello:
    say: Welcome to the shop.
    next: bye
  bye: {hangup: yes}
"""


pytestmark = pytest.mark.usefixtures("connections_closed")


def flow_of(tmp_path: Path, extra: str = "", hook: str = "http://127.0.0.1:9/none") -> Flow:
    path = tmp_path / "llm.yaml"
    path.write_text(FLOW % hook + extra)
    return load(path)


def planner_of(server: ChatServer, flow: Flow, **settings: Any) -> LlmPlanner:
    return LlmPlanner(LlmConfig(url=server.url, model="m", **settings), flow, CallInfo("call-1"))


def answer(text: str, pace_s: float = 0.0) -> Any:
    async def script(exchange: Exchange) -> None:
        await exchange.says(text, pace_s)

    return script


async def test_greets_from_the_flow_without_the_model(tmp_path: Path) -> None:
    async with chat_server(answer("x")) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path)))
        opening = await call.start()
        assert opening.text == "Welcome to the shop."
        assert opening.listen is not None
        assert server.exchanges == []


async def test_who_speaks_first_hears_the_notice_and_then_the_answer(tmp_path: Path) -> None:
    (tmp_path / "notice.yaml").write_text(
        "queue: support\nsteps:\n  hello:\n    say:\n      - {say: This call is recorded., interruptible: no}\n"
        "      - Welcome to the shop.\n    next: bye\n  bye: {hangup: yes}\n"
    )
    async with chat_server(answer("We open at nine.")) as server:
        planner = planner_of(server, load(tmp_path / "notice.yaml"))
        planner.plan(Situation(())).cancel()  # dropped: the caller speaks before it is heard
        first = Turn(0, "caller", 0, 0, "when do you open", "when do you open")
        said = [piece async for piece in planner.plan(Situation((first,), first.text)) if isinstance(piece, Say)]
    assert [(say.text, say.interruptible) for say in said] == [
        ("This call is recorded.", False),
        ("We open at nine.", True),
    ]


async def test_no_model_talks_to_a_voicemail(tmp_path: Path) -> None:
    flow = flow_of(tmp_path)
    hello = Turn(0, "caller", 0, 900, "leave a message", "leave a message")
    async with chat_server(answer("Hello.")) as server:
        reply = planner_of(server, flow).plan(Situation((hello,), "leave a message", answered_by=AnsweredBy.VOICEMAIL))
        pieces = [piece async for piece in reply]
        greeting = planner_of(server, flow).plan(Situation((hello,), "hello", answered_by=AnsweredBy.PERSON))
        said = [piece.text async for piece in greeting if isinstance(piece, Say)]
        assert not server.exchanges
    assert pieces[-1] == Finish("hangup")  # type: ignore[arg-type]
    assert said == ["Welcome to the shop."]


async def test_what_the_flow_says_of_its_callers_counts_for_the_model_too(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, "sensitivity: 0.2\ninterruptible: no\nbackchannels: [amen]\n")
    async with chat_server(answer("The red mug is ten dollars.")) as server:
        call = TextCall(planner_of(server, flow))
        opening = await call.start()
        reply = await call.says("how much is it")
        for said in (opening, reply):
            assert [(say.interruptible, say.sensitivity) for say in said.says] == [(False, 0.2)]
            assert said.listen is not None
            assert said.listen.backchannels == ("amen",)


async def test_sentences_come_while_the_model_still_writes(tmp_path: Path) -> None:
    async with chat_server(answer("The red mug is ten dollars. " + "It is really very nice. " * 6, 0.02)) as server:
        planner = planner_of(server, flow_of(tmp_path))
        turns = (Turn(0, "caller", 0, 0, "how much is it", "how much is it"),)
        begun = time.monotonic()
        times = []
        async for piece in planner.plan(Situation(turns, "how much is it")):
            times.append((time.monotonic() - begun, piece))
        first, last = times[0], times[-1]
        assert first[1] == Say("The red mug is ten dollars.", "llm")
        assert first[0] < last[0] / 2
        assert isinstance(last[1], Listen)


async def test_request_after_an_interruption_holds_what_was_heard_and_not_one_unspoken_word(tmp_path: Path) -> None:
    long = "The red mug costs ten dollars and comes with a wonderful saucer. Shall I wrap it?"
    async with chat_server(answer(long, 0.001), answer("The blue mug costs fifteen.")) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path)))
        await call.start()
        await call.says("tell me about the red one")
        reply = await call.says("no, the blue one", cut="costs ten")
        assert reply.text == "The blue mug costs fifteen."
        content = server.content()
        assert "The red mug costs ten [the caller cut in" in content
        assert content.endswith("no, the blue one")
        for unspoken in ("dollars", "wonderful", "saucer", "wrap"):
            assert unspoken not in content


async def test_cancel_closes_the_request_at_once(tmp_path: Path) -> None:
    async with chat_server(answer("One sentence is here. " * 100, 0.02)) as server:
        planner = planner_of(server, flow_of(tmp_path))
        reply = planner.plan(Situation((Turn(0, "caller", 0, 0, "hi", "hi"),), "hi"))
        async for _ in reply:
            reply.cancel()
        await asyncio.wait_for(server.exchanges[0].closed.wait(), 1.0)


async def test_a_reply_that_was_dropped_never_happened(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        if len(exchange.body["messages"]) == 2:
            await exchange.calls("set_variable", {"name": "order", "value": "secret"})
        else:
            await exchange.says("Noted.")

    async with chat_server(script) as server:
        planner = planner_of(server, flow_of(tmp_path))
        turns = (Turn(0, "caller", 0, 0, "I want", "I want"),)
        dropped = [piece async for piece in planner.plan(Situation(turns, "I want"))]
        assert isinstance(dropped[-1], Listen)
        turns = (Turn(0, "caller", 0, 0, "I want the blue one", "I want the blue one"),)
        [piece async for piece in planner.plan(Situation(turns, "I want the blue one"))]
        assert "Noted" not in server.content(2)
        assert "secret" not in str(server.exchanges[2].body)


async def test_transfer_says_something_and_finishes(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.calls("transfer_to_queue", {"queue": "sales"}, "I will get you somebody. ")

    async with chat_server(script) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path)))
        await call.start()
        end = await call.says("I need to complain")
        assert end.text == "I will get you somebody."
        assert end.finish == Finish("queue", queue="sales")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("transfer_to_queue", {"queue": "ceo"}), ("transfer", {"extension": "900123"}), ("format_disk", {})],
)
async def test_what_the_flow_does_not_allow_is_not_done(tmp_path: Path, name: str, arguments: Any) -> None:
    async def forbidden(exchange: Exchange) -> None:
        await exchange.calls(name, arguments)

    async with chat_server(forbidden, answer("I cannot do that.")) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path)))
        await call.start()
        end = await call.says("please do it")
        assert end.finish is None
        assert end.text == "I cannot do that."
        assert "error" in server.content()


async def test_a_webhook_runs_once_however_often_the_turn_is_replayed(tmp_path: Path) -> None:
    async def order(exchange: Exchange) -> None:
        await exchange.head(kind="application/json")
        await exchange.raw('{"id": "A7"}')

    async def model(exchange: Exchange) -> None:
        if exchange.body["messages"][-1]["role"] == "tool":
            await exchange.says("It is ordered.")
        else:
            await exchange.calls("place_order", {"mug": "blue"})

    async with chat_server(order) as shop, chat_server(model) as server:
        planner = planner_of(server, flow_of(tmp_path, hook=shop.url))
        for text in ("order it", "order it please", "order it please now"):
            situation = Situation((Turn(0, "caller", 0, 0, text, text),), text)
            pieces = [piece async for piece in planner.plan(situation)]
        assert [piece.text for piece in pieces if isinstance(piece, Say)] == ["It is ordered."]
        assert [exchange.body for exchange in shop.exchanges] == [{"mug": "blue"}]
        assert "idempotency-key" in shop.exchanges[0].headers


async def test_a_tool_that_ran_is_in_the_context_of_later_turns(tmp_path: Path) -> None:
    async def note(exchange: Exchange) -> None:
        await exchange.calls("set_variable", {"name": "order", "value": "A7"}, "Let me see. ")

    async with chat_server(note, answer("Done with it."), answer("Bye.")) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path)))
        await call.start()
        await call.says("note it")
        await call.says("thanks a lot then", cut="Let me")
        roles = [message["role"] for message in server.exchanges[-1].body["messages"]]
        assert roles == ["system", "user", "assistant", "user", "assistant", "tool", "assistant", "user"]
        assert "see" not in server.content()


async def broken(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.delta(content="I was about to")


async def garbage(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.raw("data: {not json\n\n")


async def refuses(exchange: Exchange) -> None:
    await exchange.head("500 Oops", "text/plain")


async def hangs(exchange: Exchange) -> None:
    await asyncio.sleep(60)


async def stalls(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.delta(content="Let me think about ")
    await asyncio.sleep(60)


async def empty(exchange: Exchange) -> None:
    await exchange.says("")


async def loops(exchange: Exchange) -> None:
    await exchange.calls("set_variable", {"name": "order", "value": "1"})


@pytest.mark.parametrize("script", [broken, garbage, refuses, hangs, stalls, empty, loops])
async def test_every_failure_ends_with_a_person_never_in_silence(tmp_path: Path, script: Any) -> None:
    async with chat_server(script) as server:
        planner = planner_of(server, flow_of(tmp_path), first_token_ms=150, timeout_ms=1000)
        call = TextCall(planner)
        await call.start()
        end = await asyncio.wait_for(call.says("hello there my friend"), 2)
        assert end.says
        assert end.finish is not None
        assert end.finish.queue == "support"


async def test_slow_stream_is_cut_at_the_time_limit(tmp_path: Path) -> None:
    async with chat_server(answer("Word after word " * 200, 0.02)) as server:
        planner = planner_of(server, flow_of(tmp_path), timeout_ms=300)
        call = TextCall(planner)
        await call.start()
        end = await asyncio.wait_for(call.says("hello there my friend"), 2)
        assert end.finish is not None


async def test_nobody_listens_there(tmp_path: Path) -> None:
    flow = flow_of(tmp_path)
    planner = LlmPlanner(LlmConfig(url="http://127.0.0.1:9/v1", model="m"), flow, CallInfo("c"))
    call = TextCall(planner)
    await call.start()
    assert (await call.says("hello there my friend")).finish is not None


async def test_failure_hands_over_to_the_flow(tmp_path: Path) -> None:
    extra = """
  menu:
    ask: Do you want sales or support?
    menu: {sales: {go: bye}, support: {go: bye}}
failed: menu
"""
    async with chat_server(refuses) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path, extra)))
        await call.start()
        assert (await call.says("hello there my friend")).text == "Do you want sales or support?"
        end = await call.says("sales")
        assert end.finish == Finish("hangup")
        assert len(server.exchanges) == 1


async def test_wait_and_a_person_need_no_model(tmp_path: Path) -> None:
    async with chat_server(refuses) as server:
        planner = planner_of(server, flow_of(tmp_path))
        turns = (Turn(0, "agent", 0, 0, "Welcome", "Welcome"), Turn(1, "caller", 0, 0, "wait", "wait"))
        waits = [piece async for piece in planner.plan(Situation(turns, "wait a second", kind=Kind.STOP))]
        assert waits[0] == Say("Sure, take your time.", "llm")
        person = [piece async for piece in planner.plan(Situation(turns, "a person", kind=Kind.AGENT))]
        assert isinstance(person[-1], Finish)
        assert server.exchanges == []


async def test_thoughts_and_markup_are_not_spoken(tmp_path: Path) -> None:
    async with chat_server(answer("<think>They want it. Hm.</think>**Sure.** It is `ten` dollars.")) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path)))
        await call.start()
        assert (await call.says("how much is it then")).text == "Sure. It is ten dollars."


async def test_the_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "k-123")
    async with chat_server(answer("Yes indeed.")) as server:
        call = TextCall(planner_of(server, flow_of(tmp_path), api_key_env="MY_KEY"))
        await call.start()
        await call.says("hello there my friend")
        assert server.exchanges[0].headers["authorization"] == "bearer k-123"
        assert server.exchanges[0].path == "/v1/chat/completions"
