"""The classifier's compiled loops against the formulas in NumPy, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, Pcm
from bargein.core.detector.vad_frame import VadFrame
from bargein.core.turns.overlap_classifier import BANDS, PARTS, OverlapClass, OverlapFeatures, OverlapNetwork
from bargein.data.trained import load_weights
from tests.core.turns.test_next_sound import Slow

SIZE = OverlapFeatures.SIZE


def tone(hz: float, level: float, frames: int) -> list[np.ndarray]:
    at = np.arange(frames * FRAME_SAMPLES) / 8000
    x = sum(np.sin(2 * np.pi * hz * k * at) for k in (1, 2, 3)) * level
    return list(x.astype(np.int16).reshape(-1, FRAME_SAMPLES))


def test_the_network_is_dense_gru_softmax() -> None:
    weights = load_weights("overlap")
    network, rng = OverlapNetwork(weights), np.random.default_rng(1)
    state = want = np.zeros(network.size, np.float32)
    for _ in range(20):
        x = rng.normal(0, 1, SIZE).astype(np.float32)
        state, seen = network.step(x, state)
        dense = np.maximum(((x - weights["mean"]) * weights["scale"]) @ weights["in.w"] + weights["in.b"], 0)
        given = np.split(dense @ weights["gru.wi"] + weights["gru.bi"], 3)
        hidden = np.split(want @ weights["gru.wh"] + weights["gru.bh"], 3)
        reset, update = (1 / (1 + np.exp(-(given[k] + hidden[k]))) for k in (0, 1))
        new = np.tanh(given[2] + reset * hidden[2])
        want = new + update * (want - new)
        scores = np.exp(want @ weights["out.w"] + weights["out.b"])
        assert [seen.word, seen.backchannel, seen.other] == pytest.approx(list(scores / scores.sum()), abs=1e-4)


def test_a_tone_has_its_pitch_and_rises_from_its_background() -> None:
    features = OverlapFeatures(tone(500, 30, 40))
    for frame in tone(200, 3000, 10):
        out = features.of(frame, -40.0, 0.25, 0.75)
    strength, octaves, change = out[2 * BANDS : 2 * BANDS + 3]
    assert strength > 0.95
    assert octaves / strength == pytest.approx(np.log2(200 / 150), abs=0.02)
    assert change == pytest.approx(0, abs=0.02)
    assert out[:BANDS].max() > 1.4  # 28 dB above the background
    assert out[BANDS : 2 * BANDS].max() == 0  # the loudest band of the sound so far
    parts = out[2 * BANDS + 3 : 2 * BANDS + 3 + PARTS]
    level = 10 * np.log10(np.mean((frame / 32768.0) ** 2))
    assert parts.max() - parts.min() < 0.1
    crossings = np.count_nonzero(frame[1:].astype(float) * frame[:-1] < 0)
    assert out[-5] == pytest.approx(3 * crossings / FRAME_SAMPLES)
    assert list(out[-4:]) == pytest.approx([(level + 40) / 20, 0.4, 0.25, 0.75], abs=0.01)


def test_the_background_is_the_mean_of_the_frames_before_the_sound() -> None:
    quiet, loud = tone(500, 10, 40), tone(500, 100, 40)
    frame = tone(500, 1000, 1)[0]
    over_quiet, over_loud, over_both, over_none = (
        OverlapFeatures(before).of(frame, -60.0, 0.5, 0.5)[: 2 * BANDS].reshape(2, BANDS)
        for before in (quiet, loud, quiet[:15] + loud[:15], [])
    )
    band = np.argmax(over_none[1])  # of the tone
    over = [levels[0, band] for levels in (over_quiet, over_loud, over_both)]
    assert over[0] - over[1] == pytest.approx(1.0, abs=0.05)  # 20 dB
    assert over[0] - over[2] == pytest.approx(0.5, abs=0.1)
    assert over_none[0, band] > over[0]


def test_the_sound_before_it_is_no_background(monkeypatch: pytest.MonkeyPatch) -> None:
    call, given = Slow(["the red mug costs ten dollars"], ["okay", "no wait"], 1000), list[Sequence[Pcm]]()

    def begin(near: Sequence[Pcm], frames_ago: int, now: VadFrame) -> OverlapClass:
        given.append(near)
        return call.classifier.step(now)

    monkeypatch.setattr(call.classifier, "begin", begin)
    call.run(600)
    call.sound(0.04, 300)
    call.run(500)
    call.sound(0.9, 100)
    assert len(given) == 2
    assert not np.concatenate(given[1][:-4]).any()  # a silence, then the frames since its onset
