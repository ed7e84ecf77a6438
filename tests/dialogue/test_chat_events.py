"""Chunks of a completion as vendors write them."""

from __future__ import annotations

from typing import Any

import pytest

from bargein.dialogue.chat_events import Completion, ModelError, ToolCall
from bargein.dialogue.chat_shapes import CUT, WITHHELD


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def read(*events: Any) -> tuple[str, list[ToolCall], str]:
    completion = Completion()
    text = "".join(piece.text for event in events for piece in completion.feed(event))
    return text, completion.calls(), completion.finish


TEXTS = {
    "text parts": [
        chunk(content=[{"type": "text", "text": "We open "}]),
        chunk(content=[{"type": "text", "text": "at nine."}]),
    ],
    "thinking parts": [
        chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "They want"}]}]),
        chunk(content=[{"type": "text", "text": "We open at nine."}]),
    ],
    "reasoning fields": [
        chunk(reasoning_content="They want", content=None),
        chunk(reasoning="the hours"),
        chunk(content="We open at nine."),
    ],
    "other text parts": [
        chunk(content=[{"type": "text_delta", "text": "We open "}]),
        chunk(content=[{"type": "input_text", "text": "at nine."}]),
    ],
    "error is empty": [{**chunk(content="We open at nine."), "error": {"code": 0, "message": ""}}],
    "Ollama's own lines": [
        {"message": {"content": "We open "}, "done": False},
        {"message": {"content": "at nine."}, "done": False},
    ],
    "no objects": [None, 7, "x", [], chunk(content="We open at nine.")],
    "error is null": [{**chunk(content="We open at nine."), "error": None}],
    "usage": [chunk(content="We open at nine."), {"choices": [], "usage": {"total_tokens": 3}}],
    "Azure filter": [{"choices": [], "prompt_filter_results": []}, chunk(content="We open at nine.")],
    "no choices": [{"choices": None}, {"object": "x"}, chunk(content="We open at nine.")],
    "delta null": [{"choices": [{"delta": None, "finish_reason": None}]}, chunk(content="We open at nine.")],
    "message": [{"choices": [{"message": {"content": "We open at nine."}, "finish_reason": "stop"}]}],
    "message repeats": [
        chunk(content="We open at nine."),
        {"choices": [{"message": {"content": "We open at nine."}, "finish_reason": "stop"}]},
    ],
    "legacy text": [{"choices": [{"text": "We open "}]}, {"choices": [{"text": "at nine."}]}],
    "refusal": [chunk(content=None, refusal="We open at nine.")],
    "second choice": [
        {"choices": [{"index": 1, "delta": {"content": "No."}}, {"index": 0, "delta": {"content": "We open at nine."}}]}
    ],
    "Google's own": [
        {"candidates": [{"content": {"parts": [{"text": "They ask.", "thought": True}, {"text": "We open "}]}}]},
        {"response": {"candidates": [{"content": {"parts": [{"text": "at nine."}]}, "finishReason": "STOP"}]}},
        {"usageMetadata": {"totalTokenCount": 3}},
    ],
    "Anthropic's own": [
        {"type": "message_start", "message": {"role": "assistant", "content": []}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "They ask."}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "We open "}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "at nine."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ],
    "Anthropic's whole": [{"type": "message", "content": [{"type": "text", "text": "We open at nine."}]}],
    "OpenAI's responses": [
        {"type": "response.created", "response": {"status": "in_progress", "error": None}},
        {"type": "response.output_text.delta", "delta": "We open "},
        {"type": "response.output_text.delta", "delta": "at nine."},
        {"type": "response.output_text.done", "text": "We open at nine."},
        {"type": "response.completed", "response": {"status": "completed", "error": None}},
    ],
    "llama.cpp's own": [{"content": "We open ", "stop": False}, {"content": "at nine.", "stop": True}],
    "Ollama's generate": [{"response": "We open ", "done": False}, {"response": "at nine.", "done": True}],
    "wrapped": [{"data": chunk(content="We open at nine."), "code": 0}],
    "parts inside": [chunk(content={"parts": [{"text": "We open at nine."}]})],
    "a thought by its role": [chunk(role="reasoning", content="They ask."), chunk(content="We open at nine.")],
    "Gemini's thought": [
        chunk(content="They ask.", extra_content={"google": {"thought": True}}),
        chunk(content="We open at nine."),
    ],
    "choices is no list": [{"choices": {"index": 0, "delta": {"content": "We open at nine."}}}],
    "numbered from one": [{"choices": [{"index": 1, "delta": {"content": "We open at nine."}}]}],
    "content is a part": [chunk(content={"type": "text", "text": "We open at nine."})],
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_found_in_each_dialect(name: str) -> None:
    assert read(*TEXTS[name])[0] == "We open at nine."


