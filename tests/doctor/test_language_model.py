"""The doctor makes a real request to the language model."""

from __future__ import annotations

import dataclasses

import pytest

from bargein.config import LlmConfig
from bargein.doctor.checks import Check
from bargein.doctor.language_model import language_model
from tests.dialogue.chat_server import Exchange, chat_server


async def served(exchange: Exchange) -> None:
    """A server with the key `good` and the model `small`, which knows no max_tokens."""
    if exchange.headers.get("authorization") != "bearer good":
        await exchange.head("401 Unauthorized", "text/plain")
        await exchange.raw("no such key")
    elif exchange.body["model"] != "small":
        await exchange.refuses(f"The model '{exchange.body['model']}' does not exist", "404 Not Found")
    elif "max_tokens" in exchange.body:
        await exchange.refuses("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    else:
        await exchange.says("All is well.")


async def test_what_it_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chat_server(served) as server:
        llm = LlmConfig(url=server.url, model="small", api_key_env="TEST_LLM_KEY")

        async def check(key: str, **changed: str) -> Check:
            monkeypatch.setenv("TEST_LLM_KEY", key)
            return await language_model(dataclasses.replace(llm, **changed))  # type: ignore[arg-type]

        good = await check("good")
        assert good.status == "ok"
        assert good.text.startswith(f"{llm.url}: small answers, first word after ")
        unnamed = await check("good", model="")
        assert (unnamed.status, unnamed.remedy) == ("fail", "set [llm] model")
        unknown = await check("good", model="huge")
        assert unknown.status == "fail"
        assert "404: The model 'huge' does not exist" in unknown.text
        for key in ("", "bad"):
            refused = await check(key)
            assert refused.status == "fail"
            assert "401: no such key" in refused.text
            assert "TEST_LLM_KEY" in refused.remedy
        nowhere = await check("good", url="http://127.0.0.1:1/v1")
        assert nowhere.status == "fail"
        assert "its server runs" in nowhere.remedy
        assert (await check("good", url="nonsense")).status == "fail"


async def test_a_model_that_says_nothing_is_no_model() -> None:
    async def empty(exchange: Exchange) -> None:
        await exchange.says("")

    async with chat_server(empty) as server:
        found = await language_model(LlmConfig(url=server.url, model="m"))
        assert found.status == "fail"
        assert "says nothing" in found.text


async def test_a_query_is_not_shown() -> None:
    found = await language_model(LlmConfig(url="http://user:secret@127.0.0.1:1/v1?api-key=secret", model="m"))
    assert "secret" not in found.text
