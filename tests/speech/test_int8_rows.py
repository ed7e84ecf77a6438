"""Products with int8 rows: by bytes, by words, and as floats."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.speech import byte_products, int8_rows
from bargein.speech.int8_rows import Rows, times

LONG = 5120  # of the largest Whisper model: its sums of 16-bit products have to fit 32 bits


def rows_of(count: int, columns: int) -> Rows:
    rng = np.random.default_rng(columns)
    weights = rng.integers(-127, 128, (count, columns)).astype(np.int8)
    scale, bias = rng.uniform(0.001, 0.01, count), rng.normal(size=count)
    return Rows.of(weights, scale.astype(np.float32), bias.astype(np.float32))


@pytest.mark.parametrize("bytewise", [False, pytest.param(True, marks=pytest.mark.skipif(
    not byte_products.HERE, reason="this processor does not multiply bytes"))])  # fmt: skip
@pytest.mark.parametrize("shape", [(1, 384), (3, 1536), (2, 8)])
def test_they_are_those_of_floats(shape: tuple[int, int], bytewise: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_rows, "HERE", bytewise)
    rows, x = rows_of(20, shape[1]), np.random.default_rng(1).normal(size=shape).astype(np.float32)
    exact = x @ (rows.weights * rows.scale[:, None]).T + rows.bias
    coarse = bytewise and shape[1] % byte_products.LANE == 0
    np.testing.assert_allclose(times(x, rows), exact, atol=(0.03 if coarse else 0.0003) * np.abs(exact).max())


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_fits(sign: int) -> None:
    weights = np.full((2, LONG), 127, np.int8)
    rows = Rows.of(weights, np.ones(2, np.float32), np.zeros(2, np.float32))
    x = np.full((1, LONG), sign, np.float32)
    for multiply in (int8_rows._by_words, *([int8_rows._by_bytes] if byte_products.HERE else [])):
        out = np.empty((1, 2), np.float32)
        multiply(x, rows.weights, rows.scale, rows.bias, rows.sums, out)
        np.testing.assert_allclose(out, sign * 127 * LONG, rtol=0.001)


def test_nothing_times_the_rows_is_their_bias() -> None:
    rows = rows_of(5, 64)
    np.testing.assert_allclose(times(np.zeros((1, 64), np.float32), rows)[0], rows.bias)
