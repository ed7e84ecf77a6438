"""The language model planner against servers that deviate, refuse, dribble, stall and flood."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from bargein.config import LlmConfig
from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import Say
from bargein.dialogue import http_client
from bargein.dialogue.llm import LlmPlanner
from bargein.offline.text_call import TextAnswer, TextCall
from tests.dialogue.chat_server import ChatServer, Exchange, Script, chat_server
from tests.dialogue.test_llm import flow_of

pytestmark = pytest.mark.usefixtures("connections_closed")


async def asked(
    server: ChatServer, tmp_path: Path, says: list[tuple[float, str]] | None = None, **settings: Any
) -> TextAnswer:
    """The answer to one question. `says` gets the time and the text of each sentence."""
    begun = time.monotonic()

    def on_say(say: Say) -> None:
        if says is not None:
            says.append((time.monotonic() - begun, say.text))

    planner = LlmPlanner(LlmConfig(url=server.url, model="m", **settings), flow_of(tmp_path), CallInfo("call-1"))
    call = TextCall(planner, on_say=on_say)
    await call.start()
    if says is not None:
        says.clear()
    begun = time.monotonic()
    return await asyncio.wait_for(call.says("when do you open please"), 30)


def refusing(*rules: tuple[str, Any]) -> Script:
    """Refuses a request that a rule is true of, with the rule's message; answers the others."""

    async def script(exchange: Exchange) -> None:
        for message, rule in rules:
            if rule(exchange.body):
                await exchange.refuses(message)
                return
        await exchange.says("We open at nine.")

    return script


