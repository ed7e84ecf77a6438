"""A sentence that is played while it is being made."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from .pcm import Pcm, faded, samples
from .utterance import Utterance, Word

FIRST_SAMPLES = samples(4000)  # what there is room for at first
END_SAMPLES = samples(15)  # the fade at the end of what broke off


class GrowingUtterance:
    """It has the attributes of an Utterance, and changes only between two frames.

    `lay(n)` gives the words of speech of n samples. Until the length is known, it is taken for `expected` samples, and
    for more than have come: no caller has heard the last word of a sentence that is not whole.
    """

    wide: ClassVar[Pcm | None] = None

    def __init__(self, text: str, lay: Callable[[int], tuple[Word, ...]], expected: int) -> None:
        self.text, self.expected = text, expected
        self.grows = True  # more may come
        self.broken = False  # it ends before its end
        self._lay = lay
        self._room: Pcm = np.empty(FIRST_SAMPLES, np.int16)
        self._count = 0
        self._words: tuple[Word, ...] | None = None

    @property
    def pcm(self) -> Pcm:
        """What has come, without a copy. What was taken from it earlier stays as it was."""
        return self._room[: self._count]

    @property
    def words(self) -> tuple[Word, ...]:
        """The words with their times, as well as these are known."""
        return self._lay(max(self.expected, self._count + 1)) if self._words is None else self._words

    def append(self, pcm: Pcm) -> None:
        """The next samples, if it still grows."""
        if not self.grows:
            return
        end = self._count + len(pcm)
        if end > len(self._room):
            self._room = np.concatenate([self.pcm, np.empty(2 * end - self._count, np.int16)])
        self._room[self._count : end] = pcm
        self._count = end

    def complete(self, length: int, last: int) -> Utterance:
        """All has come. `length`: what is to be played of it; `last`: where the last word ends. Both in samples."""
        self._room, self._count = self.pcm[:length].copy(), min(length, self._count)
        self._words = self._lay(last)
        self.grows = False
        return Utterance(self.text, self._room, self._words)

    def break_off(self) -> None:
        """Nothing more comes. What has not been played ends with a fade."""
        if self.grows:
            self._room = self.pcm.copy()
            tail = self._room[-END_SAMPLES:]
            tail[:] = faded(tail, 1.0, 0.0)
            self.grows, self.broken = False, True
