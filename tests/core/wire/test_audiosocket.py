"""The AudioSocket decoder: whole, byte by byte, truncated, trailing, and arbitrary."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.wire.audiosocket import KNOWN_KINDS, Decoder, Frame, FrameKind, ProtocolError, encode

frames = st.builds(Frame, st.sampled_from(sorted(KNOWN_KINDS)), st.binary(max_size=700))


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
def test_garbage_is_a_protocol_error_or_nothing(data: bytes) -> None:
    try:
        got = Decoder().feed(data)
    except ProtocolError:
        return
    assert all(frame.kind in KNOWN_KINDS for frame in got)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ProtocolError, match="0x47"):
        Decoder().feed(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize("payload", [b"", b"12", b"x", b"\xff"])
def test_a_digit_is_one_digit(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        Frame(FrameKind.DTMF, payload).digit()
    assert Frame(FrameKind.DTMF, b"#").digit() == "#"


def test_an_id_has_16_bytes() -> None:
    with pytest.raises(ProtocolError, match="15"):
        Frame(FrameKind.ID, b"x" * 15).uuid()


def test_what_asterisk_would_lose_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        encode(FrameKind.AUDIO, bytes(65_535))
