"""When the echo moves: a jitter buffer has changed its delay, or the call comes another way."""

from __future__ import annotations

import numpy as np

from ..audio.pcm import FRAME_SAMPLES
from .compiled import Floats, Indices, Row, Rows, Spectra, compiled, copy, fill
from .echo_row import (
    ASTRAY_FRAMES,
    ASTRAY_KEEP,
    BINS,
    KEPT_BLOCKS,
    LEARN,
    NOTHING,
    NOWHERE,
    PARTITIONS,
    SHIFTS,
    SPEECH_ENERGY,
    TRY_SHIFTS,
    energy,
    forget_partition,
    take_off,
)


@compiled
def may_have_moved(row: Row, heard: float, left: float) -> bool:
    """Whether the path explains much less of the line than it used to, and the recent echo could explain it."""
    removed = 1 - left / (heard + 1e-6)
    if heard >= SPEECH_ENERGY and removed <= 0.5 and row.removed >= 0.5 and row.echoed > 0.3 * left:
        return True
    if heard > SPEECH_ENERGY:
        row.removed += 0.05 * (max(removed, -1.0) - row.removed)
    for s in range(len(SHIFTS)):
        row.better[s] = 0.9 * row.better[s] if abs(row.better[s]) > 0.01 else 0.0
    return False


@compiled
def settle(row: Row) -> None:
    """No shift has explained the line better: learn, or find that the path is wrong altogether."""
    row.to_do = NOTHING
    if row.aligned and _astray(row, row.heard_energy, energy(row.echo), energy(row.near) - row.heard_energy):
        _start_anew(row)
    elif row.learn:
        row.to_do = LEARN


@compiled
def _astray(row: Row, heard: float, echoed: float, added: float) -> bool:
    """Whether the echo comes by quite another path than the filter's, seen from what taking it off does.

    The right path takes its own energy off the line, in double talk too; a wrong one adds it. Where the caller is
    much louder than the echo, that tells nothing.
    """
    row.sums[0] = ASTRAY_KEEP * row.sums[0] + heard
    row.sums[1] = ASTRAY_KEEP * row.sums[1] + echoed
    row.sums[2] = ASTRAY_KEEP * row.sums[2] + added
    worse = row.sums[2] > 0.5 * row.sums[1] and row.sums[0] < 4 * row.sums[1] and row.sums[1] > SPEECH_ENERGY
    row.astray_for = row.astray_for + 1 if worse else 0
    return bool(row.astray_for >= ASTRAY_FRAMES)


@compiled
def _start_anew(row: Row) -> None:
    """Nothing is known of the path: as at the start of a call, but the far end is in the memory."""
    for p in range(PARTITIONS):
        forget_partition(row, p)
    row.ahead_head = NOWHERE
    row.heard_frames = row.astray_for = 0
    row.removed = 0.0
    fill(row.sums, 0)


@compiled
def shifted_echoes(rows: Rows, which: Indices, spectra: Spectra) -> None:
    """Of every row that tries shifts, the echo by its path moved by each of SHIFTS, into `spectra` (tries, 4, 161)."""
    sums = np.empty((2, BINS), np.float32)
    at = 0
    for i in range(len(which)):
        row = rows[which[i]]
        if row.to_do != TRY_SHIFTS:
            continue
        for s in range(len(SHIFTS)):
            fill(sums[0], 0)
            fill(sums[1], 0)
            for p in range(PARTITIONS):
                moved = p + SHIFTS[s]
                if 0 <= moved < PARTITIONS:
                    far, path = row.far[(row.head + moved) % KEPT_BLOCKS], row.path[p]
                    for k in range(BINS):
                        sums[0, k] += far[0, k] * path[0, k] - far[1, k] * path[1, k]
                        sums[1, k] += far[0, k] * path[1, k] + far[1, k] * path[0, k]
            for k in range(BINS):
                spectra[at, s, k] = complex(sums[0, k], sums[1, k])
        at += 1


@compiled
def choose_shift(rows: Rows, which: Indices, responses: Floats) -> None:
    """Take the best shift where it explains the line much better. Move the path by a shift that does so for a while.

    `responses` (tries, 4, 320) is what `shifted_echoes` wrote, in the time domain.
    """
    powers = np.empty(len(SHIFTS), np.float32)
    at = 0
    for i in range(len(which)):
        row = rows[which[i]]
        if row.to_do != TRY_SHIFTS:
            continue
        left = energy(row.near)
        best = lasting = 0
        for s in range(len(SHIFTS)):
            power = np.float32(0)
            for k in range(FRAME_SAMPLES):
                rest = row.line[k] - responses[at, s, FRAME_SAMPLES + k]
                power += rest * rest
            powers[s] = power
            row.better[s] = 0.9 * row.better[s] + (1.0 if power < 0.5 * left else -0.5)
            if power < powers[best]:
                best = s
            if row.better[s] > row.better[lasting]:
                lasting = s
        if row.better[lasting] > 1.8:
            _move(row, SHIFTS[lasting])
        if powers[best] < 0.5 * left:
            row.to_do = NOTHING
            take_off(row, responses[at, best])
        else:
            removed = 1 - left / (row.heard_energy + 1e-6)
            row.removed += 0.01 * (max(removed, -1.0) - row.removed)
            settle(row)
        at += 1


@compiled
def _move(row: Row, shift: int) -> None:
    """The echo comes `shift` blocks later from now on."""
    for p in range(PARTITIONS) if shift < 0 else range(PARTITIONS - 1, -1, -1):
        if 0 <= p - shift < PARTITIONS:
            copy(row.path[p - shift, 0], row.path[p, 0])
            copy(row.path[p - shift, 1], row.path[p, 1])
            copy(row.doubt[p - shift], row.doubt[p])
        else:
            forget_partition(row, p)
    row.ahead_head = NOWHERE
    fill(row.better, 0)
    row.moved = True
