"""The caller's turn: when it began and whether the caller still speaks. `turn_end` decides when it is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, Pcm, ms, samples
from ..detector.vad_frame import BACKGROUND_SPEECH_DBFS, VadFrame
from ..language.completeness import STORY_WORDS
from ..language.intent import is_backchannel
from ..language.phrases import Phrases
from ..language.words import tokens
from .caller_input import CallerEntry
from .later_sound import LaterSound
from .overlap import ENDED_MS, OverlapSound
from .overlap_classifier import OverlapClass
from .second_opinion import with_second_opinion
from .transcript import SoundProbabilities, Transcript

PREROLL_SAMPLES = samples(300)
KEPT_SAMPLES = samples(3000)
LOUD_FRAMES = 5  # 0.1 s
OPINION_LATE_SAMPLES = samples(400)
MUTE_SAMPLES = samples(150)  # without a frame for longer, the phone is muted or suppresses silence
POSSIBLE_SPEECH = 0.35  # below: a cough that was written as a word
SURE_VOICE, SURE_VOICE_MS = 0.8, 400  # speechlike for so long: somebody spoke, words or not
WAS_WORD = 0.5  # probability of a word above which a second opinion counts for what follows a gap, too
LATER_MS = 300  # silence in a turn after which a sound is judged by itself: it may be a cough, no more words


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """How long a silence ends the caller's turn, in ms.

    `graded` are points of the curve from the log odds that the turn has ended to the silence: sure ends first.
    The caller hears the answer 20 to 100 ms after this silence. The steps of the curve lie above usual pauses: those
    of 0.8 and 1.2 s.
    """

    min_ms: int = 300  # after words that are complete
    max_ms: int = 1320  # after "and ..." or a trailing "uh"
    usual_ms: int = 600  # where nothing but the silence is known
    story_ms: int = 360  # at least, where the caller answers freely; more of it spares pauses between sentences
    short_ms: int = 770  # after a short answer, such as a name, at most
    open_ms: int = 860  # after a few words of a story that sound like an end
    number_ms: int = 1700  # in the middle of a number that is dictated
    graded: tuple[tuple[float, int], ...] = ((-0.7, 360), (-0.71, 860), (-1.5, 860), (-1.51, 1260))

    def graded_ms(self, log_odds: float | None) -> int:
        """The silence that ends a turn with these log odds, between `min_ms` and `max_ms`."""
        wait_ms = self.usual_ms
        if log_odds is not None:
            points, waits = zip(*sorted(self.graded), strict=True)
            wait_ms = int(np.interp(log_odds, points, waits))
        return min(max(wait_ms, self.min_ms), self.max_ms)


class Preroll:
    """The last seconds of the line: what the recognizer gets first, so that no first syllable is lost."""

    def __init__(self) -> None:
        self.count = 0  # frames that have come
        self._frames: deque[Pcm] = deque(maxlen=KEPT_SAMPLES // FRAME_SAMPLES)

    def push(self, frame: Pcm) -> None:
        self._frames.append(frame)
        self.count += 1

    @property
    def oldest(self) -> int:
        """The number of the first frame that is kept."""
        return self.count - len(self._frames)

    def between(self, first: int, end: int) -> Pcm:
        """The frames of these numbers, as one. They must be kept."""
        return np.concatenate(list(islice(self._frames, first - self.oldest, end - self.oldest)))

    def frames(self, count: int) -> list[Pcm]:
        """The last `count` frames, the newest last; less where there are not so many."""
        return list(self._frames)[-count:]

    def last(self, count: int) -> Pcm:
        """The last `count` samples, rounded up to frames; less where there are not so many."""
        frames = list(self._frames)[-(-count // -FRAME_SAMPLES) :]
        return np.concatenate(frames) if frames else np.zeros(0, np.int16)


@dataclass(slots=True, eq=False)
class CallerTurn:
    """One stretch of the caller's sound and the words in it, in samples of the call. `now` comes with each call."""

    id: int
    onset: int
    last_voiced: int
    speechlike: float = 0.0
    evidence: float = 0.0
    floor_dbfs: float = -60.0
    loudest_dbfs: float = -100.0
    background_speech_dbfs: float = BACKGROUND_SPEECH_DBFS
    question: bool = False  # it was over a question when it was last heard over the agent
    transcript: Transcript | None = None
    classified: OverlapClass | None = None  # by the classifier alone, while it is an overlap
    second: SoundProbabilities | None = None  # what the recognizer takes that overlap for, by its sound
    asked: int = 0  # how often it was asked for that
    asked_at: int = 0  # when it was asked last
    resumed_at: int = 0  # when the sound last went on after a silence; what was asked before says nothing of it
    caller_dbfs: float = -100.0  # the caller is louder than this, as far as is known
    measured: NDArray[np.float64] | None = None  # how its last sound sounds
    measured_at: int = -1  # the end of that sound
    longest_pause_ms: int = 0  # inside the turn
    rise_db: float = 0.0  # of the last frame over the background
    over_echo_db: float = -100.0  # the most that a frame was above what may be our echo
    recognition: int | None = None  # how long the words took, in samples
    later: LaterSound | None = None
    waits: bool = False  # an overlap that is over, and its words have not come: the next sound is another overlap
    stopped_at: int = 0  # when the agent was ducked or fell silent for it
    cut_word: str = ""  # of the agent, when it fell silent for it; once it goes on it says the word again
    silenced: bool = False  # the agent, for long enough that the caller noticed
    stops: bool = False  # it keeps the agent silent: the agent stopped for it, or would have if it had talked
    retracted: bool = False  # the detector took it back
    _loud: tuple[float, ...] = ()  # the LOUD_FRAMES loudest frames, the loudest first
    _voice: int = 0  # samples that are surely a voice
    _last_frame: int = 0  # when the last one came
    _unvoiced: int = 0  # samples received since the last voiced frame
    _transcript_at: int = -1  # the sample up to which `transcript` goes
    _requested: bool = False

    @classmethod
    def begun(cls, id: int, onset: int, now: int, first: VadFrame, question: bool = False) -> Self:
        """A turn that began at sample `onset`, with the frame that showed it at `now`."""
        levels = first.floor_dbfs, first.level_dbfs, first.background_speech_dbfs
        turn = cls(id, onset, now, first.speechlike, first.score, *levels, question, stopped_at=now)
        turn.over_echo_db = first.level_dbfs - first.echo_dbfs
        return turn

    @property
    def level_dbfs(self) -> float:
        """What LOUD_FRAMES frames reached: a voice does, a knock does not."""
        return self._loud[-1] if self._loud else self.loudest_dbfs

    @property
    def likely(self) -> OverlapClass | None:
        """What an overlap is, as far as is known. None: it is no overlap, or there is no classifier."""
        own, second = self.classified, self.second
        return own if own is None or second is None else with_second_opinion(own, second)

    @property
    def complete(self) -> bool:
        """Whether `transcript` covers all that was voiced."""
        return self._transcript_at >= self.spoken_until

    @property
    def spoken_until(self) -> int:
        """The end of the caller's last sound, without a later sound that is no word."""
        return self.last_voiced if self._ignored is None else self._ignored.words_until

    @property
    def paused_ms(self) -> int:
        """The longest pause inside the turn, without the one before a later sound that is no word or comes after it."""
        return self._paused_before(self._no_part)

    @property
    def prosody(self) -> NDArray[np.float64] | None:
        """How its last words sound, not a later sound that is no word or comes after them. None: not measured."""
        return self.measured if self._no_part is None else self._no_part.prosody

    @property
    def undecided(self) -> bool:
        """Whether a later sound has just begun, and may be no word."""
        return self.later is not None and self.later.is_new(self._last_frame)

    @property
    def _ignored(self) -> LaterSound | None:
        """The later sound, if it is no word. After few words it may well be the rest of the last one: "nooo"."""
        if self.later is None or not self.later.is_no_word(self._last_frame):
            return None
        return self.later if len(tokens(self.text)) >= STORY_WORDS else None

    @property
    def _no_part(self) -> LaterSound | None:
        """The later sound, if it is no word or comes after the turn."""
        return self._ignored or self.sound_after

    def _paused_before(self, later: LaterSound | None) -> int:
        return self.longest_pause_ms if later is None else later.pause_ms

    @property
    def text(self) -> str:
        """The words so far; none if the recognizer itself does not believe that it was speech."""
        return self.transcript.text.strip() if self.transcript and self.transcript.speech >= POSSIBLE_SPEECH else ""

    @property
    def unclear(self) -> bool:
        """Whether somebody spoke and the recognizer found no words."""
        return not self.text and ms(self._voice) >= SURE_VOICE_MS

    @property
    def sound_after(self) -> LaterSound | None:
        """The later sound, if the words are those before it and came only when it had begun: they were awaited."""
        later, at = self.later, self._transcript_at
        if later is None or self.recognition is None or not later.words_until <= at < later.began:
            return None
        return later if at + self.recognition >= later.began else None

    @property
    def words_until(self) -> int:
        """The end of the caller's last sound, without a later sound that is no word or comes after the turn."""
        return self.last_voiced if self._no_part is None else self._no_part.words_until

    def entry(self) -> CallerEntry:
        """For the ledger."""
        confidence = self.transcript.confidence if self.transcript else None
        return CallerEntry(self.text, confidence, self.onset, self.words_until, self.recognition)

    def is_backchannel(self, phrases: Phrases, extra: Sequence[str]) -> bool:
        """Whether the words so far are a backchannel; `extra` are more that count."""
        return is_backchannel(self.text, phrases, self.question, extra)

    def add(self, frame: VadFrame, now: int) -> None:
        """One frame that came at `now`."""
        self._last_frame = now
        self._unvoiced += FRAME_SAMPLES
        self.rise_db = frame.level_dbfs - frame.floor_dbfs
        if frame.voiced:
            gap_ms = ms(self._unvoiced - FRAME_SAMPLES)
            if gap_ms >= LATER_MS:
                pause_ms = self._paused_before(self._ignored)
                self.later = LaterSound(now, gap_ms, self.spoken_until, pause_ms, self.prosody)
            if gap_ms >= ENDED_MS:
                self.resumed_at = now
                if self.second is not None and self.second.word < WAS_WORD:
                    self.second = None
            self.longest_pause_ms = max(self.longest_pause_ms, gap_ms)
            self.last_voiced, self._unvoiced = now, 0
            self.evidence = max(self.evidence, frame.score)
            self.over_echo_db = max(self.over_echo_db, frame.level_dbfs - frame.echo_dbfs)
            self._voice += FRAME_SAMPLES if frame.speechlike >= SURE_VOICE else 0
        self.speechlike = frame.speechlike
        self.loudest_dbfs = max(self.loudest_dbfs, frame.level_dbfs)
        if len(self._loud) < LOUD_FRAMES or frame.level_dbfs > self._loud[-1]:
            self._loud = tuple(sorted((*self._loud, frame.level_dbfs), reverse=True)[:LOUD_FRAMES])

    def wait(self, now: int) -> None:
        """The sound is over, and its words are awaited: what came on the line until `now` is none of it."""
        self._unvoiced, self._last_frame = self._unvoiced + now - max(self._last_frame, self.last_voiced), now

    def take_opinion(self, second: SoundProbabilities) -> None:
        """What the recognizer takes the sound for. A late answer says nothing of a sound that goes on."""
        late = not self.waits and self._last_frame - self.asked_at > OPINION_LATE_SAMPLES
        before = self.asked_at < self.resumed_at and second.word < WAS_WORD
        if self.classified is not None and not (late or before):
            self.second = second

    def sound(self, now: int) -> OverlapSound:
        """What `follow_sound` and `classify_overlap` decide by."""
        voiced, known = ms(self.last_voiced - self.onset), ms(max(0, self._transcript_at - self.onset))
        levels = self.floor_dbfs, self.loudest_dbfs, self.background_speech_dbfs
        since, silent = ms(now - self.onset), self.silent_ms(now)
        by = self.caller_dbfs, self.likely, self.over_echo_db
        return OverlapSound(voiced, silent, self.speechlike, *levels, known, since, *by)

    def silent_ms(self, now: int) -> int:
        """Silence on the line since the last voiced frame. A line that sends nothing is silent, too.

        Not the time since then: with a ptime of 60 ms three frames come at once, and nothing in between.
        """
        waiting = now - max(self._last_frame, self.last_voiced)
        return ms(self._unvoiced + (waiting if waiting > MUTE_SAMPLES else 0))

    def wordless_ms(self, now: int) -> int:
        """Silence on the line since the caller's last words. A later sound that is no word counts as silence."""
        return self.silent_ms(now) if self._ignored is None else ms(now - self._ignored.words_until)

    def wants_transcript(self, now: int, after_ms: int, every: int | None = None) -> bool:
        """Whether to request the words now: after `after_ms` of silence, and after every `every` samples of a sound."""
        if self._requested or self.complete:
            return False
        goes_on = every is not None and now - max(self._transcript_at, self.onset) >= every
        self._requested = self.silent_ms(now) >= after_ms or goes_on
        return self._requested

    def set_transcript(self, transcript: Transcript, at: int) -> None:
        """The words up to sample `at`."""
        self.transcript, self._transcript_at, self._requested = transcript, at, False
