"""G.711 both ways (ITU-T G.711), as tables: 16-bit samples to bytes and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

PCMU, PCMA = 0, 8  # RTP payload types, RFC 3551


def _ulaw_values() -> Pcm:
    code = ~np.arange(256) & 0xFF
    size = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _alaw_values() -> Pcm:
    code = np.arange(256) ^ 0x55
    exponent = (code & 0x70) >> 4
    size = ((code & 0x0F) << 4) + 8
    size = np.where(exponent > 0, (size + 0x100) << np.maximum(exponent - 1, 0), size)
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _nearest(values: Pcm) -> NDArray[np.uint8]:
    """For every 16-bit sample (as unsigned index) the code of the nearest value."""
    order = np.argsort(values, kind="stable")
    ordered = values[order].astype(np.int32)
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int32)
    above = np.clip(np.searchsorted(ordered, samples), 1, 255)
    closer_below = samples - ordered[above - 1] <= ordered[above] - samples
    return order[np.where(closer_below, above - 1, above)].astype(np.uint8)


VALUES = {PCMU: _ulaw_values(), PCMA: _alaw_values()}
CODES = {payload_type: _nearest(values) for payload_type, values in VALUES.items()}
SILENCE = {PCMU: 0xFF, PCMA: 0xD5}


def encode(pcm: Pcm, payload_type: int) -> bytes:
    """Samples as G.711 bytes, one each."""
    return CODES[payload_type][pcm.view(np.uint16)].tobytes()


def decode(payload: bytes, payload_type: int) -> Pcm:
    """G.711 bytes as samples."""
    return VALUES[payload_type][np.frombuffer(payload, np.uint8)]
