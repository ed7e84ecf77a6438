"""The state of the echo canceller in one call, as fields of a row, and what all its steps share."""

from __future__ import annotations

import math

import numpy as np

from ..audio.pcm import FRAME_SAMPLES
from .compiled import Floats, Row, compiled, fill

PARTITIONS = 26  # x 20 ms: a delay of 400 ms and 120 ms of room
KEPT_BLOCKS = PARTITIONS + 1  # of the far end: one more, for a step that is taken after the next block has come
BLOCK = 2 * FRAME_SAMPLES  # overlap-save
BINS = BLOCK // 2 + 1

FORGET = 0.9995  # of the echo path per frame: how fast rooms and lines change
FORGET_EVERY = PARTITIONS // 2  # frames: once per round of the constraint; cheaper than every frame, and as good
KEEP = np.float32(FORGET**FORGET_EVERY)
FIRST_UNCERTAINTY = 0.02  # power gain a partition may have before anything is known
AUDIBLE_ENERGY = 1e-8 * FRAME_SAMPLES  # the quietest audible far end: -80 dBFS
SPEECH_ENERGY = 1e-6 * FRAME_SAMPLES  # -60 dBFS
SHIFTS = np.array([-1, 1, -2, 2])  # blocks by which a jitter buffer may have moved the echo
ECHO_DECAY = 0.7  # a frame, of the loudest recent echo
ASTRAY_FRAMES = 10  # the filter has made the line louder for this long: the echo takes another path now
ASTRAY_KEEP = 0.9  # a frame, of the sums that show it
NEW_FRAMES = 50  # 1 s of the far end: nothing is known of the path yet
EAGER_FRAMES = 300  # 6 s of the far end: learn from every frame of them, and from every other one afterwards

NOWHERE = -1  # no place in the ring
SUMS = 4  # over the partitions: see `ahead`

NOTHING, LEARN, TRY_SHIFTS = 0, 1, 2  # what a row still needs in this frame

CANCELLER_ROW = np.dtype(
    [
        ("far", np.float32, (KEPT_BLOCKS, 2, BINS)),  # a ring, the newest at head: real and imaginary parts
        ("path", np.float32, (PARTITIONS, 2, BINS)),
        ("doubt", np.float32, (PARTITIONS, BINS)),
        ("error", np.float32, (2, BINS)),  # of a step that `owes`: real and imaginary parts
        ("step", np.float32, (BINS,)),
        # Of the next frame: the echo (real and imaginary parts), `unsure` and `loudest`, without the newest block.
        ("ahead", np.float32, (SUMS, BINS)),
        ("last_far", np.float32, (BLOCK,)),
        ("near_power", np.float32, (BINS,)),
        ("line", np.float32, (FRAME_SAMPLES,)),
        # What comes out for a frame, full scale 1; spectra are powers in 161 bins of 320 points.
        ("near", np.float32, (FRAME_SAMPLES,)),
        ("echo", np.float32, (FRAME_SAMPLES,)),
        ("unsure", np.float32, (BINS,)),  # what of the echo is unsure
        ("loudest", np.float32, (BINS,)),  # the loudest far end in the memory
        ("removed", np.float64),  # smoothed fraction of the line's power that the filter explains
        ("better", np.float64, (len(SHIFTS),)),
        ("echoed", np.float64),  # energy of the loudest recent echo, by the filter
        ("sums", np.float64, (3,)),  # recent energy of the line, of the echo, and what the removal has added
        ("heard_energy", np.float64),  # of this frame
        ("head", np.int64),
        ("owed_head", np.int64),  # where the head was in the frame of the step that `owes`
        ("ahead_head", np.int64),  # where the head is then; NOWHERE: `ahead` is of no use
        ("loud_for", np.int64),  # frames until the last audible far frame has left the memory
        ("heard_frames", np.int64),  # since the path was last begun
        ("all_frames", np.int64),
        ("turn", np.int64),  # the partition that is constrained next
        ("astray_for", np.int64),
        ("to_do", np.int64),
        ("active", np.bool_),  # there is a far end in the filter's memory: near is not just the line
        ("aligned", np.bool_),  # the reference is believed to be in step with the line
        ("learn", np.bool_),
        ("owes", np.bool_),  # the path has not taken its last step yet: `predict` takes it
        ("new", np.bool_),  # the agent has only begun to talk in this call
        ("moved", np.bool_),  # the delay of the echo has changed, so some echo was left recently
    ],
    align=True,
)


@compiled
def begin_canceller(row: Row) -> None:
    """Set the row to the start of a call. The row must be all zero."""
    row.ahead_head = NOWHERE
    for p in range(PARTITIONS):
        fill(row.doubt[p], FIRST_UNCERTAINTY)


@compiled
def energy(x: Floats) -> float:
    """The sum of squares."""
    total = np.float32(0)
    for value in x:
        total += value * value
    return float(total)


@compiled
def forget_partition(row: Row, p: int) -> None:
    fill(row.path[p, 0], 0)
    fill(row.path[p, 1], 0)
    fill(row.doubt[p], FIRST_UNCERTAINTY)


@compiled
def take_off(row: Row, response: Floats) -> None:
    """The echo is the second half of `response` (320,); near is the line without it."""
    for k in range(FRAME_SAMPLES):
        row.echo[k] = response[FRAME_SAMPLES + k]
        row.near[k] = row.line[k] - row.echo[k]


@compiled
def loudest_far_db(row: Row) -> float:
    """dBFS of the loudest far end of the last half second, bin by bin."""
    total = np.float32(0)
    for power in row.loudest:
        total += power
    return 10 * math.log10(float(total) * 2 / BLOCK**2 + 1e-10)
