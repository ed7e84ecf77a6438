"""Requests that vendors accept: alternating, shortened, without what was refused."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.dialogue.chat_api import address, clean_reason
from bargein.dialogue.chat_dialect import LEFT_OUT, UNHEARD, Dialect, Message, alternating, shortened

WANTED = {"model": "m", "stream": True, "temperature": 0.4, "max_tokens": 300, "tools": [
    {"type": "function", "function": {"name": "hangup", "parameters": {
        "type": "object", "properties": {}, "required": [], "additionalProperties": False}}}
]}  # fmt: skip
MESSAGES: list[Message] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}]
CALLED: Message = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
RESULT: Message = {"role": "tool", "tool_call_id": "a", "content": "done"}


def roles(messages: list[Message]) -> list[str]:
    return [message["role"] for message in messages]


def test_the_user_begins_and_roles_alternate() -> None:
    made = alternating([
        {"role": "system", "content": "s"}, {"role": "assistant", "content": "Welcome."},
        {"role": "user", "content": "one"}, {"role": "user", "content": "two"}, CALLED, RESULT,
        {"role": "user", "content": "three"},
    ])  # fmt: skip
    assert roles(made) == ["system", "user", "assistant", "user", "assistant", "tool", "assistant", "user"]
    assert made[3]["content"] == "one\ntwo"
    assert made[4]["content"] == ""
    assert made[6]["content"] == UNHEARD


def test_a_long_call_keeps_the_instructions_and_the_newest_turns() -> None:
    turns: list[Message] = [
        {"role": ("user", "assistant")[i % 2], "content": f"{i} " + "word " * 50} for i in range(40)
    ]
    made = shortened([MESSAGES[0], *turns, CALLED, RESULT], 1000)
    assert made[0] == MESSAGES[0]
    assert made[1]["content"] == LEFT_OUT
    assert made[-2:] == [CALLED, RESULT]
    assert 5 < len(made) < 20
    assert shortened([MESSAGES[0], RESULT | {"content": "x" * 9000}], 500)[-1]["role"] == "tool"


REFUSALS = {
    "max_tokens": (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        {"max_completion_tokens": 300, "max_tokens": None},
    ),
    "temperature": ("Unsupported value: 'temperature' does not support 0.4 with this model.", {"temperature": None}),
    "tools": ("registry.ollama.ai/library/gemma:2b does not support tools", {"tools": None}),
    "stream": ("Your organization must be verified to stream this model.", {"stream": None}),
    "pydantic": ('[{"type": "extra_forbidden", "loc": ["body", "temperature"]}]', {"temperature": None}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_member_is_left_out(name: str) -> None:
    reason, wanted = REFUSALS[name]
    dialect = Dialect()
    changed = dialect.after(reason, dialect.body(WANTED, MESSAGES, 8000))
    assert changed is not None
    made = changed.body(WANTED, MESSAGES, 8000)
    assert {key: made.get(key) for key in wanted} == wanted
    assert made["model"] == "m"


def test_both_names_of_the_limit_refused() -> None:
    dialect: Dialect | None = Dialect()
    for reason in ("max_tokens: unknown", "max_completion_tokens: extra_forbidden"):
        assert dialect is not None
        dialect = dialect.after(reason, dialect.body(WANTED, MESSAGES, 8000))
    assert dialect is not None
    assert not {"max_tokens", "max_completion_tokens"} & set(dialect.body(WANTED, MESSAGES, 8000))


@pytest.mark.parametrize(
    ("reason", "first"),
    [
        ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "user"),
        ("System role not supported", "user"),
        ("Developer instruction is not enabled for models/gemma-3", "user"),
        ("Input should be 'user' or 'assistant'", "user"),
        ("'system' is not supported; use 'developer' instead", "developer"),
    ],
)
def test_a_refused_role(reason: str, first: str) -> None:
    changed = Dialect().after(reason, Dialect().body(WANTED, MESSAGES, 8000))
    assert changed is not None
    made = changed.body(WANTED, MESSAGES, 8000)["messages"]
    assert made[0]["role"] == first
    assert "Be kind." in made[0]["content"]
    assert "hello" in made[-1]["content"]


ORDERED: Message = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "call_a", "type": "function", "function": {"name": "order", "arguments": '{"mug": "blue"}'}}
]}  # fmt: skip
NOTED: Message = {"role": "tool", "tool_call_id": "call_a", "content": "done"}


@pytest.mark.parametrize(
    ("reasons", "wanted"),
    [
        (["text content blocks must be non-empty"], lambda call, _: call["content"] is None),
        (["content must be non-empty"] * 2, lambda call, _: "content" not in call),
        (
            ["Assistant message must have either content or tool_calls, but not both."],
            lambda call, _: "content" not in call,
        ),
        (
            ["cannot unmarshal string into messages.tool_calls.function.arguments of type map[string]interface {}"],
            lambda call, _: call["tool_calls"][0]["function"]["arguments"] == {"mug": "blue"},
        ),
        (
            ["json: cannot unmarshal string into Go struct field .function.arguments of type api.Arguments"],
            lambda call, _: call["tool_calls"][0]["function"]["arguments"] == {"mug": "blue"},
        ),
        (
            ["Tool call id was call_a but must be a-z, A-Z, 0-9, with a length of 9."],
            lambda call, result: (
                len(call["tool_calls"][0]["id"]) == 9 and result["tool_call_id"] == call["tool_calls"][0]["id"]
            ),
        ),
        (["function_response.name: Name cannot be empty"], lambda _, result: result["name"] == "order"),
    ],
)
def test_tool_calls_are_written_as_a_server_wants_them(reasons: list[str], wanted: Any) -> None:
    dialect, messages = Dialect(), [*MESSAGES, ORDERED, NOTED]
    for reason in reasons:
        changed = dialect.after(reason, dialect.body(WANTED, messages, 8000))
        assert changed is not None
        dialect = changed
    assert wanted(*dialect.body(WANTED, messages, 8000)["messages"][-2:])


def test_the_plainest_request_tells_calls_in_words() -> None:
    made = Dialect().plainest().body(WANTED, [*MESSAGES, ORDERED, NOTED], 8000)["messages"]
    assert roles(made) == ["user", "assistant", "user"]
    assert made[1]["content"] == '[called: order {"mug": "blue"}]'
    assert made[2]["content"] == "[the result: done]"


def test_tools_that_were_called_are_not_left_out() -> None:
    body = Dialect().body(WANTED, [*MESSAGES, ORDERED, NOTED], 8000)
    assert Dialect().after("Unexpected role 'tool'", body) is None


def test_arguments_that_were_cut_off_are_an_empty_object_where_a_server_wants_one() -> None:
    cut = {**ORDERED["tool_calls"][0], "function": {"name": "order", "arguments": '{"mug": "bl'}}
    body = Dialect(object_arguments=True).body(WANTED, [*MESSAGES, {**ORDERED, "tool_calls": [cut]}, NOTED], 8000)
    assert body["messages"][-2]["tool_calls"][0]["function"]["arguments"] == {}


def test_a_limit_that_is_too_high_is_left_out() -> None:
    dialect = Dialect()
    reason = "max_tokens is too large: 300. This model supports at most 100 completion tokens"
    changed = dialect.after(reason, dialect.body(WANTED, MESSAGES, 8000))
    assert changed is not None
    assert "max_tokens" not in changed.body(WANTED, MESSAGES, 8000)


def test_what_a_server_refuses_of_a_schema_is_left_out() -> None:
    dialect = Dialect()
    body = dialect.body(WANTED, MESSAGES, 8000)
    changed = dialect.after('Unknown name "additionalProperties": Cannot find field.', body)
    assert changed is not None
    assert "additionalProperties" not in str(changed.body(WANTED, MESSAGES, 8000))
    changed = dialect.after("parameters.properties: should be non-empty for OBJECT type", body)
    assert changed is not None
    assert "parameters" not in changed.body(WANTED, MESSAGES, 8000)["tools"][0]["function"]


def test_a_context_that_is_too_long_is_halved() -> None:
    turns: list[Message] = [{"role": ("user", "assistant")[i % 2], "content": "word " * 100} for i in range(40)]
    dialect = Dialect()
    body = dialect.body(WANTED, [MESSAGES[0], *turns], 100_000)
    for reason in (
        "This model's maximum context length is 4096 tokens",
        "the request exceeds the available context size",
    ):
        changed = dialect.after(reason, body)
        assert changed is not None
        assert len(changed.body(WANTED, [MESSAGES[0], *turns], 100_000)["messages"]) < 30


def test_a_reason_that_names_nothing_changes_nothing() -> None:
    assert Dialect().after("no such model", Dialect().body(WANTED, MESSAGES, 8000)) is None


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://h/v1", "http://h/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
        ("https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
         "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"),
    ],
)  # fmt: skip
def test_the_address_of_a_request_is_found_from_any_url_that_people_write(url: str, wanted: str) -> None:
    assert address(url) == wanted


def test_a_reason_in_the_log_has_nothing_of_the_caller() -> None:
    hidden = "my name is Jürgen Vogel and my number is 5550104278"
    reason = "Invalid 'messages[1].content': got 'my name is Jürgen Vogel, 5550104278' for key sk-abc123456"
    cleaned = clean_reason(reason, hidden, "topsecret")
    assert cleaned.startswith("Invalid 'messages[1].content': got")
    for secret in ("Jürgen", "Vogel", "5550104278", "sk-abc"):
        assert secret not in cleaned
    assert "topsecret" not in clean_reason("bad key topsecret", "", "topsecret")
    assert len(clean_reason("x" * 5000, "")) <= 300
