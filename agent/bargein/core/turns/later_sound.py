"""A sound after a pause in the caller's turn: more words, or a cough that must not hold the end of the turn up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import samples
from .overlap_classifier import OverlapClass

JUDGED = samples(300)  # from its beginning; the classifier has to hear so much of it
NO_WORD = 0.02  # probability below which it is no word


@dataclass(slots=True)
class LaterSound:
    """The last of such sounds in a turn. `now` is in samples of the call."""

    began: int
    gap_ms: int  # the silence before it
    words_until: int  # the end of the words before it
    pause_ms: int  # the longest pause of the turn before that silence
    prosody: NDArray[np.float64] | None = None  # how the words before it sound
    likely: OverlapClass | None = None  # None: it is not judged, so it may be words

    def is_new(self, now: int) -> bool:
        """Whether it is being judged."""
        return self.likely is not None and now - self.began < JUDGED

    def is_no_word(self, now: int) -> bool:
        """Whether the classifier is sure of that."""
        return self.likely is not None and not self.is_new(now) and self.likely.word < NO_WORD
