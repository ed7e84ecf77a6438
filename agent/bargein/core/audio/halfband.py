"""16 kHz to 8 kHz and back, by a half-band filter: it passes what is below 3.4 kHz and stops what is above 4.6 kHz."""

from __future__ import annotations

import numpy as np

from .pcm import WIDE, Pcm

_CENTRE = 27
_AT = np.arange(-_CENTRE, _CENTRE + 1)
TAPS = np.sinc(_AT / 2) / 2 * np.kaiser(len(_AT), 6.0)
TAPS[_CENTRE - 1 :: -2] *= 0.25 / TAPS[_CENTRE - 1 :: -2].sum()  # the taps beside the centre sum up to it
TAPS[_CENTRE + 1 :: 2] *= 0.25 / TAPS[_CENTRE + 1 :: 2].sum()
_SIDES = TAPS[::2]  # every other tap is 0, but for the centre
LATE_SAMPLES = (_CENTRE - 1) // 2  # at 8 kHz: 1.6 ms


class Halver:
    """A line at 16 kHz, in pieces of any size, as one of 8 kHz. It is late by LATE_SAMPLES."""

    def __init__(self) -> None:
        self._before = np.zeros(2 * _CENTRE, np.int16)

    def feed(self, wide: Pcm) -> Pcm:
        """Half as many samples; an odd one at the end waits for the next piece."""
        given = np.concatenate([self._before, wide])
        count = (len(given) - 2 * _CENTRE) // WIDE
        self._before = given[WIDE * count :]
        if not count:
            return wide[:0]
        given = given[: WIDE * count + 2 * _CENTRE]
        centre = given[0::2][_CENTRE // 2 + 1 :][:count]
        out = np.convolve(given[1::2], _SIDES, "valid") + 0.5 * centre
        return np.clip(np.round(out), -32768, 32767).astype(np.int16)


def doubled_part(pcm: Pcm, first: int, last: int) -> Pcm:
    """Samples `first` to `last` of 8 kHz at 16 kHz, without delay: twice as many. Parts that follow one another fit."""
    if first >= last:
        return pcm[:0]
    begin = max(0, first - _CENTRE)
    given = pcm[begin : last + _CENTRE]
    stuffed = np.zeros(WIDE * len(given))
    stuffed[::WIDE] = given
    start = _CENTRE + WIDE * (first - begin)
    out = np.convolve(stuffed, WIDE * TAPS)[start : start + WIDE * (last - first)]
    return np.clip(np.round(out), -32768, 32767).astype(np.int16)
