"""What the doctor says of the sound on a line."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.doctor.line import judged, tone


@pytest.mark.parametrize(
    ("level", "echo", "status", "says"),
    [
        (3000, 0.0, "ok", "the agent is heard at -21 dBFS, 300 ms after the answer; a tone does not come back"),
        (150, 0.0, "warn", "the agent is heard at -47 dBFS"),
        (20000, 0.0, "warn", "the agent is heard at -4 dBFS"),
        (0, 0.0, "fail", "the caller hears nothing of the agent"),
        (3000, 0.1, "warn", "a tone comes back 20 dB lower"),
        (3000, 0.01, "ok", "a tone comes back 40 dB lower"),
    ],
)
def test_the_level_of_the_line(level: int, echo: float, status: str, says: str) -> None:
    heard = np.zeros(28_000)
    heard[2400:10_400] = level
    heard[16_000:24_000] += echo * tone()
    check = judged(heard.astype(np.int16))
    assert (check.status, says in check.text) == (status, True), check
