"""Files of weights: where the shipped ones are, and how one is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import own_python

FOLDER = own_python.ROOT / "agent" / "bargein" / "data" / "weights"


def as_bytes(text: str) -> np.ndarray:
    """A text as an array, UTF-8."""
    return np.frombuffer(text.encode(), np.uint8)


def write(path: Path, trained_on: str, arrays: Mapping[str, np.ndarray]) -> int:
    """Write the arrays, as float32 where they are not float16, and what they were trained on.

    Returns how many numbers they have.
    """
    small: dict[str, Any] = {
        name: array if array.dtype == np.float16 else array.astype(np.float32) for name, array in arrays.items()
    }
    np.savez_compressed(path, trained_on=as_bytes(trained_on), **small)
    return sum(array.size for array in arrays.values())
