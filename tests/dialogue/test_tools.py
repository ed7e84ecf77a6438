"""Tools of a language model: exactly once, with arguments that fit, about this call and no other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bargein.config import LlmConfig
from bargein.core.turns.records import CallInfo, Situation, Turn
from bargein.core.turns.reply import Say
from bargein.dialogue.flow import Flow, load
from bargein.dialogue.llm import LlmPlanner
from bargein.dialogue.tool_text import read_arguments
from bargein.dialogue.tools import misfit, specifications
from bargein.offline.text_call import TextCall
from tests.dialogue.chat_server import ChatServer, Exchange, Script, chat_server
from tests.waiting import until

FLOW = """
queue: support
queues: [sales]
instructions: You sell mugs.
variables: {order: "", mug: ""}
tools:
  place_order:
    about: Place the order.
    url: "%s"
    body: {mug: "{mug}", from: "{caller}", account: "{var.account}"}
    headers: {X-Name: "{caller_name}"}
    save: {order: id}
steps:
  hello:
    say: Welcome to the shop.
    next: bye
  bye: {hangup: yes}
"""


pytestmark = pytest.mark.usefixtures("connections_closed")


def flow_of(tmp_path: Path, hook: str) -> Flow:
    path = tmp_path / "llm.yaml"
    path.write_text(FLOW % hook)
    return load(path)


def planner_of(server: ChatServer, shop: ChatServer, tmp_path: Path) -> LlmPlanner:
    call = CallInfo("call-1", caller="+15550104278", caller_name="Jürgen", variables={"account": "A1"})
    return LlmPlanner(LlmConfig(url=server.url, model="m"), flow_of(tmp_path, shop.url), call)


def order(delay_s: float = 0.0) -> Script:
    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(delay_s)
        await exchange.head(kind="application/json")
        await exchange.raw('{"id": "A7"}')

    return script


def ordering(**arguments: Any) -> Script:
    """Orders, and says so when it has the result."""

    async def script(exchange: Exchange) -> None:
        if exchange.body["messages"][-1]["role"] == "tool":
            await exchange.says("It is ordered.")
        else:
            await exchange.calls("place_order", arguments)

    return script


def caller_turn(*texts: str) -> Situation:
    turns = tuple(Turn(i, "caller", 0, 0, text, text) for i, text in enumerate(texts))
    return Situation(turns, texts[-1])


async def drop(planner: LlmPlanner, situation: Situation, shop: ChatServer) -> None:
    """Plan a reply and drop it before its first sound, when its order has reached the shop."""
    reply = planner.plan(situation)

    async def read() -> None:
        async for _ in reply:
            pass

    reading = asyncio.create_task(read())
    await until(lambda: shop.exchanges)
    reply.cancel()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_a_tool_that_runs_while_the_caller_speaks_again_runs_once(tmp_path: Path) -> None:
    async with chat_server(order(0.5)) as shop, chat_server(ordering(mug="blue")) as server:
        planner = planner_of(server, shop, tmp_path)
        await drop(planner, caller_turn("order the blue mug"), shop)
        pieces = [piece async for piece in planner.plan(caller_turn("order the blue mug", "hello?"))]
        assert [piece.text for piece in pieces if isinstance(piece, Say)] == ["It is ordered."]
        assert len(shop.exchanges) == 1
        asked = server.exchanges[1].body["messages"]
        assert [m["role"] for m in asked] == ["system", "user", "assistant", "tool", "assistant", "user"]
        assert asked[3]["content"] == '{"order": "A7"}'


async def test_the_same_tool_with_the_same_arguments_is_not_run_again_in_a_call(tmp_path: Path) -> None:
    async def insists(exchange: Exchange) -> None:
        if exchange.body["messages"][-1]["role"] == "tool":
            await exchange.says("It is ordered.")
        else:
            await exchange.calls("place_order", {"mug": "blue"}, call_id=f"c{len(server.exchanges)}")

    async with chat_server(order()) as shop, chat_server(insists) as server:
        planner = planner_of(server, shop, tmp_path)
        await drop(planner, caller_turn("order the blue mug"), shop)
        call = TextCall(planner)
        await call.start()
        for text in ("order the blue mug please", "did you order it", "hello"):
            assert (await call.says(text)).text == "It is ordered."
        assert len(shop.exchanges) == 1
        ids = [m["tool_call_id"] for m in server.exchanges[-1].body["messages"] if m["role"] == "tool"]
        assert len(ids) == len(set(ids))


async def test_other_arguments_are_another_order(tmp_path: Path) -> None:
    async def two(exchange: Exchange) -> None:
        if exchange.body["messages"][-1]["role"] == "tool":
            await exchange.says("It is ordered.")
        else:
            mug = exchange.body["messages"][-1]["content"].split()[-1]
            await exchange.calls("place_order", {"mug": mug})

    async with chat_server(order()) as shop, chat_server(two) as server:
        call = TextCall(planner_of(server, shop, tmp_path))
        await call.start()
        for mug in ("red", "blue", "red"):
            await call.says(f"I would like a mug that is {mug}")
        assert [exchange.body["mug"] for exchange in shop.exchanges] == ["red", "blue"]


async def test_facts_of_the_call_come_from_the_call(tmp_path: Path) -> None:
    model = ordering(mug="blue", caller="+19005550000", **{"var.account": "B2"})
    async with chat_server(order()) as shop, chat_server(model) as server:
        call = TextCall(planner_of(server, shop, tmp_path))
        await call.start()
        await call.says("order the blue mug please")
        assert shop.exchanges[0].body == {"mug": "blue", "from": "+15550104278", "account": "A1"}
        assert shop.exchanges[0].headers["x-name"] == "jürgen"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"mug": None}, {"mug": {"colour": "blue"}}, {"mug": "blue", "price": "0"}, {"mug": ["blue"]}],
)
async def test_arguments_that_do_not_fit_are_not_sent(tmp_path: Path, arguments: Any) -> None:
    async with chat_server(order()) as shop, chat_server(ordering(**arguments)) as server:
        call = TextCall(planner_of(server, shop, tmp_path))
        await call.start()
        await call.says("order the blue mug please")
        assert shop.exchanges == []
        assert "error: " in server.content()


def test_numbers_and_yes_are_texts(tmp_path: Path) -> None:
    schema = specifications(flow_of(tmp_path, "http://h/x"))[-1]["function"]["parameters"]
    assert misfit({"mug": 5}, schema) == ""
    assert misfit({"mug": True}, schema) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}), ("null", {}), ("{}", {}), ('{"a": 1}', {"a": 1}), ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": 1}{"a": 1}', {"a": 1}), (' {"a": 1} ', {"a": 1}), ("[1]", None), ("{", None), ("oops", None),
        ("[" * 100_000, None), ("(" * 30_000, None), ('[{"q": 1}]', {"q": 1}), ("{'q': 1}", {"q": 1}),
        ('```json\n{"q": 1}\n```', {"q": 1}), ('{"q": 1,}', {"q": 1}), ('{"q": 1', None),
        ("{q: 1}", {"q": 1}), ("q='a'", {"q": "a"}), ("q=", None), ("[]", {}),
        ('{"q": {"a": "b"}', {"q": {"a": "b"}}),
        ('{"q": "a"', {"q": "a"}), ('{"q": "a', None), ('{"q": "a\nb"}', {"q": "a\nb"}), ("q == 1", None),
        ("a=1)+(2", None), ("a=1)(2", None), ('q="a"), hangup(x=1', None), ("q=1, **a", None),
    ],
)  # fmt: skip
def test_arguments_as_models_write_them(text: str, wanted: Any) -> None:
    assert read_arguments(text) == wanted


def test_a_value_without_a_name_is_that_of_the_only_argument() -> None:
    assert read_arguments("sales", ["queue"]) == {"queue": "sales"}
    assert read_arguments('["sales"]', ["queue", "note"]) == {"queue": "sales"}
    for text, names in [("sales", ["queue", "note"]), ('{"queue": "sa', ["queue"]), ("[1, 2]", ["queue"])]:
        assert read_arguments(text, names) is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("transfer_to_queue", {"queue": "Sales"}), ("transfer_to_queue", {"queue": " sales "}),
        ("transfer_to_queue", {"queue": "sales", "reason": "wants mugs"}),
        ("transfer_to_queue", {"parameters": {"queue": "sales"}}), ("transfer_to_queue", [{"queue": "sales"}]),
        ("Transfer-To-Queue", {"queue": "sales", "note": None}),
        ("transfer_to_queue<|channel|>commentary", {"queue": "sales"}), ("transferToQueue", {"Queue": "Sales"}),
        ("functions.transfer_to_queue:0", {"queue": "sales"}), ("default_api.transfer_to_queue", {"queue": "sales"}),
        ("transfer_to_queue", "sales"), ("transfer_to_queue", ["sales"]),
        ("transfer_to_queue", {"name": "transfer_to_queue", "arguments": {"queue": "sales"}}),
    ],
)  # fmt: skip
async def test_a_transfer_as_models_write_it(tmp_path: Path, name: str, arguments: Any) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.calls(name, arguments)

    async with chat_server(order()) as shop, chat_server(script) as server:
        call = TextCall(planner_of(server, shop, tmp_path))
        await call.start()
        finish = (await call.says("someone for mugs please")).finish
        assert finish is not None
        assert finish.queue == "sales"
