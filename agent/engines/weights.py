"""Reads the trained weights of hearing for the pure core: one plain .npz file of named float arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent.parent / "weights" / "hearing.npz"


@cache
def load() -> Mapping[str, NDArray[np.float32]]:
    """Name to array, read once a process and shared by all calls."""
    with np.load(FILE) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in stored.files}
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(arrays)
