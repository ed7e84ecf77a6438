"""The playback cursor: what the agent says next, to the sample."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

import numpy as np

from .growing import GrowingUtterance
from .pcm import FRAME_SAMPLES, RATE, SILENCE, WIDE, WIDE_FRAME_SAMPLES, WIDE_SILENCE, Pcm, samples
from .playout import Playout, Segment, Stretch, playout_of
from .twin import FADE_SAMPLES, fallen, peak_of, risen, twin
from .utterance import Utterance

GAP_SAMPLES = samples(180)  # a breath between two sentences
QUIET_PEAK = 130  # -48 dBFS
BACK_UP_SAMPLES = samples(40)  # a resumption starts at least this much before the cut, so that nothing is lost
DUCK_DB = 12.0  # the default depth of a duck
DUCK_SAMPLES = samples(10)  # from full level to ducked
RISE_SAMPLES = samples(80)  # and back
SOFT_PEAK = 700  # -33 dBFS: what is softer is not lowered further, so that a ducked agent stays audible
REFILL_SAMPLES = samples(400)  # of a sentence that had run dry, before it goes on: one long pause is better than many
PART_SAMPLES = samples(5)  # this is decided for so many samples at a time
_PART = np.arange(1, PART_SAMPLES + 1)


class _Mode(Enum):
    PLAYING = auto()
    FADING = auto()  # the next frame is the last and fades out
    HELD = auto()


class Playback:
    """Segments in, one frame a tick out. `now` is always the call's sample count at the start of the frame.

    With `wideband` each frame has a twin at 16 kHz: `wide`, 320 samples. All else counts and decides at 8 kHz.
    """

    def __init__(self, wideband: bool = False) -> None:
        self.wide: Pcm | None = WIDE_SILENCE if wideband else None  # the twin of the last frame
        self.underruns = 0  # pauses within a sentence, because more of it had not come in time
        self._dry = False  # in such a pause
        self._queue: deque[Segment] = deque()
        self._segment: Segment | None = None
        self._at = 0  # cursor in the segment
        self._gap = 0  # samples of silence still due before the next segment
        self._mode = _Mode.PLAYING
        self._fade_in = False
        self._gain = self._wanted_gain = 1.0
        self._sent: Pcm = SILENCE  # the last frame of sound
        self._sent_wide = WIDE_SILENCE
        self._tail: tuple[Pcm, Pcm | None] | None = None  # the fade of a turn that was ended before it was sent
        self._stretches: list[Stretch] = []

    @property
    def segment(self) -> Segment | None:
        """The segment under the cursor, or the next one."""
        return self._segment or (self._queue[0] if self._queue else None)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to say."""
        return self._segment is None and not self._queue

    @property
    def replying(self) -> bool:
        """Whether the segment now, or the next one, belongs to a reply."""
        return (segment := self.segment) is not None and not segment.filler

    @property
    def interruptible(self) -> bool:
        """Whether what is said now, or next, may be interrupted."""
        return (segment := self.segment) is None or segment.interruptible

    @property
    def question(self) -> bool:
        """Whether what is said now, or next, is a question. If there is nothing to say: what was said last."""
        last = self._stretches[-1].segment if self._stretches else None
        return (segment := self.segment or last) is not None and segment.question

    @property
    def started(self) -> int | None:
        """The call sample at which this turn began to be sent; None before that."""
        return self._stretches[0].at if self._stretches else None

    @property
    def ended(self) -> int:
        """The call sample at which this turn was last sent; 0 before that."""
        last = self._stretches[-1] if self._stretches else None
        return 0 if last is None else last.until

    @property
    def saying(self) -> str:
        """The words of the segment under the cursor that have begun; "" between segments."""
        words = self._segment.utterance.words if self._segment is not None else ()
        return " ".join(word.text for word in words if word.start < self._at)

    @property
    def changes(self) -> bool:
        """Whether a filler is over and a reply comes next, or the other way round. The two are turns of their own."""
        next_one = self._queue[0] if self._queue and self._segment is None else None
        return next_one is not None and bool(self._stretches) and next_one.filler != self._stretches[-1].segment.filler

    def enqueue(self, segment: Segment) -> None:
        self._queue.append(segment)

    def forget_filler(self) -> None:
        """Do not say a filler that has not begun."""
        if self._segment is None and self._queue and self._queue[0].filler:
            self._queue.popleft()

    def next_frame(self, now: int) -> Pcm:
        """160 samples to be sent at call sample `now`."""
        if (frame := self.next_of_segment(now)) is not None:
            return frame
        if self._tail is not None:
            (tail, self.wide), self._tail = self._tail, None
            return tail
        if self._mode is _Mode.HELD or self.idle or (self._dry and not self._refilled()):
            return self.silence()
        dries = self._mode is _Mode.PLAYING and self._runs_dry()
        frame = np.zeros(FRAME_SAMPLES, np.int16)
        wide = None if self.wide is None else np.zeros(WIDE_FRAME_SAMPLES, np.int16)
        fades = dries or self._mode is _Mode.FADING
        filled, limit = 0, FADE_SAMPLES if fades else FRAME_SAMPLES
        while filled < limit and not self.idle:
            rest = None if wide is None else wide[WIDE * filled : WIDE * limit]
            filled += self._play(frame[filled:limit], rest, now + filled)
        frame, wide = self._ducked(frame, wide)
        if fades:
            frame, wide = fallen(frame, self._sent), None if wide is None else fallen(wide, self._sent_wide)
            self._mode, self._dry = (_Mode.PLAYING, True) if dries else (_Mode.HELD, False)
            self.underruns += dries
        if self._fade_in:
            frame, wide = risen(frame), None if wide is None else risen(wide)
            self._fade_in = False
        return self._send(frame, wide)

    def next_of_segment(self, now: int) -> Pcm | None:
        """The frame, if it is exactly the next 160 samples of the segment under the cursor: most frames of a call are.

        They are not copied.
        """
        segment = self._segment
        if segment is None or self._tail is not None or self._mode is not _Mode.PLAYING or self._fade_in or self._dry:
            return None
        said, begin, end = segment.utterance, self._at, self._at + FRAME_SAMPLES
        stretch = self._stretches[-1] if self._stretches else None
        if stretch is None or not stretch.leads_to(segment, begin, now):
            return None
        if end >= len(said.pcm) or (said.grows and self._runs_dry()):
            return None
        stretch.last = self._at = end
        return self._send(*self._ducked(said.pcm[begin:end], None if self.wide is None else twin(said, begin, end)))

    def silence(self) -> Pcm:
        """160 samples of silence, in which the cursor stays where it is."""
        if self.wide is not None:
            self.wide = WIDE_SILENCE
        return SILENCE

    def _send(self, frame: Pcm, wide: Pcm | None) -> Pcm:
        self._sent = frame
        if wide is not None:
            self.wide = self._sent_wide = wide
        return frame

    def _runs_dry(self) -> bool:
        """Whether the frame after the next one has not come yet. The next one then ends with a fade."""
        segment = self._segment
        if segment is None or not segment.utterance.grows:
            return False
        return len(segment.utterance.pcm) - self._at < 2 * FRAME_SAMPLES

    def _refilled(self) -> bool:
        """Whether a sentence that had run dry goes on, from just before its fade. If it broke off, it is over."""
        assert self._segment is not None
        utterance = self._segment.utterance
        if utterance.grows and len(utterance.pcm) - self._at < REFILL_SAMPLES:
            return False
        self._dry = False
        if utterance.broken or self._at >= len(utterance.pcm):
            self._segment, self._gap = None, 0
            return not self.idle
        self._at = max(0, self._at - FADE_SAMPLES - BACK_UP_SAMPLES)
        self._fade_in = True
        return True

    def _play(self, out: Pcm, wide: Pcm | None, now: int) -> int:
        """Copy what comes next into `out`, and its twin into `wide`. Returns the number of samples at 8 kHz."""
        if self._segment is None:
            if self._gap:
                count = min(self._gap, len(out))
                self._gap -= count
                return count
            self._segment, self._at = self._queue.popleft(), 0
        segment = self._segment
        count = max(0, min(len(out), len(segment.utterance.pcm) - self._at))  # the end may have been cut off meanwhile
        out[:count] = segment.utterance.pcm[self._at : self._at + count]
        if wide is not None:
            wide[: WIDE * count] = twin(segment.utterance, self._at, self._at + count)
        stretch = self._stretches[-1] if self._stretches else None
        if stretch is not None and stretch.leads_to(segment, self._at, now):
            stretch.last += count
        else:
            self._stretches.append(Stretch(segment, self._at, self._at + count, now))
        self._at += count
        if self._at >= len(segment.utterance.pcm):
            if segment.utterance.grows:
                return len(out)  # nothing for the rest of this frame; then it has run dry
            self._segment, self._gap = None, GAP_SAMPLES
        return count

    def duck(self, depth_db: float = DUCK_DB) -> None:
        """Talk on at `depth_db` below full level. 0 dB ends the duck."""
        self._wanted_gain = min(1.0, 10 ** (-depth_db / 20))

    def _ducked(self, frame: Pcm, wide: Pcm | None) -> tuple[Pcm, Pcm | None]:
        """The frame and its twin, with the gain moved to the wanted one, sample by sample, so that no step is audible.

        Where the agent is soft it is lowered less: what can no longer be heard would end without a fade.
        """
        if self._gain == self._wanted_gain == 1:
            return frame, wide
        gains, gain = np.empty(FRAME_SAMPLES), self._gain
        for part, out in zip(frame.reshape(-1, PART_SAMPLES), gains.reshape(-1, PART_SAMPLES), strict=True):
            loudest = max(int(np.max(part)), -int(np.min(part)), 1)
            wanted = max(self._wanted_gain, min(1.0, SOFT_PEAK / loudest))
            if wanted < gain:
                out[:] = np.maximum(gain - _PART / DUCK_SAMPLES, wanted)
            else:
                out[:] = np.minimum(gain + _PART / (RISE_SAMPLES if self._wanted_gain == 1 else DUCK_SAMPLES), wanted)
            gain = float(out[-1])
        self._gain = gain
        if wide is not None:
            wide = np.asarray(np.round(wide * np.repeat(gains, WIDE)), np.int16)
        return np.asarray(np.round(frame * gains), np.int16), wide

    def pause(self) -> None:
        """Fade out with the next frame and hold the cursor. If the last samples were silent, stop without a fade.

        The fade is no louder than the last samples sent. Otherwise the attack of the next word could click.
        """
        if self._mode is _Mode.PLAYING:
            quiet = self.idle or self._dry or peak_of(self._sent) < QUIET_PEAK
            self._mode = _Mode.HELD if quiet else _Mode.FADING

    def resume(self, at_once: bool = False) -> None:
        """Go on with a fade in from the start of the word that was cut, or `at_once` from just before it faded out.

        `at_once` is for a pause that the caller hardly noticed. A repeated word would be noticed.
        """
        if self._mode is _Mode.HELD:
            if self._segment is not None:
                back = max(0, self._at - FADE_SAMPLES - BACK_UP_SAMPLES)
                self._at = back if at_once else restart_point(self._segment.utterance, self._at)
            elif self._stretches and self._gap > GAP_SAMPLES - FADE_SAMPLES:  # stopped in the last sounds of a segment
                self._segment = self._stretches[-1].segment
                self._at = restart_point(self._segment.utterance, len(self._segment.utterance.pcm))
            self._fade_in = True
        self._mode = _Mode.PLAYING

    def playout(self) -> Playout:
        """How much of this turn has been sent so far."""
        return playout_of(self._stretches, [*self._begun(), *self._queue])

    def split(self) -> Playout:
        """End the turn here and keep the rest, which is the next turn."""
        heard = playout_of(self._stretches, self._begun())
        self._stretches = []
        return heard

    def forget_rest(self) -> None:
        """What has not begun to play was never meant."""
        self._queue.clear()

    def cut(self, now: int) -> Playout:
        """End the turn here and drop the rest. The cursor is free for the next turn.

        A fade that is due is still sent with the frame at `now`.
        """
        if self._mode is _Mode.FADING:
            wide = self.wide
            self._tail, self.wide = (self.next_frame(now), self.wide), wide
        heard = self.playout()
        self._queue.clear()
        self._stretches = []
        self._segment, self._at, self._gap = None, 0, 0
        self._mode, self._fade_in, self._dry = _Mode.PLAYING, False, False
        self._gain = self._wanted_gain = 1.0
        return heard

    def _begun(self) -> list[Segment]:
        segments: list[Segment] = []
        for stretch in self._stretches:
            if not segments or segments[-1] is not stretch.segment:
                segments.append(stretch.segment)
        return segments


