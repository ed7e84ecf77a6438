"""A call whose language model is slow, in virtual time: what the caller hears, second by second.

The models of here send nothing for ten seconds, one word every 1.5 s, or reasoning and never a word.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx

from bargein.config import LlmConfig
from bargein.core.audio.pcm import RATE
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo, Turn
from bargein.core.turns.reply import Finish
from bargein.dialogue import http_client
from bargein.dialogue.flow.file import load as load_flow
from bargein.dialogue.languages import load
from bargein.dialogue.llm import LlmPlanner
from bargein.offline import virtual_time
from bargein.server.session import Engines, Session
from tests.fakes import FakeLog, FakeRecognizer, FakeVoice, LevelDetector
from tests.server.test_dead_air import Line

FLOW = """
language: en
queue: support
instructions: Help the caller.
steps:
  hello: {ask: "How can I help?", slot: wish, next: bye}
  bye: {hangup: }
slots: {wish: {type: text}}
"""
SPOKE_S = (2.0, 3.0)  # when the caller speaks
Deltas = Callable[[], AsyncIterator[dict[str, str]]]


async def silent() -> AsyncIterator[dict[str, str]]:
    """Nothing for ten seconds, then an answer."""
    await asyncio.sleep(10)
    yield {"content": "Here is your answer."}


async def dribbling() -> AsyncIterator[dict[str, str]]:
    """A word every 1.5 s, and never the end of a sentence."""
    for number in range(60):
        await asyncio.sleep(1.5)
        yield {"content": f"and {number} " if number % 2 else "maybe "}


async def reasoning() -> AsyncIterator[dict[str, str]]:
    """Reasoning five times a second, and never a word."""
    for _ in range(600):
        await asyncio.sleep(0.2)
        yield {"reasoning_content": "The caller wants help. "}


async def stopping() -> AsyncIterator[dict[str, str]]:
    """Half a sentence, then nothing more."""
    await asyncio.sleep(0.3)
    yield {"content": "I have found it. It is"}
    await asyncio.sleep(600)


async def quick() -> AsyncIterator[dict[str, str]]:
    """A good model: the first sentence after 0.4 s."""
    await asyncio.sleep(0.4)
    yield {"content": "Here is your answer."}


MODELS: dict[str, Deltas] = {each.__name__: each for each in (quick, silent, dribbling, reasoning, stopping)}


class Endpoint(httpx.AsyncBaseTransport):
    """A chat endpoint without a socket. `asked`: the loop's time of each request."""

    def __init__(self, deltas: Deltas) -> None:
        self.deltas = deltas
        self.asked: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(asyncio.get_running_loop().time())
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Events(self.deltas))


class _Events(httpx.AsyncByteStream):
    def __init__(self, deltas: Deltas) -> None:
        self._deltas = deltas

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for delta in self._deltas():
            yield b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


def call(
    folder: Path, endpoint: Endpoint, line: Line | None = None, last_s: float = 18.0, preemptive: bool = False
) -> tuple[list[Turn], Finish | None]:
    """The agent's turns after the greeting, and how the call ended."""
    path = folder / "flow.yaml"
    path.write_text(FLOW, encoding="utf-8")
    settings = LlmConfig(url="http://model.test/v1", model="m", preemptive=preemptive)
    speaks = [SPOKE_S[0] <= tick * 0.02 < SPOKE_S[1] for tick in range(int(last_s * 50))]
    log = FakeLog()

    async def main() -> Finish | None:
        http_client.client = lambda: client  # type: ignore[assignment]
        planner = LlmPlanner(settings, load_flow(path), CallInfo("c"))
        core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        recognizer = FakeRecognizer(["I need a new card for my account", "and quickly please"], delay_s=0.1)
        session = Session("c", core, Engines(recognizer, FakeVoice(), planner), log)
        await session.run(None, line or Line(speaks))  # type: ignore[arg-type]
        return session.finish

    client, own = http_client.new_client(endpoint), http_client.client
    try:
        finish = virtual_time.run(main())
    finally:
        http_client.client = own
    return [turn for turn in log.turns.values() if turn.speaker == "agent"][1:], finish


def by_second(turns: list[Turn], seconds: int) -> list[str]:
    """The words that begin in each second after the caller's last sound."""
    heard = [""] * seconds
    for word in (word for turn in turns for word in turn.words):
        at = int(word.start / RATE - SPOKE_S[1])
        if at < seconds:
            heard[at] = f"{heard[at]} {word.text}".strip()
    return heard
