"""Real Fourier transforms of many blocks at once, in single precision."""

from __future__ import annotations

import numpy as np

from .compiled import Floats, Spectra


def spectra_of(blocks: Floats) -> Spectra:
    """(..., points) to (..., points // 2 + 1), divided by `points`.

    With another `norm`, NumPy transforms in double precision and converts both ways, which takes three times as long.
    """
    return np.fft.rfft(blocks, norm="forward")


def blocks_of(spectra: Spectra, points: int) -> Floats:
    """(..., points // 2 + 1) to (..., points)."""
    return np.fft.irfft(spectra, points)
