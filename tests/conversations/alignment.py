"""Where the words of a sentence are in its audio, by another engine than the one that spoke it.

PocketSphinx knows the text and finds the path of its own acoustic models (of people's voices) through the audio: a
forced alignment. It shares nothing with the durations that our voice reports, and it errs by about 15 ms.
"""

from __future__ import annotations

import re

import numpy as np
from pocketsphinx import Decoder

from bargein.core.audio.pcm import RATE, Pcm
from bargein.speech.audio import from_pcm, resample

MODEL_RATE = 16000
FRAME_SAMPLES = RATE // 100  # of a 10 ms step of the models
WINDOW_MS, STEP_MS = 25.6, 10  # a step is judged by a window around it: the boundary is in the middle of the overlap
LATE_SAMPLES = int((WINDOW_MS - STEP_MS) / 2 * RATE / 1000)
PAD_SAMPLES = RATE // 5


class Aligner:
    """Reusable; `starts` blocks for about a tenth of the audio's length."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=MODEL_RATE, loglevel="FATAL", beam=1e-80, wbeam=1e-60, pbeam=1e-80)

    def starts(self, pcm: Pcm, text: str) -> list[int]:
        """The first sample of every word of `text` in `pcm`."""
        words = [re.sub(r"[^a-z']", "", word.lower()) for word in text.split()]
        self._decoder.set_align_text(" ".join(words))
        padded = np.pad(from_pcm(pcm), PAD_SAMPLES)
        padded += np.random.default_rng(1).standard_normal(len(padded)).astype(np.float32) * 1e-4
        self._decoder.start_utt()
        self._decoder.process_raw((resample(padded, RATE, MODEL_RATE) * 32767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = [s for s in self._decoder.seg() if s.word[0] not in "<[("]
        assert [re.sub(r"\(\d+\)", "", s.word) for s in found] == words, text
        return [s.start_frame * FRAME_SAMPLES + LATE_SAMPLES - PAD_SAMPLES for s in found]
