"""One AudioSocket connection: what is forgiven, what ends the call, and that no bytes upset it."""

from __future__ import annotations

import re
import struct
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.wire.audiosocket import FrameKind, encode
from bargein.core.wire.line import (
    Line,
    LineAudio,
    LineDigit,
    LineEvent,
    LineFault,
    LineHungUp,
    LineId,
    LineNotice,
)
from tests.asterisk import g711

CALL = uuid.UUID("4b0d7a62-9a3c-4f5e-8a57-0c6b5a1d2e3f")
ID = encode(FrameKind.ID, CALL.bytes)
AUDIO = encode(FrameKind.AUDIO, bytes(320))


def begun() -> Line:
    line = Line(0.0)
    assert line.receive(ID, 0.0) == [LineId(str(CALL))]
    return line


def kinds(events: list[LineEvent]) -> list[type]:
    return [type(event) for event in events]


def test_what_comes_with_the_id_waits_for_who_serves_the_call() -> None:
    line = Line(0.0)
    assert line.receive(ID + AUDIO + encode(FrameKind.DTMF, b"5"), 0.0) == [LineId(str(CALL))]
    assert kinds(line.receive(b"", 0.0)) == [LineAudio, LineDigit]


def test_audio_is_the_same_however_its_bytes_are_cut() -> None:
    frames = np.random.default_rng(1).normal(0, 500, (100, 160)).astype("<i2")
    data = b"".join(encode(FrameKind.AUDIO, frame.tobytes()) for frame in frames)
    for cuts in ([323] * 100, [323] * 50 + [100, 223, 646, 1, 322] + [323] * 46, [len(data)]):
        line, heard, at = begun(), [], 0
        for number, size in enumerate(cuts):
            events = line.receive(data[at : at + size], 0.02 * number)
            heard += [event.pcm for event in events if isinstance(event, LineAudio)]
            at += size
        assert np.array_equal(np.concatenate(heard), frames.reshape(-1))


def known_as_samples() -> Line:
    """A line that has heard enough to know that its audio is no G.711."""
    line = begun()
    for number, frame in enumerate(np.random.default_rng(1).normal(0, 500, (50, 160)).astype("<i2")):
        line.receive(encode(FrameKind.AUDIO, frame.tobytes()), 0.02 * number)
    return line


def test_frames_that_come_together_after_a_stall_are_one_event() -> None:
    events = known_as_samples().receive(3 * AUDIO, 1.06)
    assert kinds(events) == [LineAudio]
    assert [len(event.pcm) for event in events if isinstance(event, LineAudio)] == [480]


def test_what_comes_between_frames_that_come_together_is_not_taken_for_audio() -> None:
    other = encode(0x20, bytes(320))  # as long as audio
    assert kinds(known_as_samples().receive(AUDIO + other + AUDIO, 1.06)) == [LineAudio, LineNotice, LineAudio]
    digit = encode(FrameKind.DTMF, b"5")
    assert kinds(known_as_samples().receive(AUDIO + digit + AUDIO, 1.06)) == [LineAudio, LineDigit, LineAudio]


def test_frames_that_come_together_count_as_the_audio_that_they_are() -> None:
    line = known_as_samples()
    assert kinds(line.receive(700 * AUDIO, 1.0)) == [LineAudio]
    assert kinds(line.receive(100 * AUDIO, 1.0)) == [LineFault]
    assert line.receive(AUDIO, 1.0) == []


def test_audio_at_16_khz_is_heard_at_8_khz_however_long_the_call_is() -> None:
    line = begun()
    wide = (8000 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)).astype("<i2")
    second = [encode(FrameKind.WIDE_AUDIO, wide[at : at + 320].tobytes()) for at in range(0, 16_000, 320)]
    heard = []
    for number, data in enumerate(second * 40):
        (event,) = line.receive(data, number * 0.02)
        assert isinstance(event, LineAudio)
        heard.append(event.pcm)
        assert event.upper is not None
        assert len(event.upper) == 320
    assert {len(pcm) for pcm in heard} == {160}
    spectrum = np.abs(np.fft.rfft(np.concatenate(heard[50:100]).astype(float)))
    assert np.argmax(spectrum) == 1000
    assert line.receive(encode(FrameKind.WIDE_AUDIO, b"\0"), 800.0) == []


