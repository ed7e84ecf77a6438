"""Features and network: levels, not absolute; the arithmetic of the recurrent step."""

from __future__ import annotations

import numpy as np

from bargein.core.detector.block import ROW
from bargein.core.detector.echo_row import BINS
from bargein.core.detector.features import BANDS, SCALARS, SIZE, band_matrix
from bargein.core.detector.network import DENSE, HIDDEN, Network, infer
from bargein.core.detector.single_call import CancellerOutput, Features

NOTHING = np.zeros((2, BINS), np.float32)


def frame(x: np.ndarray) -> CancellerOutput:
    return CancellerOutput(x.astype(np.float32), np.zeros(160, np.float32), NOTHING, False)


def heard(features: Features, level_db: float, frames: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = np.zeros(SIZE, np.float32)
    for _ in range(frames):
        out = features.of(frame(rng.standard_normal(160) * 10 ** (level_db / 20))).copy()
    return np.asarray(out)


def test_every_bin_between_the_edges_is_in_one_band() -> None:
    bands = band_matrix(256)
    hz = np.arange(129) * 8000 / 256
    assert np.array_equal(bands.sum(axis=1) == 1, (hz >= 150) & (hz < 3800))
    assert np.all(bands.sum(axis=0) > 0)


def test_steady_noise_of_any_level_is_its_own_floor() -> None:
    for level in (-60, -40, -25):
        features = Features()
        out = heard(features, level, 200)
        assert np.all(np.abs(out[: 3 * BANDS]) < 1.2)
        assert abs(features.level_db - level) < 2


def test_a_sound_stands_out_by_its_level_over_the_floor() -> None:
    quiet, loud = Features(), Features()
    heard(quiet, -62, 200)
    heard(loud, -42, 200)
    a, b = heard(quiet, -40, 1, seed=2), heard(loud, -20, 1, seed=2)
    assert np.all(a[:BANDS] > 0.8)
    assert np.abs(a[: 3 * BANDS] - b[: 3 * BANDS]).max() < 0.6


def test_features_have_no_memory_of_minutes() -> None:
    fresh, old = Features(), Features()
    heard(fresh, -60, 300, seed=4)
    heard(old, -30, 3000, seed=3)
    heard(old, -60, 600, seed=4)
    assert np.abs(heard(fresh, -30, 1, seed=5) - heard(old, -30, 1, seed=5))[: 3 * BANDS].max() < 0.5


def test_periodic_sounds_show_their_pitch() -> None:
    def pitch(x: np.ndarray) -> float:
        features = Features()
        for a in range(0, len(x), 160):
            out = features.of(frame(x[a : a + 160]))
        return float(out[-SCALARS + 3])

    t = np.arange(1600)
    voiced = np.sin(2 * np.pi * 140 / 8000 * np.outer(np.arange(1, 9), t)).sum(axis=0) * 0.02
    assert pitch(voiced) > pitch(np.random.default_rng(1).standard_normal(1600) * 0.05) + 0.3


def test_network_is_a_gated_recurrent_unit() -> None:
    rng = np.random.default_rng(6)
    size, wide, n = SIZE, DENSE, HIDDEN
    shapes = {"mean": (size,), "scale": (size,), "in.w": (size, wide), "in.b": (wide,), "gru.wi": (wide, 3 * n),
              "gru.wh": (n, 3 * n), "gru.bi": (3 * n,), "gru.bh": (3 * n,), "out.w": (n, 3), "out.b": (3,)}  # fmt: skip
    w = {k: rng.standard_normal(s).astype(np.float32) * 0.1 for k, s in shapes.items()}
    network, state = Network.of(w), np.zeros(n)
    rows, first = np.zeros(1, ROW), np.zeros(1, np.int64)
    rows["seen"][0, -1] = 1

    def squash(z: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-z)))

    for _ in range(3):
        x = rng.standard_normal(size).astype(np.float32)
        d = np.maximum((x - w["mean"]) * w["scale"] @ w["in.w"] + w["in.b"], 0)
        i, h = d @ w["gru.wi"] + w["gru.bi"], state @ w["gru.wh"] + w["gru.bh"]
        r, z = squash(i[:n] + h[:n]), squash(i[n : 2 * n] + h[n : 2 * n])
        state = (1 - z) * np.tanh(i[2 * n :] + r * h[2 * n :]) + z * state
        rows["features"][0] = x
        infer(rows, first, network)
        assert np.allclose(rows["log_odds"][0], state @ w["out.w"] + w["out.b"], atol=1e-5)
