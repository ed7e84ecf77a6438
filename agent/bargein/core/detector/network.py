"""The recurrent network of the speech detector."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .features import Floats

_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1), np.float32(0)


def probability(log_odds: float) -> float:
    """0 to 1."""
    return 0.5 + 0.5 * math.tanh(0.5 * log_odds)


class Network:
    """Dense, GRU (Cho et al. 2014, reset after the product as in cuDNN), three logistic outputs; one per call.

    weights: in.w (SIZE, D), in.b, gru.wi (D, 3H), gru.wh (H, 3H), gru.bi, gru.bh in the order reset, update, new;
    out.w (H, 3), out.b; mean and scale (SIZE,) of the features.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._in_w = np.ascontiguousarray(weights["in.w"] * weights["scale"][:, None])
        self._in_b = weights["in.b"] - (weights["mean"] * weights["scale"]) @ weights["in.w"]
        wide, n = len(weights["gru.wi"]), len(weights["gru.wh"])
        # One product of (input, state, 1) gives both gates, halved for tanh, and both parts of the new state.
        joined = np.zeros((wide + n + 1, 4 * n), np.float32)
        gates, new = slice(0, 2 * n), slice(2 * n, 3 * n)
        joined[:wide, gates] = 0.5 * weights["gru.wi"][:, gates]
        joined[wide:-1, gates] = 0.5 * weights["gru.wh"][:, gates]
        joined[-1, gates] = 0.5 * (weights["gru.bi"] + weights["gru.bh"])[gates]
        joined[:wide, new], joined[-1, new] = weights["gru.wi"][:, new], weights["gru.bi"][new]
        joined[wide:-1, 3 * n :] = 0.5 * weights["gru.wh"][:, new]
        joined[-1, 3 * n :] = 0.5 * weights["gru.bh"][new]
        self._joined, self._size = joined, n
        self._out_w, self._out_b = weights["out.w"], weights["out.b"]
        self._seen = np.zeros(wide + n + 1, np.float32)
        self._seen[-1] = 1
        self._sums = np.zeros(4 * n, np.float32)
        self._x, self._state = self._seen[:wide], self._seen[wide:-1]

    def __call__(self, features: Floats) -> tuple[float, float, float]:
        """(SIZE,) in; log odds: of a caller's voice, of a caller's sound of any kind, that it is a voice if so."""
        n, state, x, sums = self._size, self._state, self._x, self._sums
        np.matmul(features, self._in_w, out=x)
        np.add(x, self._in_b, out=x)
        np.maximum(x, _ZERO, out=x)
        np.matmul(self._seen, self._joined, out=sums)
        gates, new = sums[: 2 * n], sums[2 * n : 3 * n]
        np.tanh(gates, out=gates)
        gates += _ONE  # twice the gates: the weights after them are halved
        new += gates[:n] * sums[3 * n :]
        np.tanh(new, out=new)
        state -= new
        state *= gates[n:] * _HALF
        state += new
        voice, sound, kind = (state @ self._out_w + self._out_b).tolist()
        return voice, sound, kind
