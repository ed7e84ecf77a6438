"""Reads the trained weights: plain .npz files of named float arrays, no framework needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from . import WEIGHTS


@cache
def load_weights(name: str = "detector") -> Mapping[str, NDArray[np.float32]]:
    """The arrays of `weights/NAME.npz` by name. Each process reads the file once; all calls share the arrays."""
    return read_weights(WEIGHTS / f"{name}.npz")


def read_weights(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """The arrays of any such file."""
    with np.load(path) as stored:
        arrays = {key: stored[key].astype(np.float32) for key in stored.files}
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(arrays)