CALLS_ELSEWHERE = {
    "Anthropic": [
        {
            "type": "content_block_start", "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"q": '}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"a"}'}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    ],
    "Anthropic, whole": [{"type": "message", "content": [{"type": "tool_use", "name": "f", "input": {"q": "a"}}]}],
    "responses": [
        {
            "type": "response.output_item.done", "output_index": 0,
            "item": {"type": "function_call", "call_id": "t", "name": "f", "arguments": '{"q": "a"}'},
        },
        {"type": "response.completed", "response": {}},
    ],
    "camel case": [chunk(toolCalls=[{"index": 0, "id": "t", "function": {"name": "f", "arguments": '{"q": "a"}'}}])],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS_ELSEWHERE)
def test_calls_of_other_protocols(name: str) -> None:
    text, calls, _ = read(*CALLS_ELSEWHERE[name])
    assert text == ""
    assert [(call.name, call.arguments) for call in calls] == [("f", '{"q": "a"}')]


def test_calls_of_google_s_own_form() -> None:
    parts = [{"functionCall": {"name": "f", "args": {"q": name}}} for name in ("a", "b")]
    _, calls, finish = read({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    assert [(call.name, call.arguments) for call in calls] == [("f", '{"q": "a"}'), ("f", '{"q": "b"}')]
    assert finish == "STOP"


def test_a_character_that_comes_in_two_halves_is_joined_and_a_lone_half_replaced() -> None:
    assert read(chunk(content="Yes \ud83d"), chunk(content="\ude00!"))[0] == "Yes \U0001f600!"
    text, calls, _ = read(
        chunk(content="A\ude00b"), part(index=0, id="a", function=function(" functions.f", '{"q": "\ud83d"}'))
    )
    assert text == "A\ufffdb"
    assert calls == [ToolCall("a", "f", '{"q": "\ufffd"}')]


@pytest.mark.parametrize(
    ("events", "whole"),
    [
        ([chunk(content="We open at nine.")], True),
        ([chunk(content="We open "), chunk(content="at nine! ")], True),
        ([chunk(content="We open at")], False),
        ([], False),
        ([chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}])], True),
        ([chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"q": '}}])], False),
    ],
)
def test_a_stream_without_an_end_may_be_all(events: list[dict[str, Any]], whole: bool) -> None:
    completion = Completion()
    for event in events:
        list(completion.feed(event))
    assert completion.is_whole is whole


def part(**of: Any) -> dict[str, Any]:
    return chunk(tool_calls=[of])


def function(name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    return {key: value for key, value in {"name": name, "arguments": arguments}.items() if value is not None}


CALLS = {
    "usual": [
        part(index=0, id="a", function=function("f", "")),
        part(index=0, function=function(None, '{"q"')),
        part(index=0, function=function(None, ": 1}")),
        part(index=1, id="b", function=function("g", "{}")),
    ],
    "no index": [
        part(id="a", function=function("f", '{"q": 1}')),
        part(id="b", function=function("g", "{}")),
    ],
    "all so far again": [
        part(index=0, id="a", function=function("f", '{"q"')),
        part(index=0, id="a", function=function("f", '{"q": 1}')),
        part(index=1, id="b", function=function("g", "{}")),
    ],
    "parts of the content": [
        chunk(content=[{"type": "tool_use", "id": "a", "name": "f", "input": {"q": 1}}]),
        chunk(content=[{"type": "tool_use", "id": "b", "name": "g", "input": {}}]),
    ],
    "always index 0": [
        part(index=0, id="a", function=function("f", "")),
        part(index=0, id="", function=function(None, '{"q": 1}')),
        part(index=0, id="b", function=function("g", "")),
        part(index=0, id="", function=function(None, "{}")),
    ],
    "id in every fragment": [
        part(index=0, id="a", function=function("f", '{"q"')),
        part(index=0, id="a", function=function("f", ": 1}")),
        part(index=0, id="b", function=function("g", "{}")),
    ],
    "argument objects": [
        part(index=0, id="a", function=function("f", {"q": 1})),
        part(index=1, id="b", function=function("g", {})),
    ],
    "both in one event": [
        chunk(
            tool_calls=[
                {"id": "a", "function": function("f", '{"q": 1}')},
                {"id": "b", "function": function("g", "{}")},
            ]
        )
    ],
    "placeholder": [
        part(index=0, id="a", function=function("f", "{}")),
        part(index=0, function=function(None, '{"q": 1}')),
        part(index=1, id="b", function=function("g", "{}")),
    ],
    "arguments at another index": [
        part(index=0, id="a", function=function("f", '{"q": 1}')),
        part(index=0, id="b", function=function("g", "")),
        part(index=1, function=function(None, "{}")),
    ],
    "one object, no list": [
        chunk(tool_calls={"id": "a", "function": function("f", '{"q": 1}')}),
        chunk(tool_calls={"id": "b", "function": function("g", "{}")}),
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_the_tool_calls_are_found_in_each_dialect(name: str) -> None:
    assert read(*CALLS[name])[1] == [ToolCall("a", "f", '{"q": 1}'), ToolCall("b", "g", "{}")]


def test_calls_without_an_id_get_one_each() -> None:
    calls = read(part(function=function("f", "{}")), part(function=function("f", '{"q": 1}')))[1]
    assert [(call.name, call.arguments) for call in calls] == [("f", '{}{"q": 1}')] or [
        call.arguments for call in calls
    ] == ["{}", '{"q": 1}']
    assert len({call.id for call in calls}) == len(calls)
    assert all(len(call.id) == 9 and call.id.isalnum() for call in calls)


def test_the_form_before_tools() -> None:
    calls = read(chunk(function_call={"name": "f", "arguments": '{"q"'}), chunk(function_call={"arguments": ": 1}"}))[1]
    assert [(call.name, call.arguments) for call in calls] == [("f", '{"q": 1}')]


def test_what_the_vendor_wants_back_is_kept() -> None:
    extra = {"google": {"thought_signature": "s"}}
    (call,) = read(part(id="a", extra_content=extra, function=function("f", "{}")))[1]
    assert call.extra == {"extra_content": extra}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"error": {"message": "overloaded", "code": 502}}, "overloaded (502)"),
        ({"error": "overloaded"}, "overloaded"),
        ({"object": "error", "message": "overloaded"}, "overloaded"),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}},
            "overloaded (overloaded_error)",
        ),
        ({**chunk("error"), "error": {"message": "overloaded"}}, "overloaded"),
    ],
)
def test_errors_inside_the_stream(event: Any, reason: str) -> None:
    with pytest.raises(ModelError) as raised:
        read(event)
    assert raised.value.reason == reason


