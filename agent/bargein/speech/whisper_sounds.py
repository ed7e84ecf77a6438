"""Words, a backchannel or another sound: what Whisper's encoder knows that its decoder does not say.

The decoder writes "Yeah." for a clipped "yes", "Oh." for "off" and "Thank you!" for a sneeze. The encoder's output,
which is computed for the decoder anyway, still tells them apart: a logistic regression on its mean over the sound and
over the first and last third of it. Trained by scripts/training/train-whisper-sounds for the bundled tiny.en alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.turns.transcript import SoundProbabilities
from ..data.trained import load_weights

SOUNDS = ("word", "backchannel", "other")
MODEL_RATE = 16000  # Hz, of Whisper's input
VECTORS_A_SECOND = 50  # of its encoder's output


def pooled(encoded: NDArray[Any], first_s: float, last_s: float) -> NDArray[np.float32]:
    """(3 d + 1,) features of the sound between two times in the encoder's output (vectors, d)."""
    first = int(first_s * VECTORS_A_SECOND)
    sound = encoded[first : max(first + 2, int(last_s * VECTORS_A_SECOND) + 1)].astype(np.float32)
    return thirds(sound, last_s - first_s)


def thirds(sound: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """(3 d + 1,): the mean of the output for a sound (vectors, d), of its first and last third; its length."""
    third = max(1, len(sound) // 3)
    means = [part.mean(axis=0) for part in (sound, sound[:third], sound[-third:])]
    return np.concatenate([*means, np.array([seconds], np.float32)])


def sound_probabilities(features: NDArray[np.float32]) -> SoundProbabilities:
    """What the sound with these `pooled` features is."""
    trained = load_weights("whisper_sounds")
    return probabilities(features @ trained["w"] + trained["b"])


def probabilities(logits: NDArray[np.float32]) -> SoundProbabilities:
    """Their softmax. logits: (3,), in the order of SOUNDS."""
    likely = np.exp(logits - logits.max())
    return SoundProbabilities(*(likely / likely.sum()).tolist())