@pytest.mark.parametrize("kind", [0x02, 0x04, 0x0F, 0x19, 0x20, 0x47, 0xFE])
def test_a_frame_of_unknown_kind_is_skipped_with_one_notice(kind: int) -> None:
    line = begun()
    events = line.receive((encode(kind, b"\x015\0\0\0\0") + AUDIO) * 3, 0.0)
    assert kinds(events) == [LineNotice, LineAudio, LineAudio, LineAudio]
    assert isinstance(events[0], LineNotice)
    assert f"0x{kind:02x}" in events[0].text
    assert kinds(line.receive(encode(0x55, b"") + AUDIO, 0.0)) == [LineAudio]


def test_a_frame_of_unknown_kind_may_come_before_the_id() -> None:
    assert kinds(Line(0.0).receive(encode(0x02, b"hello") * 2 + ID, 0.0)) == [LineNotice, LineId]


@pytest.mark.parametrize("kind", sorted({*range(0x11, 0x19)} - {FrameKind.WIDE_AUDIO}))
def test_audio_at_a_higher_rate_ends_the_call_with_its_cause(kind: int) -> None:
    line = begun()
    (fault,) = line.receive(encode(kind, bytes(640)) + AUDIO, 0.0)
    assert isinstance(fault, LineFault)
    assert re.search(r"at [0-9]+ kHz, not 8 or 16; write .*c\(slin\)", fault.cause)
    assert line.receive(AUDIO, 0.0) == []


@pytest.mark.parametrize(("payload", "samples"), [(b"", 0), (b"x", 0), (b"abc", 1), (bytes(321), 160)])
def test_audio_of_no_or_of_odd_length(payload: bytes, samples: int) -> None:
    heard = [e for e in begun().receive(encode(FrameKind.AUDIO, payload) * 2, 0.0) if isinstance(e, LineAudio)]
    assert [len(event.pcm) for event in heard] == ([samples, samples] if samples else [])


def test_each_digit_of_a_frame_is_an_event() -> None:
    wire = encode(FrameKind.DTMF, b"12") + encode(FrameKind.DTMF, b"?") * 2 + encode(FrameKind.DTMF, b"#\0")
    events = begun().receive(wire, 0.0)
    assert kinds(events) == [LineDigit, LineDigit, LineNotice, LineDigit]
    assert "".join(event.digit for event in events if isinstance(event, LineDigit)) == "12#"


def test_a_second_id_changes_nothing() -> None:
    line = begun()
    assert line.receive(ID, 0.0) == []
    assert kinds(line.receive(encode(FrameKind.ID, bytes(16)) * 2, 0.0)) == [LineNotice]


def test_an_error_of_asterisk_is_a_notice_and_its_hang_up_ends_the_call() -> None:
    line = begun()
    assert kinds(line.receive(encode(FrameKind.ERROR, b"\x02") * 2 + AUDIO, 0.0)) == [LineNotice, LineAudio]
    assert kinds(line.receive(encode(FrameKind.ERROR, b"\x01") + AUDIO, 0.0)) == [LineHungUp]
    assert kinds(begun().receive(encode(FrameKind.HANGUP) + AUDIO, 0.0)) == [LineHungUp]


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n", b"\xff" * 50, b"\x16\x03\x01\x02\x00" + bytes(600), AUDIO, encode(FrameKind.ID, b"short")],
)
def test_what_does_not_begin_as_a_call_is_refused_at_once(data: bytes) -> None:
    assert kinds(Line(0.0).receive(data, 0.0)) == [LineFault]


