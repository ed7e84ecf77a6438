"""The detector's result for one 20 ms frame: the border between detector and turn-taking."""

from __future__ import annotations

from dataclasses import dataclass

from ..audio.pcm import Pcm

BACKGROUND_SPEECH_DBFS = -36.0  # other people in the room are further off than the caller, and stay below this


@dataclass(slots=True, eq=False)  # not frozen: a thousand are made a second
class VadFrame:
    """One frame of the line. `near` is the caller without our echo, for the recognizer.

    score: 0 to 1, how sure we are that the caller (not our echo, not the background) makes a sound in this frame.
    onset: this frame completes solid evidence: react now.
    onset_samples_ago: where the sound began, back from the end of this frame.
    voiced: the caller still makes a sound (hysteresis over `score`), for endings.
    speechlike: 0 to 1, how much the sound since the onset is like speech rather than a cough or a bang.
    onset_retracted: the last onset was nothing (within 120 ms), a cough (at 200 ms) or our echo after all. Re-arm the
        detector and go on.
    background_speech_dbfs: a sound that stays below this level is somebody else in the room. It is lower if nobody
        else has made a sound lately.
    """

    score: float
    onset: bool
    onset_samples_ago: int
    voiced: bool
    speechlike: float
    level_dbfs: float
    floor_dbfs: float
    echo_dbfs: float
    near: Pcm
    onset_retracted: bool = False
    background_speech_dbfs: float = BACKGROUND_SPEECH_DBFS
