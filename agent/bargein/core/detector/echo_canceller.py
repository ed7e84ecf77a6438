"""Echo canceller: what we sent in, the caller without us out, and how much of it could still be us.

A partitioned-block frequency-domain Kalman filter: G. Enzner and P. Vary, "Frequency-domain adaptive Kalman
filter for acoustic echo control in hands-free telephones", Signal Processing 86 (2006); in partitions: F. Kuech,
E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller",
ICASSP 2014. It knows its own uncertainty, and double talk slows it down by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES

PARTITIONS = 26  # x 20 ms: a delay of 400 ms and 120 ms of room
BLOCK = 2 * FRAME_SAMPLES  # overlap-save
BINS = BLOCK // 2 + 1

FORGET = 0.9995  # of the echo path per frame: how fast rooms and lines change
FORGET_EVERY = PARTITIONS // 2  # frames: once a round of the constraint; cheaper than at each, and the same
FIRST_UNCERTAINTY = 0.02  # power gain a partition may have before anything is known
AUDIBLE_POWER = 1e-8  # mean square of a far end that can be heard at all: -80 dBFS
SHIFTS = (-1, 1, -2, 2)  # blocks by which a jitter buffer may have moved the echo
ECHO_DECAY = 0.7  # a frame, of the loudest echo of late
ASTRAY_FRAMES = 10  # for so long a path has made the line louder: the echo comes another way now
ASTRAY_KEEP = 0.9  # a frame, of the sums that show it
NEW_FRAMES = 50  # 1 s of the far end: nothing is known of the path yet
EAGER_FRAMES = 300  # 6 s of the far end: learn from every frame of them, and from every other one afterwards

Samples = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class CancellerOutput:
    """One frame. near and echo: 160 float samples, full scale 1; power: in 161 bins of 320 points."""

    near: Samples
    echo: Samples
    power: NDArray[np.float32]  # (2, 161): what of the echo is unsure, and the loudest far end in the memory
    active: bool  # there is a far end in the filter's memory: near is not just the line
    aligned: bool = True  # the reference is believed to be in step with the line
    new: bool = False  # the agent has only begun to talk in this call
    moved: bool = False  # it has just been found that the echo comes earlier or later: of late, some of it was left

    def loudest_far_db(self) -> float:
        """dBFS of the loudest far end of the last half second, bin by bin."""
        return 10 * math.log10(float(np.add.reduce(self.power[1])) * 2 / BLOCK**2 + 1e-10)


class EchoCanceller:
    """Feed far (what was sent, in order) and then the line's frame; 160 samples of 8 kHz each."""

    def __init__(self) -> None:
        shape = (PARTITIONS, BINS)
        self._far = np.zeros((2 * PARTITIONS, BINS), np.complex64)  # a ring written twice: newest first, contiguous
        self._conjugate = np.zeros_like(self._far)
        self._power = np.zeros((2 * PARTITIONS, BINS), np.float32)
        self._head = 0
        self._loud_for = 0  # frames until the last audible far frame has left the memory
        self._last_far = np.zeros(BLOCK, np.float32)
        self._path = np.zeros(shape, np.complex64)
        self._doubt = np.full(shape, FIRST_UNCERTAINTY, np.float32)
        self._near_power = np.zeros(BINS, np.float32)
        self._work = np.zeros(shape, np.complex64)
        self._gain = np.zeros(shape, np.float32)
        self._rows = np.zeros((3, BINS), np.complex64)
        self._trials = np.zeros((len(SHIFTS), BINS), np.complex64)
        self._heard_frames = 0  # since the path was last begun
        self._all_frames = 0
        self._turn = 0
        self._nothing = np.zeros((2, BINS), np.float32)
        self._silence = np.zeros(FRAME_SAMPLES, np.float32)
        self._removed = 0.0  # smoothed fraction of the line's power that the filter explains
        self._better: list[float] = [0.0] * len(SHIFTS)
        self._moved = False
        self._echoed = 0.0  # energy of the loudest echo of late, as the filter has it
        self._sums = (0.0, 0.0, 0.0)  # of late: energy of the line, of the echo, and what taking it off has added
        self._astray_for = 0

    def far(self, sent: Samples) -> None:
        """The next frame that we sent enters the memory."""
        if float(sent.dot(sent)) > AUDIBLE_POWER * FRAME_SAMPLES:
            self._loud_for = PARTITIONS + 1
        elif self._loud_for:
            self._loud_for -= 1
        else:
            return  # all that the memory holds is inaudible, and so is this
        self._last_far[:FRAME_SAMPLES] = self._last_far[FRAME_SAMPLES:]
        self._last_far[FRAME_SAMPLES:] = sent
        self._head = (self._head - 1) % PARTITIONS
        spectrum = np.fft.rfft(self._last_far).astype(np.complex64, copy=False)
        conjugate = np.conjugate(spectrum)
        power = (spectrum * conjugate).real
        for at in (self._head, self._head + PARTITIONS):
            self._far[at] = spectrum
            self._conjugate[at] = conjugate
            self._power[at] = power

    def near(self, line: Samples, aligned: bool = True) -> CancellerOutput:
        """The line's frame without our echo. aligned=False: the reference is doubtful, learn nothing from it."""
        if not self._loud_for:
            return CancellerOutput(line, self._silence, self._nothing, False)
        far = self._far[self._head : self._head + PARTITIONS]
        power = self._power[self._head : self._head + PARTITIONS]
        self._heard_frames += 1
        self._all_frames += 1
        learn = aligned and (self._heard_frames <= EAGER_FRAMES or self._heard_frames % 2 == 0)
        # The echo, and two partitions whose turn it is to be constrained, in one transform.
        np.multiply(far, self._path, out=self._work)
        np.add.reduce(self._work, axis=0, out=self._rows[0])
        if learn:
            self._rows[1:] = self._path[self._turn : self._turn + 2]
        responses = np.fft.irfft(self._rows if learn else self._rows[:1], BLOCK)
        echo = responses[0, FRAME_SAMPLES:].astype(np.float32)
        near = line - echo
        np.multiply(self._doubt, power, out=self._gain)
        spectra = np.empty((2, BINS), np.float32)
        unsure = np.add.reduce(self._gain, axis=0, out=spectra[0])
        heard, left = float(line.dot(line)), float(near.dot(near))
        echoed = float(echo.dot(echo))
        self._echoed = max(ECHO_DECAY * self._echoed, echoed)
        self._moved = False
        best = self._shifted(line, heard, left, far) if aligned else None
        if best is not None:
            echo, near = best, line - best
            left = float(near.dot(near))
        elif aligned and self._astray(heard, echoed, left - heard):
            self._start_anew()
        elif learn:
            self._learn(near, responses, unsure)
        if left > heard:
            near = line  # a filter that makes it worse has nothing to say yet
        loudest = np.maximum.reduce(power, axis=0, out=spectra[1])
        if not aligned:
            np.maximum(unsure, np.float32(0.25) * loudest, out=unsure)
        return CancellerOutput(near, echo, spectra, True, aligned, self._all_frames <= NEW_FRAMES, self._moved)

    def _learn(self, near: Samples, responses: NDArray[np.floating], unsure: NDArray[np.float32]) -> None:
        """The Kalman step; self._gain holds doubt x far power, responses what `near` transformed."""
        responses[0, :FRAME_SAMPLES] = 0
        responses[0, FRAME_SAMPLES:] = near
        responses[1:, FRAME_SAMPLES:] = 0  # overlap-save wraps around otherwise
        spectra = np.fft.rfft(responses)
        self._path[self._turn : self._turn + 2] = spectra[1:]
        self._turn = (self._turn + 2) % PARTITIONS
        error = spectra[0]
        error_power = (error * np.conjugate(error)).real
        self._near_power += np.float32(0.3) * (error_power - self._near_power)
        total = np.float32(0.5) * unsure + np.maximum(self._near_power, error_power) + np.float32(1e-6)
        step = np.float32(1) / total
        conjugate = self._conjugate[self._head : self._head + PARTITIONS]
        np.multiply(conjugate, (error * step).astype(np.complex64, copy=False), out=self._work)
        np.multiply(self._work, self._doubt, out=self._work)
        self._path += self._work
        self._gain *= np.float32(-0.5) * step
        self._gain += np.float32(1)
        self._doubt *= self._gain
        if self._turn == 0:
            self._forget()

    def _forget(self) -> None:
        """The path may have changed: what it was is worth a little less, by as much as it is strong."""
        keep = np.float32(FORGET**FORGET_EVERY)
        np.multiply(self._path.real, self._path.real, out=self._gain)
        self._gain += self._path.imag**2
        self._gain *= 1 - keep**2
        self._doubt *= keep**2
        self._doubt += self._gain
        self._path *= keep

    def _shifted(self, line: Samples, heard: float, left: float, far: NDArray[np.complex64]) -> Samples | None:
        """The echo by a path moved by a block or two, if that explains the line much better; moves it if it lasts.

        heard, left: the energy of the line, and of what the path as it is leaves of it.
        """
        removed = 1 - left / (heard + 1e-6)
        moved_echo = self._echoed > 0.3 * left  # else it could not explain half of what is left
        if heard < 1e-6 * FRAME_SAMPLES or removed > 0.5 or self._removed < 0.5 or not moved_echo:
            if heard > 1e-6 * FRAME_SAMPLES:
                self._removed += 0.05 * (max(removed, -1.0) - self._removed)
            if any(self._better):
                self._better = [0.9 * b if abs(b) > 0.01 else 0.0 for b in self._better]
            return None
        for i, shift in enumerate(SHIFTS):
            moved = slice(shift, None) if shift > 0 else slice(None, shift)
            path = self._path[:-shift] if shift > 0 else self._path[-shift:]
            work = np.multiply(far[moved], path, out=self._work[: len(path)])
            np.add.reduce(work, axis=0, out=self._trials[i])
        echoes = np.fft.irfft(self._trials, BLOCK)[:, FRAME_SAMPLES:].astype(np.float32, copy=False)
        rest = line - echoes
        powers = np.einsum("ij,ij->i", rest, rest).tolist()
        self._better = [
            0.9 * b + (1.0 if power < 0.5 * left else -0.5) for b, power in zip(self._better, powers, strict=True)
        ]
        best = min(range(len(SHIFTS)), key=powers.__getitem__)
        lasting = max(range(len(SHIFTS)), key=self._better.__getitem__)
        if self._better[lasting] > 1.8:
            self._move(SHIFTS[lasting])
        if powers[best] < 0.5 * left:
            return np.ascontiguousarray(echoes[best])
        self._removed += 0.01 * (max(removed, -1.0) - self._removed)
        return None

    def _astray(self, heard: float, echoed: float, added: float) -> bool:
        """Whether the echo comes by quite another path than the filter's, seen from what taking it off does.

        The right path takes its own energy off the line, in double talk too; a wrong one adds it. Where the caller is
        much louder than the echo, that tells nothing.
        """
        sums = self._sums
        self._sums = (
            ASTRAY_KEEP * sums[0] + heard, ASTRAY_KEEP * sums[1] + echoed, ASTRAY_KEEP * sums[2] + added,
        )  # fmt: skip
        heard, echoed, added = self._sums
        worse = added > 0.5 * echoed and heard < 4 * echoed and echoed > 1e-6 * FRAME_SAMPLES
        self._astray_for = self._astray_for + 1 if worse else 0
        return self._astray_for >= ASTRAY_FRAMES

    def _start_anew(self) -> None:
        """Nothing is known of the path: as at the start of a call, but the far end is in the memory."""
        self._path[:] = 0
        self._doubt[:] = FIRST_UNCERTAINTY
        self._heard_frames = self._astray_for = 0
        self._removed = 0.0
        self._sums = (0.0, 0.0, 0.0)

    def _move(self, shift: int) -> None:
        """The echo comes `shift` blocks later from now on."""
        self._path = np.roll(self._path, shift, axis=0)
        self._doubt = np.roll(self._doubt, shift, axis=0)
        edge = slice(0, shift) if shift > 0 else slice(shift, None)
        self._path[edge] = 0
        self._doubt[edge] = FIRST_UNCERTAINTY
        self._better, self._moved = [0.0] * len(SHIFTS), True
