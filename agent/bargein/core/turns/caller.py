"""The caller's half of a conversation: the sound on the line, the turn in progress, and the input so far."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, Pcm, ms, samples
from ..detector.speech_detector import SpeechDetector
from ..detector.vad_frame import VadFrame
from .actions import JudgeSound
from .caller_input import CallerInput
from .caller_voice import CallerVoice
from .endpoint import LATER_MS, PREROLL_SAMPLES, CallerTurn, Preroll
from .overlap_classifier import BACKGROUND_FRAMES, OverlapClassifier
from .prosody import SpeechTrack
from .reply import Listen
from .second_opinion import piece_to_judge, settled
from .table import LISTENS, OVERLAPPED, State
from .transcript import RECOGNIZER_LATE_MS, SoundProbabilities, Transcript

COOLDOWN, COOLDOWN_SAMPLES = 0.2, samples(1500)  # sensitivity is lower after a rejected sound: coughs come in series
RECLASSIFIED_AS_VOICE = 0.8  # `VadFrame.speechlike` from which a rejected sound counts as a voice after all
LOUDER_DB = 6.0  # what is so much louder than the rejected sound that it covers is another sound
CLASSIFIED_FRAMES = BACKGROUND_FRAMES + 20  # of the line before now that the classifier is given
UNCLEAR_MS = 2000  # silence after a voice without words; the caller thinks that they have answered
LONGEST_TURN_SAMPLES = samples(60_000)
COMPARED_HOPS = 10  # of 10 ms: a sound over the agent's speech is compared with the caller's voice so often
SILENT_LATER_MS = 600  # `LATER_MS` where the agent has fallen silent for the first sound: the caller is likely to go on
STILL_SOUNDING_MS = 60  # a sound continues as long as less silence than this has followed


class Sound(Enum):
    """What one frame did to the caller's sound."""

    NONE = auto()
    BEGAN = auto()  # a turn has begun
    CONTINUES = auto()  # the turn goes on, with or without sound in this frame
    RETRACTED = auto()  # the detector retracts the onset of the turn


