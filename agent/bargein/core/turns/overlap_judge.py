"""Decides the overlaps of one call: sounds of the caller while the agent has the floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..audio.pcm import samples
from ..audio.playout import Playout, Segment
from ..audio.utterance import Word
from ..language.idle import asking_words, is_correction, is_echo, may_be_any_sound, without_echo
from ..language.phrases import Phrases
from ..language.words import tokens
from .caller import STILL_SOUNDING_MS
from .endpoint import CallerTurn
from .overlap import (
    OverlapSettings,
    classify_overlap,
    counts_without_words,
    follow_sound,
    may_be_echo,
    surely_no_word,
)
from .reply import Listen
from .table import Event, State
from .transcript import Transcript

WORD = 0.2  # probability of a word above which a retracted onset still counts
REQUEST_OVERLAP_EVERY = samples(800)  # while a sound continues; most backchannels are over by then
REQUEST_OVERLAP_MS = 40  # silence after which the transcript of a sound over the agent's speech is requested
REQUEST_TURN_MS = 100  # the same in the caller's turn: the transcript has to be there when the turn ends
REQUEST_TURN_EVERY = samples(8000)  # while a caller talks without a pause: recognizers settle pieces of this length
NO_WORD = 0.15  # probability of a word below which the agent talks on at full level
NO_REQUEST = 0.3  # below which a reply begins over a sound
LIKELY_REQUEST = 0.5  # confidence of the recognizer that replaces a planned reply where words are likely ...
LIKELY_CORRECTION = 0.35  # ... if they are several words that ask for something else: no cough is written so
ECHO = samples(600)  # the agent's words come back at most this late


@dataclass(frozen=True, slots=True)
class OverlapJudge:
    """`now` is in samples of the call, as everywhere."""

    phrases: Phrases
    settings: OverlapSettings
    duck: bool  # lower the agent at the first evidence; False: it falls silent then
    duck_db: float  # how much lower

    def follow(self, turn: CallerTurn, now: int, paused_ms: int | None, segment: Segment | None) -> Event | None:
        """What this frame of the sound does to the agent, before any words are known.

        `paused_ms`: how long the agent has been silent; None: it talks. `segment`: what is being said; its own settings
        come first.
        """
        own = segment.overlap if segment is not None else None
        if own == "pause" or (own is None and not self.duck):
            return Event.SPEECH if paused_ms is None else None
        return follow_sound(turn.sound(now), paused_ms, self.settings.early)

    def is_late(self, turn: CallerTurn, now: int) -> bool:
        """Whether the agent has waited long enough for the words of a short sound, or of one that hardly has any."""
        late = turn.silent_ms(now) >= self.settings.patience_ms
        return late and not counts_without_words(turn.sound(now), self.settings)

    def insists(self, turn: CallerTurn) -> bool:
        """Whether the classifier takes the sound for a word although the detector retracts its onset.

        Not for a sound that may be our echo: the detector retracts it because the echo has moved.
        """
        echo = may_be_echo(turn.loudest_dbfs, turn.over_echo_db, self.settings)
        return turn.likely is not None and turn.likely.word >= WORD and not echo

    def depth_db(self, turn: CallerTurn, now: int, segment: Segment | None) -> float:
        """How much lower a ducked agent has to be now: 0 once the sound is over, or is surely no word."""
        if turn.silent_ms(now) >= STILL_SOUNDING_MS or (turn.likely is not None and turn.likely.word < NO_WORD):
            return 0.0
        own = segment.duck_db if segment is not None else None
        return self.duck_db if own is None else own

    def judge(
        self, turn: CallerTurn, now: int, state: State, playout: Callable[[], Playout], listen: Listen
    ) -> Event | None:
        """INTERRUPTION, FALSE_INTERRUPTION, or None to wait, for a sound over the agent's speech: the `playout`.

        While a reply is being planned only a new request is an interruption: words that ask for something.
        """
        thinking, backchannels = state is State.THINKING, listen.backchannels or ()
        asking, silent_ms = turn.question and not thinking, turn.silent_ms(now)
        if silent_ms >= self.settings.ended_ms and self._needs_no_words(turn, now, state):
            return Event.FALSE_INTERRUPTION
        words = turn.transcript if thinking else self._without_own(turn, playout)
        event = classify_overlap(turn.sound(now), words, self.phrases, asking, backchannels, self.settings)
        if not thinking or event is Event.FALSE_INTERRUPTION:
            return event
        if event is Event.INTERRUPTION and self._asks(turn, playout(), listen):
            return event
        known = turn.complete or silent_ms >= self.settings.patience_ms
        return Event.FALSE_INTERRUPTION if known and silent_ms >= self.settings.ended_ms else None

    def _without_own(self, turn: CallerTurn, playout: Callable[[], Playout]) -> Transcript | None:
        """The words to decide by: none where the recognizer doubts them, and they may be our echo."""
        words, doubted = turn.transcript, self.settings.echo_words
        if words is None or words.confidence >= doubted or turn.over_echo_db >= self.settings.no_echo_db:
            return words
        played = playout()
        said = [*_said_during(turn, played.words), *tokens(turn.cut_word or played.cut_word)]
        return replace(words, text="") if is_echo(tokens(words.text), said) else words

    def may_be_words(self, turn: CallerTurn) -> bool:
        """Whether words that were written for a sound over a planned reply count. Recognizers write some for "mm"."""
        return turn.likely is None or turn.likely.word >= self.settings.no_request

    def _asks(self, turn: CallerTurn, played: Playout, listen: Listen) -> bool:
        """Whether the sound is a new request, so that a planned reply no longer fits.

        What the agent says meanwhile, a filler, may come back as its echo. Words that the recognizer is not sure of
        may be any words. The caller would wait for another reply in vain.
        """
        said = _said_during(turn, played.words)
        asking = asking_words(without_echo(tokens(turn.text), said), self.phrases, listen.backchannels or ())
        if set(said).issuperset(asking) or not self.may_be_words(turn):
            return False
        least = self._least_confidence(turn, asking, listen, bool(said))
        return turn.transcript is None or turn.transcript.confidence >= least

    def _least_confidence(self, turn: CallerTurn, asking: Sequence[str], listen: Listen, echo: bool) -> float:
        """Of the recognizer in a new request. Lower where the sound is likely to be words, and no `echo` of ours."""
        if may_be_any_sound(asking, self.phrases, listen.hints, listen.expects.kind, listen.commands):
            return self.settings.few_words_confidence
        likely = turn.likely is not None and turn.likely.word >= self.settings.word_likely
        if not likely or echo:
            return self.settings.request_confidence
        correction = is_correction(asking, self.phrases, listen.hints, listen.commands)
        return LIKELY_CORRECTION if correction else LIKELY_REQUEST

    def _needs_no_words(self, turn: CallerTurn, now: int, state: State) -> bool:
        """Whether the classifier alone is sure that this is no word. Then the agent goes on without words."""
        if state is State.THINKING:
            return not self.may_be_words(turn)
        unknown = state is State.DUCKED and turn.transcript is None
        return unknown and surely_no_word(turn.sound(now), turn.question, self.settings)

    def wants_words(self, turn: CallerTurn, now: int, state: State) -> bool:
        """Whether to request the words now, see `CallerTurn.wants_transcript`. Not while the sound alone decides it.

        A silent agent needs the words of what is likely to be words only when the sound is over.
        """
        if self._needs_no_words(turn, now, state):
            return False
        likely = turn.likely is not None and turn.likely.word >= self.settings.word_likely
        if likely and state is State.PAUSED:
            return turn.wants_transcript(now, REQUEST_TURN_MS, REQUEST_TURN_EVERY)
        return turn.wants_transcript(now, REQUEST_OVERLAP_MS, REQUEST_OVERLAP_EVERY)

    def holds_reply(self, turn: CallerTurn | None, due: int | None, now: int) -> bool:
        """Whether a reply has to wait: the caller makes a sound that may be a new request.

        `due`: since when it could have begun. It waits no longer than a sound may be undecided: a television goes on.
        """
        if turn is None or (due is not None and now - due >= samples(2 * self.settings.noise_ms)):
            return False
        sounding = turn.silent_ms(now) < STILL_SOUNDING_MS
        return not (sounding and turn.likely is not None and turn.likely.word < NO_REQUEST)


def _said_during(turn: CallerTurn, words: Sequence[Word]) -> list[str]:
    """The agent's words that may be heard in this sound as its echo."""
    during = [word.text for word in words if word.start < turn.spoken_until and word.end + ECHO > turn.onset]
    return tokens(" ".join(during))
