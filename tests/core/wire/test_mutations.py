"""A million damaged inputs for both decoders: each gives events, or one fault and nothing after it."""

from __future__ import annotations

import random
import uuid

import pytest

from bargein.core.wire.agi import AgiError, RequestParser
from bargein.core.wire.audiosocket import FrameKind, encode
from bargein.core.wire.line import Line, LineFault

EACH = 500_000
STREAM = (
    encode(FrameKind.ID, uuid.UUID(int=7).bytes)
    + encode(FrameKind.AUDIO, bytes(range(20)))
    + encode(FrameKind.DTMF, b"5")
    + encode(FrameKind.ERROR, b"\x02")
    + encode(0x42, b"abc")
    + encode(FrameKind.AUDIO, bytes(8))
    + encode(FrameKind.HANGUP)
)
REQUEST = b"agi_network: yes\nagi_network_script: start?dialogue=shop\nagi_callerid: 100\nagi_arg_1: x\n\n"


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to three bytes changed, dropped, doubled or moved, or the end cut off."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(out) or 1)
        match rng.randrange(5) if out else 2:
            case 0:
                out[at] = rng.randrange(256)
            case 1:
                del out[at]
            case 2:
                out.insert(at, rng.randrange(256))
            case 3:
                out[at] ^= 1 << rng.randrange(8)
            case _:
                del out[max(1, at) :]
    return bytes(out)


@pytest.mark.slow
def test_a_damaged_audiosocket_stream_is_one_fault_at_most() -> None:
    rng = random.Random(1)
    for at in range(EACH):
        line = Line(0.0)
        data = mutated(STREAM, rng)
        cut = rng.randrange(len(data) + 1)
        events = line.receive(data[:cut], 0.0) + line.receive(data[cut:], 0.1)
        faults = [k for k, event in enumerate(events) if isinstance(event, LineFault)]
        assert len(faults) <= 1, (at, data)
        if faults:
            assert line.receive(STREAM, 0.2) == []


@pytest.mark.slow
def test_a_damaged_agi_request_is_refused_or_read() -> None:
    rng = random.Random(2)
    for _ in range(EACH):
        parser = RequestParser()
        try:
            request = parser.feed(mutated(REQUEST, rng))
            if request is not None:
                _ = (request.script, request.query, request.known("agi_callerid"))
        except AgiError:
            pass
