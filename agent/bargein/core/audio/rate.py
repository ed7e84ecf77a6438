"""The sample rate, apart from pcm.py: a command that only reads the log does not load numpy."""

from __future__ import annotations

RATE = 8000  # Hz
SAMPLES_PER_MS = RATE // 1000


def ms(samples: int) -> int:
    """Samples at 8 kHz as whole milliseconds, rounded down."""
    return samples // SAMPLES_PER_MS


def samples(milliseconds: float) -> int:
    """Milliseconds as samples at 8 kHz."""
    return int(milliseconds * SAMPLES_PER_MS)
