"""The AudioSocket decoder: whole, byte by byte, truncated, trailing, and arbitrary."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.wire.audiosocket import Decoder, Frame, FrameKind, ProtocolError, encode

frames = st.builds(Frame, st.integers(0, 255), st.binary(max_size=700))


def wire(*items: Frame) -> bytes:
    return b"".join(encode(f.kind, f.payload) for f in items)


@given(st.lists(frames, max_size=8), st.lists(st.integers(1, 50), min_size=1, max_size=50))
def test_however_the_bytes_are_cut_the_frames_are_the_same(sent: list[Frame], cuts: list[int]) -> None:
    data, decoder, got, at, turn = wire(*sent), Decoder(), [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        got += decoder.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert got == sent
    assert decoder.pending_bytes == 0


def test_a_truncated_frame_waits_for_its_rest() -> None:
    decoder, data = Decoder(), encode(FrameKind.AUDIO, b"x" * 320)
    assert decoder.feed(data[:-1]) == []
    assert decoder.pending_bytes == 322
    assert decoder.feed(data[-1:]) == [Frame(FrameKind.AUDIO, b"x" * 320)]


def test_frames_behind_the_first_stay_for_the_next_call() -> None:
    decoder, call = Decoder(), uuid.uuid4()
    first, second = Frame(FrameKind.ID, call.bytes), Frame(FrameKind.AUDIO, b"ab")
    assert decoder.feed(wire(first, second), at_most=1) == [first]
    assert decoder.feed() == [second]
    assert first.uuid() == call


@given(st.binary(max_size=2000))
def test_any_bytes_are_frames_or_the_beginning_of_one(data: bytes) -> None:
    decoder = Decoder()
    assert wire(*decoder.feed(data)) + data[len(data) - decoder.pending_bytes :] == data


@pytest.mark.parametrize(
    ("payload", "digits"),
    [
        (b"#", "#"), (b"12", "12"), (b"5\0\0d", "5"), (b"a", "A"), (b"7\r\n", "7"),
        (b"", ""), (b"x", ""), (b"\xff", ""), (b"\x05", ""),
    ],
)  # fmt: skip
def test_the_digits_of_a_frame(payload: bytes, digits: str) -> None:
    assert Frame(FrameKind.DTMF, payload).digits() == digits


def test_an_id_has_16_bytes() -> None:
    with pytest.raises(ProtocolError, match="15"):
        Frame(FrameKind.ID, b"x" * 15).uuid()


def test_what_asterisk_would_lose_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        encode(FrameKind.AUDIO, bytes(65_535))
