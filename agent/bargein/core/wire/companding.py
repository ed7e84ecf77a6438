"""Recognize G.711 audio where 16-bit samples are expected.

`Dial(AudioSocket/...)` without `c(slin)` carries the caller's own codec. Its bytes, read as samples, are loud noise for
both sides. Source of the code tables: ITU-T G.711.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Codec = Literal["mu-law", "A-law"]

BLOCK_BYTES = 1600  # 200 ms of G.711
VERDICT_LEAD = 5  # blocks by which one reading must lead the others together
LOUD = 8000.0  # RMS that G.711 misread as samples exceeds, even in a quiet room


def _mu_law() -> NDArray[np.float32]:
    code = ~np.arange(256) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.float32)


def _a_law() -> NDArray[np.float32]:
    code = np.arange(256) ^ 0x55
    exponent = (code & 0x70) >> 4
    size = ((code & 0x0F) << 4) + 8
    size = np.where(exponent > 0, (size + 0x100) << np.maximum(exponent - 1, 0), size)
    return np.where(code & 0x80, size, -size).astype(np.float32)


_VALUES: dict[Codec, NDArray[np.float32]] = {"mu-law": _mu_law(), "A-law": _a_law()}


class CompandingDetector:
    """Feed it payloads of audio frames until `decided`. `codec` is then the codec found, or None for samples.

    G.711 read as samples is loud and rough, while its true reading is very quiet, or both quieter and smoother.
    Constant bytes are silence in either reading and say nothing.
    """

    def __init__(self) -> None:
        self.decided = False
        self.codec: Codec | None = None
        self._buffer = bytearray()
        self._votes: Counter[Codec | None] = Counter()

    def feed(self, payload: bytes) -> None:
        if self.decided:
            return
        self._buffer += payload
        while len(self._buffer) >= BLOCK_BYTES and not self.decided:
            block = np.frombuffer(bytes(self._buffer[:BLOCK_BYTES]), np.uint8)
            del self._buffer[:BLOCK_BYTES]
            if np.ptp(block):
                self._count(_codec(block))

    def _count(self, found: Codec | None) -> None:
        self._votes[found] += 1
        winner, votes = self._votes.most_common(1)[0]
        if 2 * votes - self._votes.total() >= VERDICT_LEAD:
            self.decided, self.codec = True, winner
            self._buffer.clear()


def _codec(block: NDArray[np.uint8]) -> Codec | None:
    """What a block of bytes is by itself; None for 16-bit samples."""
    level, roughness = _level_and_roughness(block.view("<i2").astype(np.float32))
    if level < LOUD or roughness < 1.0:
        return None
    found: dict[Codec, float] = {}
    for codec, values in _VALUES.items():
        true_level, true_roughness = _level_and_roughness(values[block])
        if true_level < level / 20 or (true_level < level / 2 and true_roughness < 0.6 * roughness):
            found[codec] = true_level * true_roughness
    return min(found, key=lambda codec: found[codec], default=None)


def _level_and_roughness(x: NDArray[np.float32]) -> tuple[float, float]:
    """RMS, and the power of the first difference over the power: 2 for white noise, under 1 for most speech."""
    x = x - x.mean()
    power = float(np.mean(x * x))
    return power**0.5, float(np.mean(np.diff(x) ** 2)) / (power + 1e-9)
