"""The compiler of the detector's inner loops (Numba)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])

Floats: TypeAlias = NDArray[np.floating]
Spectra: TypeAlias = NDArray[np.complexfloating]
Indices: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.void]
Row: TypeAlias = Any  # one of Rows: compiled code reads and sets its fields as attributes

# Sums may be added in any order, which vector units need. NaN and infinity keep their meaning.
FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}


def compiled(function: F, unlocked: bool = False) -> F:
    """Compile a function on its first call. The result is kept on disk for the next process, where that is possible.

    `unlocked`: other threads run meanwhile. A function of microseconds keeps the interpreter lock.
    """
    options: dict[str, Any] = {"fastmath": FAST_MATH, "error_model": "numpy", "nogil": unlocked}
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder to keep it in: a read-only installation without a home
        return cast(F, numba.njit(**options)(function))


# Slices are copied by the two functions below: Numba takes seconds to compile `a[:] = b`, for the text of its errors.


@compiled
def fill(target: NDArray[Any], value: float) -> None:
    """Set every number of a one-dimensional array."""
    for k in range(len(target)):
        target[k] = value


@compiled
def copy(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy a one-dimensional array to one of the same length."""
    for k in range(len(target)):
        target[k] = source[k]


@compiled
def add_product(vector: Floats, matrix: Floats, total: Floats) -> None:
    """Add the product of `vector` (n,) and `matrix` (n, m) to `total` (m,). Four rows at once are faster."""
    whole = len(vector) // 4 * 4
    for k in range(0, whole, 4):
        a, b, c, d = vector[k], vector[k + 1], vector[k + 2], vector[k + 3]
        for j in range(len(total)):
            total[j] += a * matrix[k, j] + b * matrix[k + 1, j] + c * matrix[k + 2, j] + d * matrix[k + 3, j]
    for k in range(whole, len(vector)):
        for j in range(len(total)):
            total[j] += vector[k] * matrix[k, j]
