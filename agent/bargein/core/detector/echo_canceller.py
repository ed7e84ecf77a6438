"""Echo canceller: what we sent in, the caller without us out, and how much of it could still be us.

A partitioned-block frequency-domain Kalman filter: G. Enzner and P. Vary, "Frequency-domain adaptive Kalman
filter for acoustic echo control in hands-free telephones", Signal Processing 86 (2006); in partitions: F. Kuech,
E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller",
ICASSP 2014. It knows its own uncertainty, and double talk slows it down by itself.

The functions work on one frame of each of many calls. `rows` holds the state of the calls (dtype CANCELLER_ROW or one
that contains it), `which` says which of them take part. `cancel` runs them in order.
"""

from __future__ import annotations

import numpy as np

from ..audio.pcm import FRAME_SAMPLES
from .compiled import Floats, Indices, Row, Rows, Spectra, compiled, copy, fill
from .echo_row import (
    AUDIBLE_ENERGY,
    BINS,
    BLOCK,
    EAGER_FRAMES,
    ECHO_DECAY,
    KEEP,
    KEPT_BLOCKS,
    LEARN,
    NEW_FRAMES,
    NOTHING,
    NOWHERE,
    PARTITIONS,
    SHIFTS,
    SUMS,
    TRY_SHIFTS,
    energy,
    take_off,
)
from .echo_shift import choose_shift, may_have_moved, settle, shifted_echoes
from .transforms import blocks_of, spectra_of

_WHOLE = np.float32(BLOCK)  # `spectra_of` has divided by it


@compiled
def push_far(row: Row, sent: Floats, block: Floats) -> bool:
    """Take the next frame that we sent. True: `block` (320,) is to be transformed and given to `keep_far`."""
    if energy(sent) > AUDIBLE_ENERGY:
        row.loud_for = PARTITIONS + 1
    elif row.loud_for > 0:
        row.loud_for -= 1
    else:
        return False  # all that the memory holds is inaudible, and so is this
    for k in range(FRAME_SAMPLES):
        row.last_far[k] = row.last_far[k + FRAME_SAMPLES]
        row.last_far[k + FRAME_SAMPLES] = sent[k]
    copy(row.last_far, block)
    return True


@compiled
def keep_far(row: Row, spectrum: Spectra) -> None:
    """The far end's newest block enters the memory."""
    if row.owes and row.owed_head != row.head:
        _take_step(row)  # it needs the block that is lost now
    row.head = (row.head - 1) % KEPT_BLOCKS
    if row.ahead_head != row.head:
        row.ahead_head = NOWHERE
    far = row.far[row.head]
    for k in range(BINS):
        far[0, k] = spectrum[k].real * _WHOLE
        far[1, k] = spectrum[k].imag * _WHOLE


@compiled
def predict(rows: Rows, which: Indices, spectra: Spectra) -> None:
    """Write to `spectra` (n, 3, 161) the echo, and two partitions of the path whose turn it is to be constrained.

    `line`, and `aligned` (False: the reference is doubtful, learn nothing from it), have been set.
    """
    sums = np.empty((SUMS, BINS), np.float32)
    for i in range(len(which)):
        row = rows[which[i]]
        row.moved = row.new = False
        row.active = row.loud_for > 0
        if not row.active:
            row.aligned = True
            for j in range(3):
                fill(spectra[i, j], 0)
            continue
        row.heard_frames += 1
        row.all_frames += 1
        row.new = row.all_frames <= NEW_FRAMES
        row.learn = row.aligned and (row.heard_frames <= EAGER_FRAMES or row.heard_frames % 2 == 0)
        _add_up(row, sums)
        for k in range(BINS):
            spectra[i, 0, k] = complex(sums[0, k], sums[1, k])
        for j in range(2):
            part = row.path[row.turn + j]
            for k in range(BINS):
                spectra[i, 1 + j, k] = complex(part[0, k], part[1, k])


@compiled
def _add_up(row: Row, sums: Floats) -> None:
    """The echo (real and imaginary parts), what of it is unsure, and the loudest far end: over all partitions.

    After a frame that learns nothing, the next one differs in its newest block alone. So what the other blocks will add
    to it is added up at the same time: path and far end pass through the cache once for two frames.
    """
    known = row.ahead_head == row.head
    ahead = not known and not row.learn
    for j in range(SUMS):
        if known:
            copy(row.ahead[j], sums[j])
        else:
            fill(sums[j], 0)
            fill(row.ahead[j], 0)
    for after in range(PARTITIONS if known else 1, PARTITIONS + 1):
        p = after % PARTITIONS  # the newest block comes last
        path, doubt, far = row.path[p], row.doubt[p], row.far[(row.head + p) % KEPT_BLOCKS]
        if row.owes:  # here, so that the path passes through the cache once
            _adapt(row.far[(row.owed_head + p) % KEPT_BLOCKS], path, doubt, row.error, row.step)
        _add_partition(far, path, doubt, sums)
        if ahead and p > 0:
            _add_partition(row.far[(row.head + p - 1) % KEPT_BLOCKS], path, doubt, row.ahead)
    row.owes = False
    row.ahead_head = (row.head - 1) % KEPT_BLOCKS if ahead else NOWHERE
    copy(sums[2], row.unsure)
    copy(sums[3], row.loudest)


@compiled
def _add_partition(far: Floats, path: Floats, doubt: Floats, sums: Floats) -> None:
    for k in range(BINS):
        re, im = far[0, k], far[1, k]
        power = re * re + im * im
        sums[0, k] += re * path[0, k] - im * path[1, k]
        sums[1, k] += re * path[1, k] + im * path[0, k]
        sums[2, k] += doubt[k] * power
        sums[3, k] = np.fmax(sums[3, k], power)  # `max` compiles to a conditional store, which is slow


