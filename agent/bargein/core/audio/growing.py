"""A sentence that is played while it is being made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .pcm import WIDE, Pcm, faded, samples
from .utterance import Utterance, Word

FIRST_SAMPLES = samples(4000)  # what there is room for at first
END_SAMPLES = samples(15)  # the fade at the end of what broke off


class GrowingUtterance:
    """It has the attributes of an Utterance, and changes only between two frames.

    `lay(n)` gives the words of speech of n samples. Until the length is known, it is taken for `expected` samples, and
    for more than have come: no caller has heard the last word of a sentence that is not whole.
    With `wide` it has its speech at 16 kHz as well.
    """

    def __init__(self, text: str, lay: Callable[[int], tuple[Word, ...]], expected: int, wide: bool = False) -> None:
        self.text, self.expected = text, expected
        self.grows = True  # more may come
        self.broken = False  # it ends before its end
        self._lay = lay
        self._room: Pcm = np.empty(FIRST_SAMPLES, np.int16)
        self._wide_room: Pcm | None = np.empty(WIDE * FIRST_SAMPLES, np.int16) if wide else None
        self._count = 0
        self._words: tuple[Word, ...] | None = None

    @property
    def pcm(self) -> Pcm:
        """What has come, without a copy. What was taken from it earlier stays as it was."""
        return self._room[: self._count]

    @property
    def wide(self) -> Pcm | None:
        """The same at 16 kHz."""
        return None if self._wide_room is None else self._wide_room[: WIDE * self._count]

    @property
    def words(self) -> tuple[Word, ...]:
        """The words with their times, as well as these are known."""
        return self._lay(max(self.expected, self._count + 1)) if self._words is None else self._words

    def append(self, pcm: Pcm, wide: Pcm | None = None) -> None:
        """The next samples, if it still grows. `wide`: the same at 16 kHz."""
        if not self.grows:
            return
        self._room = _with_more(self._room, self._count, pcm)
        if self._wide_room is not None and wide is not None:
            self._wide_room = _with_more(self._wide_room, WIDE * self._count, wide)
        self._count += len(pcm)

    def complete(self, length: int, last: int) -> Utterance:
        """All has come. `length`: what is to be played of it; `last`: where the last word ends. Both in samples."""
        length = min(length, self._count)
        self._room, self._count = self._room[:length].copy(), length
        self._wide_room = None if self._wide_room is None else self._wide_room[: WIDE * length].copy()
        self._words = self._lay(last)
        self.grows = False
        return Utterance(self.text, self._room, self._words, self._wide_room)

    def break_off(self) -> None:
        """Nothing more comes. What has not been played ends with a fade."""
        if self.grows:
            self._room = _ended(self.pcm, END_SAMPLES)
            self._wide_room = None if self.wide is None else _ended(self.wide, WIDE * END_SAMPLES)
            self.grows, self.broken = False, True


def _with_more(room: Pcm, count: int, more: Pcm) -> Pcm:
    """The room, or a larger one, with `more` after the first `count` samples."""
    end = count + len(more)
    if end > len(room):
        room = np.concatenate([room[:count], np.empty(2 * end - count, np.int16)])
    room[count:end] = more
    return room


def _ended(pcm: Pcm, fade: int) -> Pcm:
    pcm = pcm.copy()
    pcm[-fade:] = faded(pcm[-fade:], 1.0, 0.0)
    return pcm
