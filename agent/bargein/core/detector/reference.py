"""Aligns the frames we sent with the frames of the line."""

from __future__ import annotations

import numpy as np

from ..audio.pcm import FRAME_SAMPLES, FULL_SCALE, Pcm
from .compiled import Floats, Indices, Row, Rows, compiled, copy
from .echo_canceller import push_far
from .echo_row import PARTITIONS

STALL_FRAMES = 3  # a clump of 60 ms; when the line lags more, the reference is doubtful
STEADY_FRAMES = 10  # a lag that has lasted this long is the line's new normal
LOST_FRAMES = 50  # a lag of a second is no jitter
KEPT_FRAMES = PARTITIONS + LOST_FRAMES

REFERENCE_ROW = np.dtype(
    [
        ("sent", np.int16, (KEPT_FRAMES, FRAME_SAMPLES)),  # a ring
        ("sent_first", np.int64),  # the oldest that waits
        ("waiting", np.int64),
        ("lags", np.int64, (STEADY_FRAMES,)),  # the latest at the end
        ("lag_count", np.int64),
        ("due", np.int64),  # sent frames that the filter is to be given before the next frame of the line
    ],
    align=True,
)

UNIT = np.float32(1 / FULL_SCALE)


@compiled
def push_sent(row: Row, pcm: Pcm) -> None:
    """Keep the next frame that we sent. The oldest is dropped when too many wait."""
    copy(pcm, row.sent[(row.sent_first + row.waiting) % KEPT_FRAMES])
    if row.waiting < KEPT_FRAMES:
        row.waiting += 1
    else:
        row.sent_first = (row.sent_first + 1) % KEPT_FRAMES


@compiled
def align(row: Row) -> None:
    """A frame of the line has come: set `due` and `aligned`, through clumps, jitter and minutes of nothing."""
    lag = max(0, row.waiting - 1)
    for k in range(STEADY_FRAMES - 1):
        row.lags[k] = row.lags[k + 1]
    row.lags[STEADY_FRAMES - 1] = lag
    row.lag_count = min(STEADY_FRAMES, row.lag_count + 1)
    row.due, row.aligned = 0, True
    if row.waiting == 0:
        return
    skip = lag if lag > LOST_FRAMES else 0
    if lag <= LOST_FRAMES and row.lag_count == STEADY_FRAMES:
        skip = lag
        for earlier in row.lags:
            skip = min(skip, earlier)
    if skip > 0:
        row.lag_count = 0
    row.due = 1 + skip
    row.aligned = lag - skip <= STALL_FRAMES


@compiled
def next_blocks(rows: Rows, which: Indices, blocks: Floats, takers: Indices) -> int:
    """Move one due frame of each row into the filter. Returns how many of `blocks` (n, 320) are to be transformed.

    `takers` (n,) are the rows that they belong to. -1: no frame was due.
    """
    frame = np.empty(FRAME_SAMPLES, np.float32)
    count, moved = 0, False
    for i in range(len(which)):
        row = rows[which[i]]
        if row.due == 0:
            continue
        for k in range(FRAME_SAMPLES):
            frame[k] = row.sent[row.sent_first, k] * UNIT
        row.sent_first = (row.sent_first + 1) % KEPT_FRAMES
        row.waiting -= 1
        row.due -= 1
        moved = True
        if push_far(row, frame, blocks[count]):
            takers[count] = which[i]
            count += 1
    return count if moved else -1