@compiled
def subtract(rows: Rows, which: Indices, responses: Floats) -> int:
    """Take the echo off the line. `responses` (n, 3, 320) is what `predict` wrote, in the time domain.

    Sets `to_do` of each row. Returns how many rows try whether the echo has moved.
    """
    tries = 0
    for i in range(len(which)):
        row = rows[which[i]]
        row.to_do = NOTHING
        if not row.active:
            copy(row.line, row.near)
            fill(row.echo, 0)
            fill(row.unsure, 0)
            fill(row.loudest, 0)
            continue
        take_off(row, responses[i, 0])
        heard, left, echoed = energy(row.line), energy(row.near), energy(row.echo)
        row.heard_energy = heard
        row.echoed = max(ECHO_DECAY * row.echoed, echoed)
        if row.aligned and may_have_moved(row, heard, left):
            row.to_do = TRY_SHIFTS
            tries += 1
        else:
            settle(row)
    return tries


@compiled
def prepare_learning(rows: Rows, which: Indices, responses: Floats) -> int:
    """Write to `responses` what `learn` needs, in the time domain. Returns how many rows learn.

    Of `responses` (n, 3, 320) as `predict` had it, rows that learn are moved to the front.
    """
    count = 0
    for i in range(len(which)):
        row = rows[which[i]]
        if row.to_do == LEARN:
            for k in range(FRAME_SAMPLES):
                responses[count, 0, k] = 0
                responses[count, 0, FRAME_SAMPLES + k] = row.near[k]
            for j in range(1, 3):
                for k in range(FRAME_SAMPLES):
                    responses[count, j, k] = responses[i, j, k]
                    responses[count, j, FRAME_SAMPLES + k] = 0  # overlap-save wraps around otherwise
            count += 1
    return count


@compiled
def learn(rows: Rows, which: Indices, spectra: Spectra) -> None:
    """The Kalman step of the rows that learn, and the end of the frame for all. `spectra`: (learning, 3, 161)."""
    at = 0
    for i in range(len(which)):
        row = rows[which[i]]
        if row.to_do == LEARN:
            _learn(row, spectra[at])
            at += 1
        if row.active and energy(row.near) > row.heard_energy:
            copy(row.line, row.near)  # a filter that makes it worse has nothing to say yet
        if row.active and not row.aligned:
            for k in range(BINS):
                row.unsure[k] = max(row.unsure[k], np.float32(0.25) * row.loudest[k])


@compiled
def _learn(row: Row, spectra: Spectra) -> None:
    for j in range(2):
        part = row.path[row.turn + j]
        for k in range(BINS):
            part[0, k] = spectra[1 + j, k].real * _WHOLE
            part[1, k] = spectra[1 + j, k].imag * _WHOLE
    row.turn = (row.turn + 2) % PARTITIONS
    for k in range(BINS):
        re, im = spectra[0, k].real * _WHOLE, spectra[0, k].imag * _WHOLE
        power = re * re + im * im
        near_power = row.near_power[k] + np.float32(0.3) * (power - row.near_power[k])
        row.near_power[k] = near_power
        row.step[k] = np.float32(1) / (np.float32(0.5) * row.unsure[k] + max(near_power, power) + np.float32(1e-6))
        row.error[0, k], row.error[1, k] = re, im
    row.owes, row.owed_head = True, row.head
    if row.turn == 0:
        _take_step(row)
        _forget(row)


@compiled
def _take_step(row: Row) -> None:
    for p in range(PARTITIONS):
        _adapt(row.far[(row.owed_head + p) % KEPT_BLOCKS], row.path[p], row.doubt[p], row.error, row.step)
    row.owes = False


@compiled
def _adapt(far: Floats, path: Floats, doubt: Floats, error: Floats, step: Floats) -> None:
    for k in range(BINS):
        re, im = far[0, k], far[1, k]
        gain = doubt[k] * step[k]
        path[0, k] += gain * (re * error[0, k] + im * error[1, k])
        path[1, k] += gain * (re * error[1, k] - im * error[0, k])
        doubt[k] *= np.float32(1) - np.float32(0.5) * gain * (re * re + im * im)


@compiled
def _forget(row: Row) -> None:
    """The path may have changed: what it was is worth a little less, by as much as it is strong."""
    kept = KEEP * KEEP
    for p in range(PARTITIONS):
        path, doubt = row.path[p], row.doubt[p]
        for k in range(BINS):
            strength = path[0, k] * path[0, k] + path[1, k] * path[1, k]
            doubt[k] = doubt[k] * kept + strength * (np.float32(1) - kept)
            path[0, k] *= KEEP
            path[1, k] *= KEEP


def cancel(rows: Rows, which: Indices) -> None:
    """One frame of each of the calls `which`. The far end and `line` are in place; `near` and the rest come out."""
    n = len(which)
    spectra = np.empty((n, 3, BINS), np.complex64)
    predict(rows, which, spectra)
    responses = blocks_of(spectra, BLOCK)
    tries = subtract(rows, which, responses)
    if tries:
        trials = np.empty((tries, len(SHIFTS), BINS), np.complex64)
        shifted_echoes(rows, which, trials)
        choose_shift(rows, which, blocks_of(trials, BLOCK))
    learning = prepare_learning(rows, which, responses)
    learn(rows, which, spectra_of(responses[:learning]))