class Caller:
    """The caller of one call. All times are in samples of the call; `now` comes with every method that needs it.

    Its states, and what moves it from one to the next:
    - quiet: no sound. An onset begins a turn.
    - turn: `turn` is set. `end_turn` and `reject` end it. An overlap that is over waits for its words. The line then
      counts as quiet: the next onset begins another turn, and the one that waits moves to `waiting`.
    - rejected: a sound that was judged to be nothing continues. It ends with the sound or where a louder one covers it,
      or becomes a turn when the sound turns out to be a voice.

    This class alone re-arms the detector: after a turn, a rejected sound or a retracted onset.
    """

    def __init__(
        self,
        detector: SpeechDetector,
        classifier: OverlapClassifier | None = None,
        longest_turn: int = LONGEST_TURN_SAMPLES,
    ) -> None:
        self.input = CallerInput()
        self.turn: CallerTurn | None = None
        self.waiting: list[CallerTurn] = []  # overlaps before it whose words are awaited, the oldest first
        self.floor_since = 0  # the sample at which the caller got the floor, or last made a sound
        self.unclear = False  # the last turn was a voice without words
        self.unanswered = False  # the recognizer did not return in time for the last turn
        self.push_reference = detector.push_reference  # takes the 160 samples that are sent at each tick
        self._detector = detector
        self._classifier = classifier
        self._preroll = Preroll()
        self._track = SpeechTrack(self._preroll)
        self._turns = 0
        self._rejected: CallerTurn | None = None
        self._until_silence = False  # even if the rejected sound is a voice
        self._longest_turn = longest_turn
        self._voice = CallerVoice()
        self._cooldown_until = 0
        self._sound_after: int | None = None  # where a sound began that was not yet told from the turn before it
        self._sound_after_voiced = 0  # its last voiced frame
        self._missed = 0  # samples of the turn that came while it was rejected

    @property
    def saying(self) -> str:
        """The words since the last reply began, as far as they are known."""
        return " ".join(filter(None, (self.input.text, *(turn.text for turn in self.sounds))))

    @property
    def sounds(self) -> list[CallerTurn]:
        """`waiting` and `turn`."""
        return [*self.waiting, self.turn] if self.turn is not None else []

    def sensitivity(self, wanted: float, now: int) -> float:
        """Of the detector: `wanted`, and less for a while after a rejected sound."""
        return max(0.0, wanted - COOLDOWN) if now <= self._cooldown_until else wanted

    def hears_nothing(self) -> bool:
        """Whether there is no sound, and the frame of the line that is due begins none. Then it is done."""
        sounds = self.turn is not None or self._rejected is not None or self._sound_after is not None
        if sounds or (near := self._detector.nothing()) is None:
            return False
        self._preroll.push(near)
        return True

    def process(
        self, pcm: Pcm, now: int, sensitivity: float, question: bool, state: State, spells: bool = False
    ) -> tuple[Sound, VadFrame]:
        """One frame of the line. `sensitivity`: see the method.

        `question`: the agent is asking, so a "yes" over it is an answer. `spells`: the caller says letters or digits,
        and "m" sounds like "mm". While the agent talks or is about to, a sound has to be classified.
        """
        overlap = state not in LISTENS
        if self.turn is not None:
            self._let_wait(self.turn, state, now)
        frame = self._detector.process(pcm, sensitivity)
        self._preroll.push(frame.near)
        if frame.onset_retracted:
            self._detector.rearm()
        if self.turn is not None and not self.turn.waits:
            if not overlap:
                self._track.follow()
            elif self._voice.known and self._track.follow(COMPARED_HOPS):
                self._compare(self.turn, now)
            self.turn.add(frame, now)
            if overlap and frame.voiced:
                self.turn.question = question
            self._classify(self.turn, frame, overlap)
            if not overlap and not spells:
                self._classify_later(self.turn, frame, now)
            return Sound.RETRACTED if frame.onset_retracted else Sound.CONTINUES, frame
        if self.turn is not None:
            self.turn.wait(now)
        if self._rejected is not None:
            sound = self._reconsider(self._rejected, frame, now, question)
        elif frame.onset:
            self._begin(frame, now, question, self._follow_sound_after(frame, now))
            sound = Sound.BEGAN
        else:
            self._follow_sound_after(frame, now)
            sound = Sound.NONE
        if self.turn is not None and sound is Sound.BEGAN:
            self._classify(self.turn, frame, overlap)
        return sound, frame

    def _let_wait(self, turn: CallerTurn, state: State, now: int) -> None:
        """An overlap that is over, and that nothing has decided, waits for its words. The next sound is another one.

        It waits also when the agent is done, if it was over a statement: it is no answer to a question behind that.
        """
        pause_ms = LATER_MS if state is State.DUCKED else SILENT_LATER_MS
        if state in OVERLAPPED:
            waits = turn.silent_ms(now) >= pause_ms
        else:
            waits = turn.waits and state is State.LISTENING and not turn.question
        if waits and not turn.waits:
            self._detector.rearm()
        turn.waits = waits

    def _follow_sound_after(self, frame: VadFrame, now: int) -> int:
        """Samples since the sound after the last turn began. 0 if there is none, or a silence has ended it."""
        if self._sound_after is None:
            return 0
        if now - self._sound_after_voiced >= samples(LATER_MS):
            self._sound_after = None
            return 0
        if frame.voiced:
            self._sound_after_voiced = now
        return now - self._sound_after

    def _compare(self, turn: CallerTurn, now: int) -> None:
        """How loud the sound has to be to be the caller's, given its pitch so far."""
        turn.caller_dbfs = self._voice.least_dbfs(now, ms(now - turn.onset), self._track.pitch(now - turn.onset))

    def _classify(self, turn: CallerTurn, frame: VadFrame, overlap: bool) -> None:
        """Let the classifier follow the sound for as long as it is an overlap."""
        if self._classifier is None or not overlap:
            turn.classified = turn.second = None
            return
        if turn.classified is None:
            ago, known = frame.onset_samples_ago // FRAME_SAMPLES, CLASSIFIED_FRAMES
            if self.waiting:  # the sound before it is no background
                known = min(known, (turn.last_voiced - self.waiting[-1].last_voiced) // FRAME_SAMPLES)
            turn.classified = self._classifier.begin(self._preroll.frames(known), ago, frame)
        else:
            turn.classified = self._classifier.step(frame)

    def sound_to_judge(self, now: int) -> list[JudgeSound]:
        """What the recognizer is to judge now: the overlap so far, or nothing."""
        turn = self.turn
        if turn is None or turn.waits or turn.classified is None or settled(turn.second):
            return []
        if not (count := piece_to_judge(turn.asked, now - turn.onset)):
            return []
        turn.asked, turn.asked_at = turn.asked + 1, now
        return [JudgeSound(turn.id, self._preroll.last(count))]

    def take_words(self, turn_id: int, transcript: Transcript, at: int, now: int) -> bool:
        """The recognizer's words, of the turn that they were asked for at sample `at`. False if it is over."""
        turn = self._sound(turn_id)
        if turn is not None:
            turn.set_transcript(transcript, at)
            turn.recognition = now - at
        return turn is not None

    def take_opinion(self, turn_id: int, second: SoundProbabilities) -> None:
        """The recognizer's answer, of the turn that it was asked for."""
        if (turn := self._sound(turn_id)) is not None:
            turn.take_opinion(second)

    def _sound(self, turn_id: int) -> CallerTurn | None:
        return next((turn for turn in self.sounds if turn.id == turn_id), None)

    def _classify_later(self, turn: CallerTurn, frame: VadFrame, now: int) -> None:
        """Let the classifier follow a sound after a pause in the caller's turn."""
        later = turn.later
        if self._classifier is None or later is None or turn.silent_ms(now) >= STILL_SOUNDING_MS:
            return
        if later.began == now:
            frames = samples(later.gap_ms) // FRAME_SAMPLES  # the words before them are no background
            later.likely = self._classifier.begin(self._preroll.frames(min(CLASSIFIED_FRAMES, frames)), 1, frame)
        elif later.likely is not None:
            later.likely = self._classifier.step(frame)

    def preroll(self) -> Pcm:
        """What the recognizer needs first: the turn so far and 300 ms before it, so that no first syllable is lost."""
        return self._preroll.last(PREROLL_SAMPLES + self._missed)

    def prosody(self) -> NDArray[np.float64] | None:
        """How the last 3 s of the line sound, without our echo. See `prosody`."""
        return self._track.prosody()

    def end_turn(self, now: int, own: bool = True) -> CallerTurn | None:
        """The turn is over. Returns it; None if there was none. `own`: the agent was silent, so this is the caller."""
        overlong = self.overlong(now)
        turn, self.turn = self.turn, None
        if own and turn is not None and turn.text and not overlong:
            self._voice.learn(turn.level_dbfs, self._track.pitch(now - turn.onset))
        if overlong:
            self._rejected, self._until_silence = turn, True
        elif turn is not None:
            self._detector.rearm()
        self.floor_since = now
        if turn is not None and turn.sound_after is not None:
            self._sound_after, self._sound_after_voiced = turn.sound_after.began, turn.last_voiced
        self.unclear = turn is not None and turn.unclear and not overlong
        self.unanswered = turn is not None and not turn.complete and turn.silent_ms(now) >= RECOGNIZER_LATE_MS
        return turn

    def take_floor(self, now: int) -> None:
        """The agent is done: the caller's silence counts from here."""
        self.floor_since, self.unclear, self.unanswered = now, False, False

    def patience_ms(self, listen: Listen) -> int:
        """The silence after which the planner is asked again: short after a voice that nobody understood."""
        unclear = self.unclear and listen.expects.kind
        return min(listen.silence_ms, UNCLEAR_MS) if unclear else listen.silence_ms

    def overlong(self, now: int) -> bool:
        """Whether the turn has lasted too long to be a caller's: a radio, music on hold. It has to end.

        The rest of such a sound does not count until there is a silence.
        """
        return self.turn is not None and now - self.turn.onset >= self._longest_turn

    def give(self, turn: CallerTurn, counts: bool) -> None:
        """The words of a turn that is over, or of one that waits, are input. See `CallerInput.add` for `counts`."""
        if turn in self.waiting:
            self.waiting.remove(turn)
            if self.turn is not None:  # it goes on with what was said
                pause_ms = ms(self.turn.onset - turn.last_voiced)
                self.turn.longest_pause_ms = max(self.turn.longest_pause_ms, turn.longest_pause_ms, pause_ms)
        if turn.text:
            self.input.add(turn.entry(), counts)

    def reject(self, turn: CallerTurn, now: int) -> None:
        """This turn, or one that waits, was no interruption. The one that waited last is then the turn again.

        A sound that continues stays rejected until it ends or turns out to be a voice. If the detector itself took it
        back, it knows which part of the sound still counts.
        """
        if turn.loudest_dbfs < turn.caller_dbfs:
            self._voice.reject(turn.loudest_dbfs, now)
        if not turn.text:
            self._cooldown_until = now + COOLDOWN_SAMPLES
        if turn is not self.turn:
            self.waiting.remove(turn)
            return
        self.turn = self.waiting.pop() if self.waiting else None
        if turn.waits:  # the detector is armed, or follows a rejected sound
            return
        if turn.silent_ms(now) >= STILL_SOUNDING_MS:
            self._detector.rearm()
        elif not turn.retracted:
            self._rejected, self._until_silence = turn, False

    def _reconsider(self, rejected: CallerTurn, frame: VadFrame, now: int, question: bool) -> Sound:
        if not frame.voiced:
            self._rejected = None
            self._detector.rearm()
        elif self._until_silence:
            return Sound.NONE
        elif frame.level_dbfs >= rejected.loudest_dbfs + LOUDER_DB:
            self._rejected, self._cooldown_until = None, 0
            self._detector.rearm()
        elif frame.speechlike >= RECLASSIFIED_AS_VOICE and frame.level_dbfs >= max(
            frame.background_speech_dbfs, rejected.caller_dbfs
        ):
            self._begin(frame, now, question, now - rejected.onset)
            return Sound.BEGAN
        rejected.loudest_dbfs = max(rejected.loudest_dbfs, frame.level_dbfs)
        return Sound.NONE

    def _begin(self, frame: VadFrame, now: int, question: bool, missed: int = 0) -> None:
        if self.turn is not None:
            self.waiting.append(self.turn)
        self._turns += 1
        self._rejected, self._missed, self._sound_after = None, missed, None
        onset = max(0, now - frame.onset_samples_ago)
        self.turn = CallerTurn.begun(self._turns, onset, now, frame, question)
        self._compare(self.turn, now)
