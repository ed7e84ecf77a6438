"""The check of the language model: a real request, as a call makes it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from urllib.parse import urlsplit

from ..config import LlmConfig
from ..dialogue import chat_api, http_client
from ..dialogue.chat_events import Text
from ..errors import EngineError
from .check import Check, ok

REQUEST = [
    {"role": "system", "content": "You answer the telephone of a shop."},
    {"role": "user", "content": "This is a test of the line. Say: all is well."},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "hangup",
            "description": "End the call, after you have said goodbye.",
            "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        },
    }
]


async def language_model(llm: LlmConfig) -> Check:
    """The endpoint of `planner = "llm"` answers a real request, in time for a caller. It costs a few tokens."""
    name = "language model"
    if not llm.model:
        return Check(name, "fail", "no model is named", "set [llm] model")
    started = asyncio.get_running_loop().time()
    first_s, said = 0.0, ""
    try:
        async with (
            asyncio.timeout(llm.timeout_ms / 1000),
            contextlib.aclosing(chat_api.complete(llm, REQUEST, TOOLS)) as answer,
        ):
            async for event in answer:
                if isinstance(event, Text):
                    first_s = first_s or asyncio.get_running_loop().time() - started
                    said += event.text
    except TimeoutError:
        remedy = "a smaller or faster model, or a larger [llm] timeout_ms"
        return Check(name, "fail", f"{shown_url(llm.url)}: no answer within {llm.timeout_ms} ms", remedy)
    except EngineError as error:
        return Check(name, "fail", f"{shown_url(llm.url)}: {error}", _llm_remedy(str(error), llm))
    finally:
        await http_client.close()
    if not said.strip():
        remedy = "a larger [llm] max_tokens, or less reasoning: [llm] extra"
        return Check(name, "fail", f"{shown_url(llm.url)}: {llm.model} says nothing", remedy)
    text = f"{shown_url(llm.url)}: {llm.model} answers, first word after {1000 * first_s:.0f} ms"
    if first_s * 1000 > llm.first_token_ms:
        return Check(name, "warn", text, "callers are handed over after [llm] first_token_ms; take a faster model")
    return ok(name, text)


def _llm_remedy(reason: str, llm: LlmConfig) -> str:
    if re.search(r" 40[13]\b", reason):
        return f"set {llm.api_key_env or '[llm] api_key_env'} here and in /etc/bargein/environment"
    if re.search(r" 404\b", reason):
        return "set [llm] url (it ends before /chat/completions, often in /v1) and [llm] model"
    if "reached" in reason:
        return "set [llm] url, and check that its server runs"
    return "see docs/language-models.md"


def shown_url(url: str) -> str:
    """A URL without its password and its query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
