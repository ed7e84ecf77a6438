"""Reads the trained weights: plain .npz files of named float arrays in agent/weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent.parent / "weights"


@cache
def load(name: str = "hearing") -> Mapping[str, NDArray[np.float32]]:
    """Name to array, read once a process and shared by all calls."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        arrays = {name: stored[name].astype(np.float32) for name in stored.files}
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(arrays)
