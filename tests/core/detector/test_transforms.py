"""The detector's transforms."""

from __future__ import annotations

import numpy as np

from bargein.core.detector.transforms import blocks_of, spectra_of

BLOCKS = np.random.default_rng(2).standard_normal((3, 320)).astype(np.float32)


def test_spectra_are_those_of_numpy_over_the_number_of_points() -> None:
    spectra = spectra_of(BLOCKS)
    assert spectra.dtype == np.complex64
    assert np.abs(spectra - np.fft.rfft(BLOCKS.astype(float)) / 320).max() < 1e-7


def test_a_block_comes_back_from_its_spectrum() -> None:
    back = blocks_of(spectra_of(BLOCKS) * np.float32(320), 320)
    assert back.dtype == np.float32
    assert np.abs(back - BLOCKS).max() < 1e-5


def test_no_number_is_converted_to_double_precision() -> None:
    double = (np.fft.rfft(BLOCKS.astype(float)) / 320).astype(np.complex64)
    assert np.mean(spectra_of(BLOCKS) == double) < 0.5  # else it was computed as this was
