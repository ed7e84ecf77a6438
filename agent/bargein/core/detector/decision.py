"""Decides by the network's outputs, frame by frame: onset, retraction, voiced, speechlike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES
from .compiled import Indices, Row, Rows, compiled, fill
from .echo_row import loudest_far_db
from .features import LOWEST_DB
from .network import probability
from .vad_frame import BACKGROUND_SPEECH_DBFS

SURE = -0.3  # mean log odds of a voice in two frames, from which an onset fires
LIKELY = -0.7  # the same for four frames
# The log odds of a caller in a frame exceed the log odds of "a voice, not a cough" by at most this: the beginning of
# a cough is as near and as loud as a caller.
OR_COUGH = 1.0
DOUBT_FRAMES = 6  # 120 ms: until then the agent can retract an onset almost unnoticed
DOUBT = -0.8  # log odds of a voice below which an onset is retracted, if the sound has ended, too
# 200 ms: a sound that is probably not a voice is rejected then, if no frame since the onset was surely a voice.
COUGH_FRAMES = 10
COUGH_VOICE, SUREST = 0.2, 0.9  # probability, and log odds of that frame
BEGIN_VOICED, END_VOICED = 0.5, 0.3  # probabilities of a sound
# A sound is over when it stays this far below its own maximum. The rest is the room, a breath or comfort noise.
TAIL_DB, TAIL_FRAMES = 26.0, 5
LOUDEST_FALLS = 0.15  # dB per frame
# The log odds fall by this for each dB below the level of other people in the room. That level is lower where nobody
# else has spoken, or not recently (OVER_DB above the room, at least): a quiet caller in a quiet room stops the agent as
# fast as any other. This is for the pause alone. The judgement of the sound assumes other people until it knows better.
BACKGROUND_SLOPE, BACKGROUND_MOST = 1.0, 6.0
QUIET_DBFS, OVER_DB = -48.0, 6.0
ROOM_FRAMES, ROOM_FALLS = 15, 0.02  # the level of the room is the loudest level of 300 ms ago or earlier; dB per frame
OURS_DB = 6.0  # a sound at most this far above our echo may be residual echo, and does not count as the room
# In the first second no echo path is known. A sound that may be an echo by its level needs this much more, in log odds.
NEW_BAR, LEAST_LOSS_DB = 3.5, 4.0
# The echo has just moved. The sound that paused the agent was probably residual echo; the next one needs more evidence.
MOVED_FRAMES, MOVED_BAR = 12, 1.8
SWING = 6.0  # log odds between sensitivity 0 and 1; the default is in the middle

UNLIKELY = -9.0  # log odds of frames before the first
HISTORY, LEVELS = 8, 5
# What `decide` says of a frame, in the order of its numbers; flags are 0 or 1.
SCORE, SPEECHLIKE, LEVEL, FLOOR, ECHO, BACKGROUND, ONSET, SINCE_ONSET, VOICED, RETRACTED = range(10)
SAID = 10

DECISION_ROW = np.dtype(
    [
        ("caller_log_odds", np.float64, (HISTORY,)),  # log odds of a caller, frame by frame, the latest at the end
        ("sound_log_odds", np.float64, (2,)),  # and of any sound
        ("surest", np.float64),  # of the log odds of a voice since the onset
        ("levels", np.float64, (LEVELS,)),
        ("before", np.float64, (ROOM_FRAMES,)),  # a ring of levels, the oldest at `oldest`
        ("oldest", np.int64),
        ("room", np.float64),  # the loudest of it lately, falling
        ("unknown", np.float64),  # what could not be told from somebody in the room yet, falling
        ("background", np.float64),  # what the frame reports as the level of other people
        ("loudest_db", np.float64),  # dBFS, recently
        ("speechlike", np.float64),
        ("score", np.float64),
        ("since_onset", np.int64),
        ("since_move", np.int64),
        ("unvoiced_for", np.int64),
        ("low_for", np.int64),
        ("armed", np.bool_),
        ("voiced", np.bool_),
        ("coughing", np.bool_),  # a rejected sound continues; it does not count until it ends or becomes a voice
        ("onset", np.bool_),
        ("retracted", np.bool_),
    ],
    align=True,
)


@compiled
def begin(rows: Rows, at: int) -> None:
    """Set a row to the start of a call. The row must be all zero."""
    row = rows[at]
    fill(row.caller_log_odds, UNLIKELY)
    fill(row.sound_log_odds, UNLIKELY)
    row.surest = UNLIKELY
    fill(row.levels, -1000.0)
    fill(row.before, LOWEST_DB)
    row.room = QUIET_DBFS - OVER_DB  # nobody has been heard yet
    row.unknown = BACKGROUND_SPEECH_DBFS
    row.loudest_db = -100.0
    row.speechlike = 0.5
    row.armed = True
    row.since_onset = COUGH_FRAMES + 1
    row.since_move = MOVED_FRAMES


@compiled
def _append(values: NDArray[np.float64], value: float) -> None:
    for k in range(len(values) - 1):
        values[k] = values[k + 1]
    values[-1] = value


@compiled
def rearm(rows: Rows, at: int) -> None:
    """The sound has been dealt with: an onset may fire again."""
    row = rows[at]
    row.armed = True
    row.since_onset = COUGH_FRAMES + 1
    for _ in range(3):
        _append(row.caller_log_odds, UNLIKELY)


@compiled
def decide(rows: Rows, which: Indices, sensitivities: NDArray[np.float64], said: NDArray[np.float64]) -> None:
    """One frame of each of the calls `which`, after `infer`. said: (n, SAID), what a VadFrame tells of it."""
    for i in range(len(which)):
        _decide(rows[which[i]], sensitivities[i], said[i])


@compiled
def _decide(row: Row, sensitivity: float, said: NDArray[np.float64]) -> None:
    harder = (0.5 - sensitivity) * SWING  # log odds asked for on top of the default
    voice, sound, kind = row.log_odds[0], row.log_odds[1], row.log_odds[2]
    _append(row.levels, row.level_db)
    background = _background_speech_level(row)
    row.background = max(background, row.unknown)
    doubts = _doubts(row, background)
    _append(row.caller_log_odds, min(9.0, max(-9.0, min(voice, kind + OR_COUGH) - doubts)))
    _append(row.sound_log_odds, sound - doubts)
    row.surest = max(row.surest, row.caller_log_odds[-1])
    row.onset = row.armed and not row.coughing and _solid(row, harder)
    row.retracted = _retracted(row, harder)
    if row.onset:
        row.armed = False
        row.since_onset = 0
        row.speechlike = probability(kind)
        row.surest = row.caller_log_odds[-1]
    row.since_onset += 1
    row.loudest_db = max(row.loudest_db - LOUDEST_FALLS, row.level_db)
    row.low_for = row.low_for + 1 if row.level_db < row.loudest_db - TAIL_DB else 0
    row.score = probability(voice)
    _follow(row, max(row.score, probability(sound)), probability(kind))
    said[SCORE] = row.score
    said[SPEECHLIKE] = row.speechlike
    said[LEVEL] = row.level_db
    said[FLOOR] = row.floor_db
    said[ECHO] = row.echo_db
    said[BACKGROUND] = row.background
    said[ONSET] = row.onset
    said[SINCE_ONSET] = _samples_since_onset(row)
    said[VOICED] = row.voiced
    said[RETRACTED] = row.retracted


@compiled
def _background_speech_level(row: Row) -> float:
    """The level in dBFS that other people in the room stay below, with this frame."""
    row.room = max(row.room - ROOM_FALLS, row.before[row.oldest])
    row.unknown = max(QUIET_DBFS, row.unknown - ROOM_FALLS)
    ours = row.echo_db > row.level_db - OURS_DB
    row.before[row.oldest] = LOWEST_DB if ours else row.level_db
    row.oldest = (row.oldest + 1) % ROOM_FRAMES
    return float(min(BACKGROUND_SPEECH_DBFS, max(QUIET_DBFS, row.room + OVER_DB)))


@compiled
def _doubts(row: Row, background: float) -> float:
    """Log odds that other people in the room, or our own echo, take away from the evidence of this frame.

    background: what `_background_speech_level` gave.
    """
    loudest = row.level_db
    for level in row.levels:
        loudest = max(loudest, level)
    doubts = min(BACKGROUND_MOST, BACKGROUND_SLOPE * max(0.0, background - loudest))
    if row.new and row.level_db < loudest_far_db(row) - LEAST_LOSS_DB:
        doubts += NEW_BAR
    row.since_move = 0 if row.moved else row.since_move + 1
    return float(doubts + MOVED_BAR if row.since_move < MOVED_FRAMES else doubts)


@compiled
def _solid(row: Row, harder: float) -> bool:
    """Sure for two frames, or likely for four."""
    log_odds = row.caller_log_odds
    if not log_odds[-1] > LIKELY + harder:
        return False
    if log_odds[-1] + log_odds[-2] > 2 * (SURE + harder):
        return True
    return bool(log_odds[-1] + log_odds[-2] + log_odds[-3] + log_odds[-4] > 4 * (LIKELY + harder))


@compiled
def _retracted(row: Row, harder: float) -> bool:
    """Whether the sound since the onset is nothing, a cough, or our echo, which has moved."""
    if row.armed or row.since_onset > COUGH_FRAMES:
        return False
    if row.since_onset <= DOUBT_FRAMES:
        nothing = (
            row.caller_log_odds[-1] + row.caller_log_odds[-2] <= 2 * (DOUBT + harder)
            and row.sound_log_odds[0] + row.sound_log_odds[1] <= 0
        )
    else:
        cough = row.speechlike < COUGH_VOICE and row.surest < SUREST + harder
        nothing = row.coughing = cough and row.since_onset == COUGH_FRAMES
    return bool(nothing or row.since_move == 0)


@compiled
def _follow(row: Row, present: float, kind: float) -> None:
    """Update the voiced flag, with hysteresis, and `speechlike`, the running judgement of the sound since its onset."""
    if row.low_for >= TAIL_FRAMES and not row.onset:
        row.voiced = False
    elif present >= BEGIN_VOICED or row.onset:
        row.voiced = True
        row.unvoiced_for = 0
    elif row.voiced:
        row.unvoiced_for = row.unvoiced_for + 1 if present < END_VOICED else 0
        row.voiced = row.unvoiced_for < 2
    row.speechlike += 0.25 * present * (kind - row.speechlike)
    row.coughing = row.coughing and row.voiced and row.speechlike < 0.4


@compiled
def _samples_since_onset(row: Row) -> int:
    """Samples from the first frame of this run of voice to the end of this frame."""
    frames = 1
    while frames < HISTORY and row.caller_log_odds[HISTORY - 1 - frames] > -1.5:
        frames += 1
    return frames * FRAME_SAMPLES
