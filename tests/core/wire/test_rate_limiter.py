from __future__ import annotations

import pytest

from bargein.core.wire.audiosocket import FrameKind, ProtocolError
from bargein.core.wire.rate_limiter import MAX_AHEAD_S, RateLimiter

SECOND = FrameKind.AUDIO, 16_000


def test_audio_as_fast_as_time_is_never_too_much() -> None:
    pace = RateLimiter(100.0)
    for second in range(3600):
        pace.count(*SECOND, 101.0 + second)


def test_what_a_stall_held_back_may_come_at_once_however_long_it_was() -> None:
    pace = RateLimiter(0.0)
    for stall in (10, 60):
        for _ in range(10):
            pace.count(*SECOND, float(stall))


def test_silence_is_no_credit_for_more() -> None:
    pace = RateLimiter(0.0)
    for _ in range(int(MAX_AHEAD_S)):
        pace.count(*SECOND, 3600.0)
    with pytest.raises(ProtocolError, match="more than 15 s of audio ahead of time"):
        pace.count(*SECOND, 3600.0)


@pytest.mark.parametrize("frame", [(FrameKind.DTMF, 1), (FrameKind.AUDIO, 0)])
def test_frames_without_audio_are_limited_too(frame: tuple[int, int]) -> None:
    pace = RateLimiter(0.0)
    flood(pace, frame, 2990)
    with pytest.raises(ProtocolError):
        flood(pace, frame, 20)


def flood(pace: RateLimiter, frame: tuple[int, int], count: int) -> None:
    for _ in range(count):
        pace.count(*frame, 0.0)
