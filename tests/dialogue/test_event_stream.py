"""Server-sent events as vendors write them, whole and byte by byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.dialogue.event_stream import DONE, MAX_EVENT_CHARS, EventStream


def read(data: bytes, size: int = 1 << 20) -> list[Any]:
    stream = EventStream()
    found = [value for at in range(0, len(data), size) for value in stream.feed(data[at : at + size])]
    return [*found, *stream.end()]


A, B = {"a": 1}, {"b": "é"}

STREAMS = {
    "usual": (b'data: {"a": 1}\n\ndata: {"b": "\xc3\xa9"}\n\ndata: [DONE]\n\n', [A, B, DONE]),
    "CRLF": (b'data: {"a": 1}\r\n\r\ndata: {"b": "\xc3\xa9"}\r\n\r\ndata: [DONE]\r\n\r\n', [A, B, DONE]),
    "CR": (b'data: {"a": 1}\r\rdata: {"b": "\xc3\xa9"}\r\r', [A, B]),
    "no space": (b'data:{"a": 1}\n\ndata:[DONE]\n\n', [A, DONE]),
    "byte order mark": (b'\xef\xbb\xbfdata: {"a": 1}\n\n', [A]),
    "several lines": (b'data: {"a":\ndata: 1}\n\n', [A]),
    "no empty lines": (b'data: {"a": 1}\ndata: {"b": "\xc3\xa9"}\ndata: [DONE]\n', [A, B, DONE]),
    "no last line end": (b'data: {"a": 1}', [A]),
    "comments": (b': OPENROUTER PROCESSING\n\n: keep-alive\n\ndata: {"a": 1}\n\n', [A]),
    "other fields": (b'event: message\nid: 7\nretry: 10\ndata: {"a": 1}\n\n', [A]),
    "null": (b'data: null\n\ndata: {"a": 1}\n\n', [None, A]),
    "no JSON": (b'data: oops\n\ndata:\n\ndata: {"a": 1}\n\n', [A]),
    "array": (b'data: [{"a": 1}, {"b": "\xc3\xa9"}]\n\n', [A, B]),
    "array in lines": (b'[{"a": 1}\n,\n{"b": "\xc3\xa9"}]\n', [A, B]),
    "array with commas": (b'[{"a": 1},\n{"b": "\xc3\xa9"}\n]', [A, B]),
    "wrapped twice": (b'data: data: {"a": 1}\n\ndata: data: [DONE]\n\n', [A, DONE]),
    "bare JSON": (b'{"error": {"message": "x"}}\n', [{"error": {"message": "x"}}]),
    "error field": (b'error: {"code": 500}\n\n', [{"error": {"code": 500}}]),
    "error event": (b'event: error\ndata: {"message": "x"}\n\ndata: {"a": 1}\n\n', [{"error": {"message": "x"}}, A]),
    "U+2028 is no line end": ('data: {"b": "\u2028"}\n\n'.encode(), [{"b": "\u2028"}]),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_what_vendors_send(name: str, size: int) -> None:
    data, wanted = STREAMS[name]
    assert read(data, size) == wanted


def test_an_event_without_end_is_dropped_and_the_next_is_read() -> None:
    data = b'data: "' + b"x" * (2 * MAX_EVENT_CHARS) + b'"\n\ndata: {"a": 1}\n\n'
    assert read(data, 65536) == [A]


def test_an_event_without_end_takes_no_more_memory_than_the_longest_one() -> None:
    stream = EventStream()
    for _ in range(2 * MAX_EVENT_CHARS // 65536):
        assert list(stream.feed(b"x" * 65536)) == []
        assert len(stream._text) <= MAX_EVENT_CHARS


@given(st.binary(max_size=300))
def test_any_bytes_are_read_alike_in_any_pieces(data: bytes) -> None:
    assert [json.dumps(v, default=str) for v in read(data, 1)] == [json.dumps(v, default=str) for v in read(data)]
