"""The recurrent network of the speech detector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .compiled import Floats, Indices, Row, Rows, add_product, compiled, copy, fill

DENSE = HIDDEN = 64  # units of the dense layer and of the recurrent one


class Network(NamedTuple):
    """Dense, GRU (Cho et al. 2014, reset after the product as in cuDNN), three logistic outputs; for all calls.

    The weights are folded: the scaling of the features into the first layer, and the gates and both parts of the new
    state into one product of (input, state, 1). The gates are halved, for tanh.
    """

    in_w: Floats  # (SIZE, DENSE)
    in_b: Floats
    joined: Floats  # (DENSE + HIDDEN + 1, 4 HIDDEN): reset, update, new from the input, new from the state
    out_w: Floats  # (HIDDEN, 3)
    out_b: Floats

    @classmethod
    def of(cls, weights: Mapping[str, Floats]) -> Network:
        """Fold trained weights.

        D is DENSE, H is HIDDEN: in.w (SIZE, D), in.b; gru.wi (D, 3H), gru.wh (H, 3H), gru.bi, gru.bh in the order
        reset, update, new; out.w (H, 3), out.b; mean and scale (SIZE,) of the features.
        """
        dense, n = DENSE, HIDDEN
        joined = np.zeros((dense + n + 1, 4 * n), np.float32)
        gates, new = slice(0, 2 * n), slice(2 * n, 3 * n)
        joined[:dense, gates] = 0.5 * weights["gru.wi"][:, gates]
        joined[dense:-1, gates] = 0.5 * weights["gru.wh"][:, gates]
        joined[-1, gates] = 0.5 * (weights["gru.bi"] + weights["gru.bh"])[gates]
        joined[:dense, new], joined[-1, new] = weights["gru.wi"][:, new], weights["gru.bi"][new]
        joined[dense:-1, 3 * n :] = 0.5 * weights["gru.wh"][:, new]
        joined[-1, 3 * n :] = 0.5 * weights["gru.bh"][new]
        return cls(
            np.ascontiguousarray(weights["in.w"] * weights["scale"][:, None], np.float32),
            np.asarray(weights["in.b"] - (weights["mean"] * weights["scale"]) @ weights["in.w"], np.float32),
            joined,
            np.ascontiguousarray(weights["out.w"], np.float32),
            np.asarray(weights["out.b"], np.float32),
        )


NETWORK_ROW = np.dtype(
    [
        ("seen", np.float32, (DENSE + HIDDEN + 1,)),  # input, state, 1
        ("log_odds", np.float64, (3,)),  # a caller's voice; a caller's sound of any kind; that it is a voice if so
    ],
    align=True,
)


@compiled
def begin_network(row: Row) -> None:
    """Set the row to the start of a call. The row must be all zero."""
    row.seen[-1] = 1


@compiled
def _sum_up(rows: Rows, which: Indices, network: Network, sums: Floats) -> None:
    """The products of the layers, before the gates: into `sums` (n, 4 HIDDEN)."""
    x = np.empty(DENSE, np.float32)
    for i in range(len(which)):
        row = rows[which[i]]
        copy(network.in_b, x)
        add_product(row.features, network.in_w, x)
        for j in range(DENSE):
            row.seen[j] = max(x[j], np.float32(0))
        fill(sums[i], 0)
        add_product(row.seen, network.joined, sums[i])


@compiled
def _reset(sums: Floats, gates: Floats) -> None:
    """The new state before its tanh, into its place in `sums`. `gates` (n, 2 HIDDEN): twice the gates, less 1."""
    for i in range(len(sums)):
        for j in range(HIDDEN):
            sums[i, 2 * HIDDEN + j] += (gates[i, j] + np.float32(1)) * sums[i, 3 * HIDDEN + j]


@compiled
def _renew(rows: Rows, which: Indices, network: Network, gates: Floats, new: Floats) -> None:
    """The new state, between the old one and `new` (n, HIDDEN), and what the outputs make of it."""
    for i in range(len(which)):
        row = rows[which[i]]
        for j in range(HIDDEN):
            update = (gates[i, HIDDEN + j] + np.float32(1)) * np.float32(0.5)
            row.seen[DENSE + j] = new[i, j] + update * (row.seen[DENSE + j] - new[i, j])
        for j in range(3):
            total = network.out_b[j]
            for k in range(HIDDEN):
                total += row.seen[DENSE + k] * network.out_w[k, j]
            row.log_odds[j] = total


def infer(rows: Rows, which: Indices, network: Network) -> None:
    """One step of each of the calls `which`: from `row.features` to `row.log_odds`."""
    sums = np.empty((len(which), 4 * HIDDEN), np.float32)
    _sum_up(rows, which, network, sums)
    gates = np.tanh(sums[:, : 2 * HIDDEN])
    _reset(sums, gates)
    _renew(rows, which, network, gates, np.tanh(sums[:, 2 * HIDDEN : 3 * HIDDEN]))


@compiled
def probability(log_odds: float) -> float:
    """0 to 1."""
    return 0.5 + 0.5 * math.tanh(0.5 * log_odds)