def restart_point(utterance: Utterance | GrowingUtterance, at: int) -> int:
    """Where to go on after a cut at sample `at`: the start of the cut word, at least 40 ms back.

    A recording without word timings goes back to its last pause of 20 ms, or the quietest place within 0.5 s.
    """
    latest = max(0, at - BACK_UP_SAMPLES)
    for word in utterance.words:
        if word.start < at <= word.end:
            return min(word.start, latest)
    if utterance.words:
        return latest
    block = RATE // 100
    blocks = (at - max(0, at - samples(600))) // block
    if blocks < 8:
        return latest
    window = utterance.pcm[at - blocks * block : at].astype(np.float64).reshape(blocks, block)
    level = 10 * np.log10(np.mean(window**2, axis=1) + 1.0)
    quiet = level < level.max() - 18
    after = blocks - 1 - int(np.flatnonzero(~quiet)[-1])
    if after:  # stopped in a pause: no word was cut
        return max(0, at - after * block - BACK_UP_SAMPLES)
    earlier = blocks - (at - latest) // block
    pauses = np.flatnonzero(quiet[1:earlier] & quiet[: earlier - 1])
    chosen = int(pauses[-1]) + 1 if len(pauses) else int(np.argmin(level[:earlier]))
    return at - (blocks - chosen) * block
