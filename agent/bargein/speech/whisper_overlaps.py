"""What a sound over the agent's speech is, by its first fraction of a second: Whisper's encoder on a second of audio.

It takes a few milliseconds. A small network looks at the mean of the encoder's output over the sound and over the first
and last third of it. Trained by scripts/training/train-whisper-overlaps for the bundled tiny.en alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio.pcm import RATE, Pcm
from ..core.turns.second_opinion import BEFORE_SAMPLES
from ..core.turns.transcript import SoundProbabilities
from ..data.trained import load_weights
from .audio import Samples, from_pcm, levelled, resample
from .whisper_sounds import MODEL_RATE, VECTORS_A_SECOND, probabilities, thirds

LEAD_S = 0.1  # silence before the first sample, which the model expects
OVERLAP_WINDOW_S = 1.0
LEVEL_DBFS = -26.0  # of the loud part


def window(pcm: Pcm) -> Samples:
    """The second of audio at 16 kHz that the encoder gets; `pcm` (8 kHz) begins BEFORE_SAMPLES before the sound."""
    audio = np.zeros(int(OVERLAP_WINDOW_S * MODEL_RATE), np.float32)
    first = int(LEAD_S * MODEL_RATE)
    speech = resample(levelled(from_pcm(pcm), RATE, LEVEL_DBFS), RATE, MODEL_RATE)[: len(audio) - first]
    audio[first : first + len(speech)] = speech
    return audio


def pooled_start(encoded: NDArray[Any], count: int) -> NDArray[np.float32]:
    """(3 d + 1,) features of `count` samples, see `window`, from the encoder's output for them: (50, d)."""
    since_s = (count - BEFORE_SAMPLES) / RATE
    first = int((LEAD_S + BEFORE_SAMPLES / RATE) * VECTORS_A_SECOND) - 1
    sound = encoded[first : first + int(np.ceil(since_s * VECTORS_A_SECOND)) + 2].astype(np.float32)
    return thirds(sound, since_s)


def overlap_probabilities(
    features: NDArray[np.float32], weights: Mapping[str, NDArray[np.float32]] | None = None
) -> SoundProbabilities:
    """What the sound with these `pooled_start` features is. `weights`: others than the shipped ones."""
    trained = load_weights("whisper_overlaps") if weights is None else weights
    hidden = np.maximum((features - trained["mean"]) * trained["scale"] @ trained["in.w"] + trained["in.b"], 0)
    return probabilities(hidden @ trained["out.w"] + trained["out.b"])
