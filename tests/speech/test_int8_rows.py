"""Products with int8 rows: by bytes, by words, and as floats."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("bytewise", sorted({False, byte_products.HERE}))  # a processor without VNNI has one way
@pytest.mark.parametrize("shape", [(1, 384), (3, 1536), (2, 8)])
def test_they_are_those_of_floats(shape: tuple[int, int], bytewise: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_rows, "HERE", bytewise)
    rows, x = rows_of(20, shape[1]), np.random.default_rng(1).normal(size=shape).astype(np.float32)
    exact = x @ (rows.weights * rows.scale[:, None]).T + rows.bias
    coarse = bytewise and shape[1] % byte_products.LANE == 0
    np.testing.assert_allclose(times(x, rows), exact, atol=(0.03 if coarse else 0.0003) * np.abs(exact).max())


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sum_fits(sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.full((2, LONG), 127, np.int8)
    rows = Rows.of(weights, np.ones(2, np.float32), np.zeros(2, np.float32))
    x = np.full((1, LONG), sign, np.float32)
    for here in {False, byte_products.HERE}:
        monkeypatch.setattr(int8_rows, "HERE", here)
        out = times(x, rows)
        np.testing.assert_allclose(out, sign * 127 * LONG, rtol=0.001)


def test_nothing_times_the_rows_is_their_bias() -> None:
    rows = rows_of(5, 64)
    np.testing.assert_allclose(times(np.zeros((1, 64), np.float32), rows)[0], rows.bias)


PRODUCT = """
import numpy as np
from bargein.speech.int8_rows import Rows, times
for count in (8, 60):
    rows = Rows.of(np.ones((4, 1536), np.int8), np.ones(4, np.float32), np.zeros(4, np.float32))
    np.testing.assert_allclose(times(np.ones((count, 1536), np.float32), rows), 1536, rtol=0.001)
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_PERTURB_": "85"},  # what is freed is overwritten
        {"MALLOC_MMAP_THRESHOLD_": "65536"},  # ... or given back to the system
        {"NUMBA_CPU_NAME": "generic"},  # a processor that multiplies no bytes
    ],
)
def test_memory_and_processor_as_the_environment_wants(environment: dict[str, str], tmp_path: Path) -> None:
    given = {**os.environ, **environment, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PRODUCT], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
