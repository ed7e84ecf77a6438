"""Frames at 8 kHz and their twins at 16 kHz: where a twin comes from, and fades of either."""

from __future__ import annotations

import numpy as np

from .growing import GrowingUtterance
from .halfband import doubled_part
from .pcm import FRAME_SAMPLES, WIDE, Pcm, faded, samples
from .utterance import Utterance

FADE_SAMPLES = samples(15)
FALL_SAMPLES = samples(5)  # most of the fade out; a quiet tail follows, so that soft speech ends without a step too
FALL_GAIN = 0.05
LATELY_SAMPLES = samples(10)


def twin(utterance: Utterance | GrowingUtterance, first: int, last: int) -> Pcm:
    """Samples `first` to `last` at 16 kHz."""
    if utterance.wide is not None:
        return utterance.wide[WIDE * first : WIDE * last]
    return doubled_part(utterance.pcm, first, last)


def peak_of(sent: Pcm) -> int:
    """The peak of the last 10 ms of a frame, of either rate."""
    lately = sent[-LATELY_SAMPLES * len(sent) // FRAME_SAMPLES :]
    return max(int(np.max(lately)), -1 - int(np.min(lately)))


def fallen(frame: Pcm, before: Pcm) -> Pcm:
    """The frame, of either rate, faded out. It is no louder than the end of the frame `before`."""
    peak, times = peak_of(before), len(frame) // FRAME_SAMPLES
    frame = np.clip(frame, -peak, peak)
    fall, end = FALL_SAMPLES * times, FADE_SAMPLES * times
    frame[:fall] = faded(frame[:fall], 1.0, FALL_GAIN)
    frame[fall:end] = faded(frame[fall:end], FALL_GAIN, 0.0)
    return frame


def risen(frame: Pcm) -> Pcm:
    """The frame, of either rate, faded in."""
    end = FADE_SAMPLES * len(frame) // FRAME_SAMPLES
    frame[:end] = faded(frame[:end], 0.0, 1.0)
    return frame
