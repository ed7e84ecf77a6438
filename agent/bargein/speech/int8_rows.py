"""Products with a matrix of int8, on one core: a loop that Numba compiles, without a copy of the matrix as floats.

The vectors become integers as well. Where the processor multiplies bytes they are bytes, as in CTranslate2. Elsewhere
they have 16 bits: that costs twice the time on a virtual EPYC, and with floats three times.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.detector.compiled import compiled
from .byte_products import HERE, LANE, byte_products

Floats = NDArray[np.float32]

unlocked = partial(compiled, unlocked=True)

ZERO, LARGEST_BYTE = 128, 127  # a byte has no sign: what stands for 0, and what is added to it at most
LARGEST, SUM = 2**15 - 1, 2**31 - 1  # of a 16-bit factor, of a 32-bit sum of products


class Rows(NamedTuple):
    """A matrix (out, in): int8 rows, what each has to be multiplied with, a bias (out,), and the sum of each row."""

    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats
    sums: NDArray[np.int32]

    @classmethod
    def of(cls, weights: NDArray[np.int8], scale: Floats, bias: Floats) -> Rows:
        return cls(weights, scale, bias, weights.sum(axis=1, dtype=np.int32))


def times(x: Floats, rows: Rows) -> Floats:
    """x (n, in) times the rows: (n, out)."""
    out = np.empty((len(x), len(rows.weights)), np.float32)
    multiply, kind = (_by_bytes, np.uint8) if HERE and x.shape[1] % LANE == 0 else (_by_words, np.int16)
    asks = np.empty(x.shape, kind)  # here, because compiled code that works with addresses would free it too soon
    multiply(np.ascontiguousarray(x), rows.weights, rows.scale, rows.bias, rows.sums, asks, out)
    return out


@unlocked
def _by_words(
    x: Floats,
    weights: NDArray[np.int8],
    scale: Floats,
    bias: Floats,
    sums: NDArray[np.int32],
    asks: NDArray[np.int16],
    out: Floats,
) -> None:
    unit = _whole_numbers(x, min(LARGEST, SUM // (127 * x.shape[1])), 0, asks)
    for row in range(len(weights)):
        mine = weights[row]
        for at in range(len(x)):
            asked, total = asks[at], np.int32(0)
            for k in range(len(mine)):
                total = np.int32(total + np.int32(np.int32(mine[k]) * np.int32(asked[k])))
            out[at, row] = np.float32(total) * (scale[row] * unit[at]) + bias[row]


@unlocked
def _by_bytes(
    x: Floats,
    weights: NDArray[np.int8],
    scale: Floats,
    bias: Floats,
    sums: NDArray[np.int32],
    asks: NDArray[np.uint8],
    out: Floats,
) -> None:
    unit = _whole_numbers(x, LARGEST_BYTE, ZERO, asks)
    count, first, asked = x.shape[1], weights.ctypes.data, asks.ctypes.data
    for row in range(len(weights)):
        for at in range(len(x)):
            total = byte_products(asked + at * count, first + row * count, count) - ZERO * sums[row]
            out[at, row] = np.float32(total) * (scale[row] * unit[at]) + bias[row]


@unlocked
def _whole_numbers(x: Floats, largest: int, zero: int, asks: NDArray[np.integer[Any]]) -> Floats:
    """Each vector of x as whole numbers, `largest` at most and `zero` for 0, in `asks`. What to multiply them with."""
    unit = np.empty(len(x), np.float32)
    for at in range(len(x)):
        unit[at] = _peak(x[at]) / np.float32(largest)
        for k in range(x.shape[1]):
            asks[at, k] = np.int16(np.rint(x[at, k] / unit[at]) + np.float32(zero))
    return unit


@unlocked
def _peak(x: Floats) -> np.float32:
    peak = np.float32(1e-9)
    for k in range(len(x)):
        peak = max(peak, np.float32(abs(x[k])))
    return peak