def test_frames_out_of_step_end_the_call_at_once() -> None:
    assert kinds(begun().receive(b"\xee" * 100, 0.0)) == [LineFault]
    assert kinds(begun().receive(b"\xee" * 65_000, 0.0)) == [LineFault]


def test_more_audio_than_time_ends_the_call() -> None:
    line = begun()
    second = encode(FrameKind.AUDIO, bytes(16_000))
    faults = [event for _ in range(20) for event in line.receive(second, 1.0) if isinstance(event, LineFault)]
    assert len(faults) == 1


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 3, 0x10, 0x12, 0xFF]), st.binary(max_size=400))), st.integers(1, 99)
)
def test_however_the_bytes_are_cut_the_events_are_the_same(sent: list[tuple[int, bytes]], step: int) -> None:
    data = ID + b"".join(encode(kind, payload) for kind, payload in sent)
    whole, cut = Line(0.0), Line(0.0)
    at_once = [*whole.receive(data, 0.0), *whole.receive(b"", 0.0)]
    in_pieces = [event for at in range(0, len(data), step) for event in cut.receive(data[at : at + step], 0.0)]
    assert kinds(in_pieces + cut.receive(b"", 0.0)) == kinds(at_once)


@given(st.binary(max_size=3000))
def test_anything_is_events(data: bytes) -> None:
    Line(0.0).receive(data, 0.0)
    begun().receive(data, 0.0)


# ---------------------------------------------------------------- G.711 where slin is expected

RNG = np.random.default_rng(1)


def speech_like(seconds: float, level: float) -> np.ndarray:
    """Noise that falls off above 500 Hz, in syllables of 200 ms, with the noise floor of a line."""
    noise = RNG.normal(size=int(8000 * seconds))
    for at in range(1, len(noise)):
        noise[at] += 0.7 * noise[at - 1]
    syllables = (np.arange(len(noise)) // 1600) % 2
    return (noise * syllables * level + RNG.normal(size=len(noise)) * 6).clip(-32768, 32767).astype(np.int16)


def cause(payload: bytes) -> str:
    """What ends a call whose audio is this, in frames of 160 bytes."""
    line = begun()
    for number, at in enumerate(range(0, len(payload), 160)):
        for event in line.receive(encode(FrameKind.AUDIO, payload[at : at + 160]), 0.02 * number):
            if isinstance(event, LineFault):
                return event.cause
    return ""


@pytest.mark.parametrize(("codec", "name"), [(g711.PCMU, "mu-law"), (g711.PCMA, "A-law")])
@pytest.mark.parametrize("level", [0.0, 100.0, 1000.0, 6000.0])
def test_g711_is_recognized_and_named(codec: int, name: str, level: float) -> None:
    told = cause(g711.encode(speech_like(4, level), codec))
    assert name in told
    assert "c(slin)" in told


@pytest.mark.parametrize(
    "pcm",
    [
        *(speech_like(4, level) for level in (0.0, 100.0, 1000.0, 6000.0, 20_000.0)),
        *(RNG.normal(size=32_000) * level for level in (10, 300, 3000, 10_000, 30_000)),
        *(8000 * np.sin(2 * np.pi * hz * np.arange(32_000) / 8000) for hz in (50, 440, 1000, 2100, 3000, 3900)),
        *(32_767 * np.sign(np.sin(2 * np.pi * hz * np.arange(32_000) / 8000)) for hz in (100, 1000, 3000)),
        np.zeros(32_000),
        np.full(32_000, -1),
        np.tile([32_767, -32_768], 16_000),
        RNG.integers(-32_768, 32_767, 32_000),
    ],
)
def test_samples_are_never_taken_for_g711(pcm: np.ndarray) -> None:
    assert cause(pcm.clip(-32_768, 32_767).astype("<i2").tobytes()) == ""


def test_real_g711_silence_says_nothing() -> None:
    assert cause(b"\xff" * 80_000) == cause(b"\xd5" * 80_000) == ""


def test_the_header_of_a_frame_is_big_endian() -> None:
    assert AUDIO[:3] == struct.pack(">BH", 0x10, 320)