@pytest.mark.parametrize("message", ["Conversation roles must alternate", "Bad Request", ""])
async def test_a_refusal_that_names_nothing_leads_to_a_plainer_request_that_is_kept(
    tmp_path: Path, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    script = refusing((message, lambda body: body["messages"][0]["role"] == "system"))
    async with chat_server(script) as server:
        for _ in range(2):
            assert (await asked(server, tmp_path)).text == "We open at nine."
        assert [exchange.body["messages"][0]["role"] for exchange in server.exchanges] == ["system", "user", "user"]
        assert "plainer form" in caplog.text
    async with chat_server(refusing(("No.", lambda body: True))) as server:
        assert (await asked(server, tmp_path)).finish is not None
        await asked(server, tmp_path)
        assert [exchange.body["messages"][0]["role"] for exchange in server.exchanges] == ["system", "user"] * 2


@pytest.mark.parametrize(
    ("status", "message", "requests"),
    [
        ("500 Oops", "Jinja Exception: Conversation roles must alternate", 2),
        ("500 Oops", "Internal Server Error", 1),
        ("501 Oops", "Not implemented", 1),
        ("401 Unauthorized", "Bad key", 1),
        ("403 Forbidden", "No", 1),
    ],
)
async def test_a_server_that_is_broken_is_not_asked_in_plainer_form(
    tmp_path: Path, status: str, message: str, requests: int
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.refuses(message, status)

    async with chat_server(script) as server:
        await asked(server, tmp_path)
        assert len(server.exchanges) == requests


async def test_what_was_refused_once_is_not_sent_again(tmp_path: Path) -> None:
    script = refusing(
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            lambda body: "max_tokens" in body,
        ),
        ("Unsupported value: 'temperature'", lambda body: body.get("temperature", 1) != 1),
        ("System role not supported", lambda body: body["messages"][0]["role"] == "system"),
        ("this model does not support tools", lambda body: "tools" in body),
    )
    async with chat_server(script) as server:
        for _ in range(2):
            assert (await asked(server, tmp_path)).text == "We open at nine."
        assert len(server.exchanges) == 4 + 1 + 1
        assert server.exchanges[-1].body["max_completion_tokens"] == 300


async def test_settings_of_the_request(tmp_path: Path) -> None:
    async with chat_server(refusing()) as server:
        await asked(
            server, tmp_path, temperature=-1.0, max_tokens=0, extra='{"reasoning_effort": "low", "tools": null}'
        )
        body = server.exchanges[0].body
        assert body["reasoning_effort"] == "low"
        assert not {"temperature", "max_tokens", "tools"} & set(body)


async def test_azure_gets_its_version_in_the_address_and_its_key_in_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")
    async with chat_server(refusing()) as server:
        server.url += "?api-version=2024-10-21"
        await asked(server, tmp_path, api_key_header="api-key")
        assert server.exchanges[0].path == "/v1/chat/completions?api-version=2024-10-21"
        assert server.exchanges[0].headers["api-key"] == "k-1"
        assert "authorization" not in server.exchanges[0].headers


async def test_too_many_requests_are_tried_again_if_the_wait_is_short(tmp_path: Path) -> None:
    def busy(wait: str) -> Script:
        async def script(exchange: Exchange) -> None:
            await exchange.refuses("slow down", "429 Too Many Requests", Retry_After=wait)

        return script

    async with chat_server(busy("0.1"), refusing()) as server:
        assert (await asked(server, tmp_path)).text == "We open at nine."
    async with chat_server(busy("30"), refusing()) as server:
        says: list[tuple[float, str]] = []
        assert (await asked(server, tmp_path, says)).finish is not None
        assert says[0][0] < 10


@pytest.mark.parametrize("status", ["401 Unauthorized", "500 Oops", "301 Moved Permanently", "404 Not Found"])
async def test_the_servers_reason_is_in_the_log_and_no_word_of_the_caller(
    tmp_path: Path, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(exchange: Exchange) -> None:
        quoted = exchange.body["messages"][-1]["content"]
        await exchange.head(f"{status}\r\nLocation: http://elsewhere.example/{quoted.split()[0]}", "text/plain")
        await exchange.raw(f"quota exceeded while reading '{quoted}'")

    async with chat_server(script) as server:
        with caplog.at_level(logging.DEBUG, "bargein"):
            assert (await asked(server, tmp_path)).finish is not None
    assert status[:3] in caplog.text
    assert "elsewhere.example" in caplog.text if status[0] == "3" else "quota exceeded" in caplog.text
    for word in ("open please", "when"):
        assert word not in caplog.text


async def test_an_answer_that_is_not_streamed(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(kind="application/json")
        message = {"role": "assistant", "content": "We open at nine."}
        await exchange.raw(json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))

    async with chat_server(script) as server:
        assert (await asked(server, tmp_path)).text == "We open at nine."


ANSWER = {"choices": [{"index": 0, "message": {"content": "We open at nine."}, "finish_reason": "stop"}]}
LINES = [{"message": {"content": "We open "}, "done": False}, {"message": {"content": "at nine."}, "done": True}]

GOOGLE = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in ("We open ", "at nine.")]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/json", json.dumps([*GOOGLE, {"candidates": [{"finishReason": "STOP"}]}], indent=2)),
        ("application/json", f"data: {json.dumps(ANSWER)}\n\ndata: [DONE]\n\n"),
        ("text/plain", json.dumps(ANSWER, indent=2)),
        ("application/x-ndjson", "".join(json.dumps(line) + "\n" for line in LINES)),
    ],
)
async def test_an_answer_whose_type_is_misnamed(tmp_path: Path, kind: str, text: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(kind=kind)
        await exchange.raw(text)

    async with chat_server(script) as server:
        assert (await asked(server, tmp_path)).text == "We open at nine."


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (
            "text/html",
            "<html><style>a{b}</style><h1>Sign in</h1></html>",
            "200: no chat completion but text/html: Sign in;",
        ),
        ("text/event-stream", "data: Worker crashed\n\ndata: [DONE]\n\n", "text/event-stream: Worker crashed; check"),
        ("application/json", "", "application/json: empty; check [llm] url"),
    ],
)
async def test_what_came_in_place_of_an_answer_is_in_the_log(
    tmp_path: Path, kind: str, text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(kind=kind)
        await exchange.raw(text)

    async with chat_server(script) as server:
        assert (await asked(server, tmp_path)).finish is not None
    assert reason in caplog.text


async def test_a_server_that_does_not_close_the_stream(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.delta(content="We open at nine.")
        await exchange.delta("stop")
        await asyncio.sleep(60)

    async with chat_server(script) as server:
        says: list[tuple[float, str]] = []
        answer = await asked(server, tmp_path, says)
        assert (answer.text, answer.finish) == ("We open at nine.", None)
        assert says[-1][0] < 10


async def test_a_connection_that_was_closed_meanwhile_is_tried_again(tmp_path: Path) -> None:
    async def drops(exchange: Exchange) -> None:
        exchange.writer.close()

    async with chat_server(drops, refusing()) as server:
        assert (await asked(server, tmp_path)).text == "We open at nine."


async def test_an_answer_cut_by_the_limit_ends_with_a_whole_sentence(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.delta(content="We open at nine. And on Sundays we")
        await exchange.done("length")

    async with chat_server(script) as server:
        assert (await asked(server, tmp_path)).text == "We open at nine."


async def test_a_stream_that_ends_without_saying_so_is_an_answer_if_it_is_whole(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.delta(content="We open at nine.")

    async with chat_server(script) as server:
        answer = await asked(server, tmp_path)
        assert (answer.text, answer.finish) == ("We open at nine.", None)


async def test_silent_reasoning_ends_with_a_word_at_the_limit(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head()
        for number in range(100):
            await exchange.delta(content=None, reasoning_content=f"step {number} ")
            await asyncio.sleep(0.05)

    async with chat_server(script) as server:
        says: list[tuple[float, str]] = []
        answer = await asked(server, tmp_path, says, first_token_ms=700)
        assert answer.finish is not None
        assert says[0][1] == "I am having trouble with that."
        assert 0.6 < says[0][0] < 4


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_a_model_that_dribbles_is_heard_in_parts(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head()
        for word in ["did", "you", "mean", "the", "lesson", "for", "children", "or", "the", "one", "for", "adults?"]:
            await exchange.delta(content=word + " ")
            await asyncio.sleep(0.4)
        await exchange.done()

    async with chat_server(script) as server:
        says: list[tuple[float, str]] = []
        answer = await asked(server, tmp_path, says)
        assert answer.text == "did you mean the lesson for children or the one for adults?"
        assert says[0][0] < 3
        assert len(says) > 1


@pytest.mark.parametrize("member", ["content", "reasoning_content"])
async def test_a_flood_stalls_nobody_and_is_not_kept(tmp_path: Path, member: str) -> None:
    """10 MB in small pieces: the event loop stays free, and memory stays small."""
    event = json.dumps({"choices": [{"index": 0, "delta": {member: "word and word "}, "finish_reason": None}]})
    block = f"data: {event}\n\n" * 500

    async def script(exchange: Exchange) -> None:
        await exchange.head()
        for _ in range(10_000_000 // len(block)):
            await exchange.raw(block)

    gaps: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.process_time()  # of this process alone: other load on the machine does not count
            await asyncio.sleep(0)
            gaps.append(time.process_time() - begun)

    async with chat_server(script) as server:
        call = TextCall(LlmPlanner(LlmConfig(url=server.url, model="m"), flow_of(tmp_path), CallInfo("call-1")))
        await call.start()
        http_client.client()  # as a server does before its first call
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        watching = asyncio.create_task(watch())
        answer = await call.says("when do you open please")
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        watching.cancel()
    assert len(answer.text) < 20_000
    assert grown_kb < 20_000
    assert max(gaps) < 0.02