RESPONSE = {
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "We open at nine."}]},
        {"type": "function_call", "name": "go", "arguments": "{}", "call_id": "c"},
    ],
}


def test_llama_cpp_says_that_the_answer_was_too_long() -> None:
    assert read({"content": "We open", "stop": True, "stop_type": "limit"})[2] in CUT


def test_a_whole_response_of_openai() -> None:
    assert read(RESPONSE) == ("We open at nine.", [ToolCall("c", "go", "{}")], "stop")
    cut = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert read(cut)[2] in CUT
    assert read({"type": "response.incomplete", "response": cut})[2] in CUT
    assert read({"type": "response.completed", "response": RESPONSE}) == ("", [], "stop")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.failed", "response": {"status": "failed", "error": {"message": "overloaded"}}},
        {"object": "response", "status": "failed", "error": {"message": "overloaded"}, "output": []},
    ],
)
def test_a_failed_response_is_an_error(event: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="overloaded"):
        read(event)


@pytest.mark.parametrize(
    "event",
    [
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"candidates": [{"finishReason": "PROHIBITED_CONTENT", "index": 0}]},
        {"type": "message_delta", "delta": {"stop_reason": "refusal"}},
        chunk("content_filter"),
    ],
)
def test_an_answer_that_is_withheld_says_so(event: dict[str, Any]) -> None:
    text, _, finish = read(event)
    assert (text, finish in WITHHELD) == ("", True)


def test_parts_in_parts_without_end_are_no_text() -> None:
    content: dict[str, Any] = {"text": "We open at nine."}
    for _ in range(2_000):
        content = {"parts": [content]}
    assert read(chunk(content=content))[0] == ""


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "end_turn", "eos", "STOP", "content_filter"])
def test_any_reason_ends_it(finish: str) -> None:
    assert read(chunk(content="x"), chunk(finish))[2] == finish
    assert read(chunk("", content="x"))[2] == ""
