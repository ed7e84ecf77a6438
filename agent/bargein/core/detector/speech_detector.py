"""Hearing: the frames that we sent and the frames of the line in, evidence of the caller out. One per call."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, FULL_SCALE, Pcm
from .echo_canceller import CancellerOutput, EchoCanceller
from .features import LOWEST_DB, Features
from .network import Network, probability
from .reference import ReferenceAligner
from .vad_frame import BACKGROUND_SPEECH_DBFS, VadFrame

SURE = -0.3  # log odds of a voice in the mean of two frames that pause at once
LIKELY = -0.7  # in the mean of four
# The log odds of a caller in a frame are at most this above those of a voice rather than a cough: what begins a cough
# is as near and as loud as a caller.
OR_COUGH = 1.0
DOUBT_FRAMES = 6  # 120 ms: for so long a pause can be taken back almost unnoticed
DOUBT = -0.8  # log odds of a voice below which it is, if no sound is left either
COUGH_FRAMES = 10  # 200 ms: when what is rather no voice is let go, if no frame since the onset was sure to be one
COUGH_VOICE, SUREST = 0.2, 0.9  # probability, and log odds of that frame
BEGIN_VOICED, END_VOICED = 0.5, 0.3  # probabilities of a sound
# A sound so far below its own loudest for so long is over, whatever hangs on: the room, a breath, comfort noise.
TAIL_DB, TAIL_FRAMES = 26.0, 5
LOUDEST_FALLS = 0.15  # dB a frame
# So much less in log odds per dB below the level of other people in the room. That level is lower where nobody has been
# heard, or not of late (so far over the room, at least): a quiet caller in a quiet room is heard as fast as any. That
# goes for the pause alone: what the caller is taken for is decided as if there were people, until none have been heard.
BACKGROUND_SLOPE, BACKGROUND_MOST = 1.0, 6.0
QUIET_DBFS, OVER_DB = -48.0, 6.0
ROOM_FRAMES, ROOM_FALLS = 15, 0.02  # the room is what was loudest, 300 ms ago or longer; dB a frame
OURS_DB = 6.0  # what is no further than this above our echo may be what is left of it, and is no room
# In the first second, when no path is known, what is no louder than an echo can be has to be surer, in log odds.
NEW_BAR, LEAST_LOSS_DB = 3.5, 4.0
# The echo has just moved: what paused was likely the part of it that was left, and what is left still has to be surer.
MOVED_FRAMES, MOVED_BAR = 12, 1.8
SWING = 6.0  # log odds between sensitivity 0 and 1; the default is in the middle


_UNIT = np.float32(1 / FULL_SCALE)


class SpeechDetector:
    """sent() once per tick, heard() for every frame of the line; no I/O, nothing remembered beyond seconds."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._sensitivity = 0.5
        self._reference = ReferenceAligner()
        self._canceller = EchoCanceller()
        self._features = Features()
        self._network = Network(weights)
        self._log_odds: deque[float] = deque([-9.0] * 8, maxlen=8)  # log odds of a caller, frame by frame
        self._sounds: deque[float] = deque([-9.0] * 2, maxlen=2)  # and of any sound
        self._surest = -9.0  # of the log odds of a voice since the onset
        self._levels: deque[float] = deque(maxlen=5)
        self._before: deque[float] = deque([LOWEST_DB] * ROOM_FRAMES, maxlen=ROOM_FRAMES)
        self._room = QUIET_DBFS - OVER_DB  # the loudest of it lately, falling; nobody has been heard yet
        self._unknown = BACKGROUND_SPEECH_DBFS  # what could not be told from somebody in the room yet, falling
        self._armed = True
        self._since_onset = COUGH_FRAMES + 1
        self._since_move = MOVED_FRAMES
        self._voiced = False
        self._unvoiced_for = 0
        self._loudest = -100.0  # dBFS, of late
        self._low_for = 0
        self._speechlike = 0.5
        self._coughing = False  # what was let go goes on; it does not count until it ends or becomes a voice

    def push_reference(self, pcm: Pcm) -> None:
        """The 160 samples that we send at this tick, silence included."""
        self._reference.push(np.multiply(pcm, _UNIT))

    def rearm(self) -> None:
        """The pause is over: the onset may fire again."""
        self._armed = True
        self._since_onset = COUGH_FRAMES + 1
        self._log_odds.extend([-9.0] * 3)

    def process(self, pcm: Pcm, sensitivity: float = 0.5) -> VadFrame:
        """The line's 160 samples. sensitivity: 0 to 1; at 0 only loud, clear speech counts, at 1 nearly anything."""
        self._sensitivity = sensitivity
        due, aligned = self._reference.due()
        for frame in due:
            self._canceller.far(frame)
        cancelled = self._canceller.near(np.multiply(pcm, _UNIT), aligned)
        features = self._features
        log_odds, sound_odds, kind_odds = self._network(features.of(cancelled))
        voice, sound, kind = probability(log_odds), probability(sound_odds), probability(kind_odds)
        self._levels.append(features.level_db)
        far = self._background_speech_level()
        doubts = self._doubts(cancelled, far)
        caller = min(log_odds, kind_odds + OR_COUGH) - doubts
        self._log_odds.append(min(9.0, max(-9.0, caller)))
        self._sounds.append(sound_odds - doubts)
        self._surest = max(self._surest, self._log_odds[-1])
        onset = self._armed and not self._coughing and self._solid()
        onset_retracted = self._retracted()
        if onset:
            self._armed, self._since_onset, self._speechlike, self._surest = False, 0, kind, self._log_odds[-1]
        self._since_onset += 1
        self._loudest = max(self._loudest - LOUDEST_FALLS, features.level_db)
        self._low_for = self._low_for + 1 if features.level_db < self._loudest - TAIL_DB else 0
        self._follow(max(voice, sound), kind, onset)
        return VadFrame(
            score=voice,
            onset=onset,
            onset_samples_ago=self._ago(),
            voiced=self._voiced,
            speechlike=self._speechlike,
            level_dbfs=features.level_db,
            floor_dbfs=features.floor_db,
            echo_dbfs=features.echo_db,
            near=features.near,
            onset_retracted=onset_retracted,
            background_speech_dbfs=max(far, self._unknown),
        )

    def _background_speech_level(self) -> float:
        """The level in dBFS that other people in the room stay below, with this frame."""
        self._room = max(self._room - ROOM_FALLS, self._before[0])
        self._unknown = max(QUIET_DBFS, self._unknown - ROOM_FALLS)
        ours = self._features.echo_db > self._features.level_db - OURS_DB
        self._before.append(LOWEST_DB if ours else self._features.level_db)
        return min(BACKGROUND_SPEECH_DBFS, max(QUIET_DBFS, self._room + OVER_DB))

    def _doubts(self, cancelled: CancellerOutput, far: float) -> float:
        """Log odds that somebody far off, or our own echo, takes away from the evidence of this frame."""
        doubts = min(BACKGROUND_MOST, BACKGROUND_SLOPE * max(0.0, far - max(self._levels)))
        if cancelled.new and self._levels[-1] < cancelled.loudest_far_db() - LEAST_LOSS_DB:
            doubts += NEW_BAR
        self._since_move = 0 if cancelled.moved else self._since_move + 1
        return doubts + MOVED_BAR if self._since_move < MOVED_FRAMES else doubts

    def _solid(self) -> bool:
        """Sure for two frames, or likely for four."""
        log_odds = self._log_odds
        harder = self._harder()
        if log_odds[-1] + log_odds[-2] > 2 * (SURE + harder) and log_odds[-1] > LIKELY + harder:
            return True
        return log_odds[-1] > LIKELY + harder and log_odds[-1] + log_odds[-2] + log_odds[-3] + log_odds[-4] > 4 * (
            LIKELY + harder
        )

    def _retracted(self) -> bool:
        """Since the onset it has turned out to be nothing, a cough, or our echo, which has moved. Re-arms."""
        if self._armed or self._since_onset > COUGH_FRAMES:
            return False
        log_odds, harder = self._log_odds, self._harder()
        if self._since_onset <= DOUBT_FRAMES:
            nothing = log_odds[-1] + log_odds[-2] <= 2 * (DOUBT + harder) and sum(self._sounds) <= 0
        else:
            cough = self._speechlike < COUGH_VOICE and self._surest < SUREST + harder
            nothing = self._coughing = cough and self._since_onset == COUGH_FRAMES
        return bool(nothing or self._since_move == 0)

    def _harder(self) -> float:
        """Log odds asked for on top of the default."""
        return (0.5 - self._sensitivity) * SWING

    def _ago(self) -> int:
        """Samples from the first frame of this run of voice to the end of this frame."""
        frames = 1
        while frames < len(self._log_odds) and self._log_odds[-1 - frames] > -1.5:
            frames += 1
        return frames * FRAME_SAMPLES

    def _follow(self, present: float, kind: float, onset: bool) -> None:
        """The voiced flag with its hysteresis, and the running judgement of the sound since its onset."""
        if self._low_for >= TAIL_FRAMES and not onset:
            self._voiced = False
        elif present >= BEGIN_VOICED or onset:
            self._voiced, self._unvoiced_for = True, 0
        elif self._voiced:
            self._unvoiced_for = self._unvoiced_for + 1 if present < END_VOICED else 0
            self._voiced = self._unvoiced_for < 2
        self._speechlike += 0.25 * present * (kind - self._speechlike)
        self._coughing = self._coughing and self._voiced and self._speechlike < 0.4
