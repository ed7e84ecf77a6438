from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.audio.pcm import FRAME_SAMPLES, Rechunker, dbfs, faded, from_bytes, to_bytes


@given(st.lists(st.integers(0, 500), max_size=20))
def test_rechunking_loses_and_invents_nothing(sizes: list[int]) -> None:
    audio = np.arange(sum(sizes), dtype=np.int16)
    chunker, out, at = Rechunker(), [], 0
    for size in sizes:
        out += chunker.feed(audio[at : at + size])
        at += size
    joined = np.concatenate(out) if out else np.zeros(0, np.int16)
    assert all(len(frame) == FRAME_SAMPLES for frame in out)
    assert np.array_equal(joined, audio[: len(joined)])
    assert len(audio) - len(joined) < FRAME_SAMPLES


def test_a_level_is_in_db_below_full_scale() -> None:
    full = np.full(160, 32767, np.int16)
    assert abs(dbfs(full)) < 0.01
    assert abs(dbfs(full // 10) + 20) < 0.01
    assert dbfs(np.zeros(0, np.int16)) == -120.0


def test_a_fade_goes_from_gain_to_gain_without_a_step() -> None:
    out = faded(np.full(120, 10_000, np.int16), 1.0, 0.0)
    assert out[-1] == 0
    assert out[0] > 9_900
    assert np.max(np.abs(np.diff(out))) < 200


def test_bytes_round_trip_and_an_odd_byte_is_dropped() -> None:
    pcm = np.array([0, 1, -1, 32767, -32768], np.int16)
    assert np.array_equal(from_bytes(to_bytes(pcm) + b"\x01"), pcm)
