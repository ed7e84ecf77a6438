"""What the compiled loops share."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.detector.compiled import add_product


@pytest.mark.parametrize("rows", [1, 4, 7, 129])
def test_a_product_of_any_length_is_added(rows: int) -> None:
    rng = np.random.default_rng(rows)
    vector, matrix = rng.standard_normal(rows).astype(np.float32), rng.standard_normal((rows, 95)).astype(np.float32)
    total = np.ones(95, np.float32)
    add_product(vector, matrix, total)
    np.testing.assert_allclose(total, 1 + vector @ matrix, atol=1e-4)
