"""How the last words of a turn sound: pitch, level, lengthening, rate and voice quality. Native to 8 kHz.

A speaker who has finished lowers the pitch, lengthens the last syllable and lets the voice fade, and a speaker who only
pauses keeps the level or breaks off (Duncan 1972; Gravano & Hirschberg 2011). `FEATURES` names what is measured.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, FULL_SCALE, RATE, Pcm
from .endpoint import Preroll

Floats = NDArray[np.float64]

HOP, WINDOW = 80, 256  # samples: 10 ms, 32 ms
PART_HOPS = 20  # measured at a time: half of them cost nearly as much
SHORTEST, LONGEST = 20, 134  # samples of a pitch period: 400 to 60 Hz
HEARD_DB, VOICED_DB = 32.0, 22.0  # below the peak: the end of the sound, and of what can be voiced
PERIODIC = 0.55  # of the normalized autocorrelation: a voiced frame
LEAST_FRAMES, LEAST_VOICED = 8, 5
SEMITONES = 14.0  # further from the median is a wrong octave

FEATURES = (
    "voiced_runs", "pitch_last", "pitch_lowest", "pitch_slope", "pitch_range", "level_last", "level_before",
    "level_slope", "decay_10", "decay_20", "last_run", "last_run_longer", "voiced_share", "unvoiced_tail", "tilt_last",
    "tilt_change", "periodicity_last", "rate", "syllables_since", "fall", "quietest",
)  # fmt: skip

_TAPER = np.hanning(WINDOW)
_ENERGY = np.sum(_TAPER**2)
_CORRELATED = np.fft.irfft(np.abs(np.fft.rfft(_TAPER, 2 * WINDOW)) ** 2)
_OWN = _CORRELATED[SHORTEST:LONGEST] / _CORRELATED[0]
_LOW, _HIGH = slice(6, 64), slice(64, 237)  # bins of 80 to 1000 Hz, and to 3700
_SMOOTH = np.hanning(9) / np.hanning(9).sum()


def prosody(pcm: Pcm) -> Floats | None:
    """(len(FEATURES),) measures of the end of the sound in `pcm`, which ends in a silence; None if there is too little.

    Times are in frames of 10 ms, levels in dB against the mean of the speech, pitch in semitones against its median.
    """
    return _prosody(*_frames(pcm.astype(np.float64) / FULL_SCALE))


class SpeechTrack:
    """The same for a line as it goes on: bit for bit what `prosody` says of all frames that are kept of it.

    Most of the work is done in small parts while the caller speaks, so that no other call waits when the turn ends.
    """

    def __init__(self, line: Preroll) -> None:
        self._line = line
        self._begins = 0  # hop of the line at which `_parts` begin
        self._measured = 0  # hop up to which they reach
        self._parts: deque[Floats] = deque()  # (4, n) of `_frames` each

    def follow(self, hops: int = PART_HOPS) -> bool:
        """Do a part of the work, if `hops` are due. To be called with each frame while the caller speaks."""
        due = self._ready - max(self._measured, self._oldest) >= hops
        if due:
            self._measure(2 * PART_HOPS)
        return due

    def pitch(self, kept: int) -> Floats:
        """The pitch of what is voiced in the last `kept` samples, as far as it is measured: in semitones over 60 Hz."""
        first = max(self._begins, self._oldest, (self._line.count * FRAME_SAMPLES - kept) // HOP) - self._begins
        if not self._parts or first >= self._measured - self._begins:
            return np.zeros(0)
        level, periodic, pitch, _ = np.concatenate(self._parts, axis=1)[:, first:]
        voiced = (periodic > PERIODIC) & (level > level.max() - VOICED_DB)
        return np.asarray(12 * np.log2(pitch[voiced] * LONGEST / RATE))

    def prosody(self) -> Floats | None:
        """What `prosody` says of the line up to now."""
        self._measure(self._ready)
        if not self._parts:
            return None
        known = np.concatenate(self._parts, axis=1)[:, self._oldest - self._begins :]
        return _prosody(*known)

    @property
    def _oldest(self) -> int:
        """The first hop that is kept."""
        return self._line.oldest * FRAME_SAMPLES // HOP

    @property
    def _ready(self) -> int:
        """The hop before which all can be measured."""
        return max(0, (self._line.count * FRAME_SAMPLES - WINDOW) // HOP + 1)

    def _measure(self, most: int) -> None:
        oldest = self._oldest
        if self._measured < oldest:
            self._parts.clear()
            self._begins = self._measured = oldest
        count = min(most, self._ready - self._measured)
        if count <= 0:
            return
        first = self._measured * HOP
        frames = self._line.between(first // FRAME_SAMPLES, -(-(first + count * HOP + WINDOW) // FRAME_SAMPLES))
        at = first % FRAME_SAMPLES
        pcm = frames[at : at + (count - 1) * HOP + WINDOW]
        self._parts.append(np.stack(_frames(pcm.astype(np.float64) / FULL_SCALE)))
        self._measured += count
        while self._begins + self._parts[0].shape[1] <= oldest:
            self._begins += self._parts.popleft().shape[1]


def _prosody(level: Floats, periodic: Floats, pitch: Floats, tilt: Floats) -> Floats | None:
    """The measures, from those of each 10 ms."""
    if len(level) < 2 * LEAST_FRAMES:
        return None
    peak = float(np.percentile(level, 98))
    heard = np.flatnonzero(level > max(float(np.percentile(level, 5)) + 8, peak - HEARD_DB))
    if len(heard) < LEAST_FRAMES:
        return None
    sound = slice(int(heard[0]), int(heard[-1]) + 1)
    level, periodic, pitch, tilt = level[sound], periodic[sound], pitch[sound], tilt[sound]
    voiced = np.flatnonzero((periodic > PERIODIC) & (level > peak - VOICED_DB))
    if len(voiced) < LEAST_VOICED:
        return None
    runs = np.split(voiced, np.flatnonzero(np.diff(voiced) > 3) + 1)
    lengths = np.array([run[-1] + 1 - run[0] for run in runs], np.float64)
    longer = np.log((lengths[-1] + 2) / (lengths[:-1].mean() + 2)) if len(runs) > 1 else 0.0
    against = level - level[level > peak - VOICED_DB].mean()
    count = len(level)
    end = voiced[-6:]
    syllables = _syllables(level, peak)
    rate = len(syllables) * 100 / count
    since = (count - syllables[-1]) / 100 if syllables else 0.3
    before = against[-30:-10].mean() if count > 15 else against.mean()
    measured = [
        np.log(len(runs)),
        *_contour(pitch, voiced),
        against[-10:].mean(),
        before,
        np.polyfit(np.arange(min(20, count)), against[-20:], 1)[0],
        count - 1 - np.flatnonzero(level > peak - 10)[-1],
        count - 1 - np.flatnonzero(level > peak - 20)[-1],
        np.log(lengths[-1] + 1),
        longer,
        len(voiced) / count,
        count - 1 - runs[-1][-1],
        tilt[-20:].mean(),
        tilt[-20:].mean() - tilt[voiced].mean(),
        periodic[end].mean(),
        rate,
        since * rate,
        against[-1] - against[-6],
        against[-40:].min(),
    ]
    return np.array(measured, np.float64)


def _contour(pitch: Floats, voiced: NDArray[np.intp]) -> tuple[float, float, float, float]:
    """Pitch of the last 60 ms, lowest and slope of the last 150 ms (semitones per 100 ms), and the range of all."""
    tones = np.clip(12 * np.log2(pitch / np.median(pitch[voiced])), -SEMITONES, SEMITONES)
    last = voiced[-15:]
    slope = np.polyfit((last - last[-1]) / 100, tones[last], 1)[0]
    spread = np.percentile(tones[voiced], 90) - np.percentile(tones[voiced], 10)
    return float(np.median(tones[voiced[-6:]])), float(tones[last].min()), float(np.clip(slope, -60, 60)) / 10, spread


def _frames(x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each 10 ms: level in dB, periodicity 0 to 1, pitch in Hz, and low against high frequencies in dB."""
    if len(x) < WINDOW:
        return (np.zeros(0),) * 4
    framed = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP] * _TAPER
    power = np.abs(np.fft.rfft(framed, 2 * WINDOW, axis=1)) ** 2
    correlated = np.fft.irfft(power, axis=1)[:, :LONGEST]
    energy = correlated[:, 0] + 1e-9
    normal = correlated[:, SHORTEST:] / energy[:, None] / _OWN
    rows, best, periodic = np.arange(len(normal)), normal.argmax(1), normal.max(1)
    for part in (2, 3):  # a period twice or three times the real one fits as well
        shorter = np.rint((best + SHORTEST) / part).astype(int) - SHORTEST
        better = (shorter >= 0) & (normal[rows, np.maximum(shorter, 0)] > 0.9 * periodic)
        best = np.where(better, shorter, best)
    low, high = power[:, _LOW].sum(1), power[:, _HIGH].sum(1)
    level = 10 * np.log10(energy / _ENERGY + 1e-10)
    return level, periodic, RATE / (best + SHORTEST), 10 * np.log10((low + 1e-9) / (high + 1e-9))


def _syllables(level: Floats, peak: float) -> list[int]:
    """Frames of the syllables: peaks of the smoothed level, at least 80 ms apart, with a dip between them."""
    smooth = np.convolve(level, _SMOOTH, "same")
    inner = smooth[1:-1]
    peaks = 1 + np.flatnonzero((inner >= smooth[:-2]) & (inner > smooth[2:]) & (inner > peak - 20))
    kept: list[int] = []
    for at in peaks.tolist():
        if not kept or (at - kept[-1] >= 8 and smooth[kept[-1] : at].min() < min(smooth[at], smooth[kept[-1]]) - 1.5):
            kept.append(at)
    return kept
