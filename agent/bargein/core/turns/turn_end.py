"""When the caller's turn is over: by the sound of the last words, the words themselves, what the agent expects, and the
caller's own pace. Together they give one number, the silence that ends the turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import RATE
from ..language.completeness import Signs, completeness
from ..language.phrases import Phrases
from .endpoint import CallerTurn, EndpointSettings
from .reply import Listen
from .transcript import RECOGNIZER_LATE_MS, Transcript

MEASURED_MS = 100  # silence after which the sound of the last words is measured
RESUMES_DB = 14.0  # a frame this far above the background may be the caller who goes on ...
RESUMES_MS = 160  # ... and delays the answer by at most this
ENDING_RANGE = (-8.0, 6.0)  # log odds of a recognizer are clipped to these
PACE_MOST = 1.6
PACE_AFTER_CUT, PACE_AFTER_PAUSE, PACE_FORGETS = 1.35, 1.15, 0.9
LONG_PAUSE_MS = 700  # after a longer pause within a turn the agent waits longer in the next
PAUSED_MS, PAUSE_MARGIN_MS = 450, 250  # a caller who paused so long in this turn does it again: wait longer than that,
PAUSED_MOST_MS = 860  # but no longer than this
SHORT_ANSWERS = ("number", "date", "time", "name", "yes_no", "choice")  # a few words are all of it


Regression = Mapping[str, NDArray[np.float32]]
PARTS = ("mean", "scale", "weights", "bias")


@dataclass(frozen=True, slots=True)
class TurnEndModel:
    """Logistic regressions: log odds that a turn ends here.

    `sound` knows the sound alone, `words` the words as well, and `heard` goes with what the recognizer adds (`ended`).
    """

    heard: Regression
    words: Regression
    sound: Regression

    @classmethod
    def of(cls, weights: Regression) -> TurnEndModel:
        """From arrays `heard.mean`, `heard.scale`, `heard.weights`, `heard.bias`, and `words.` and `sound.` alike."""
        return cls(*({part: weights[f"{name}.{part}"] for part in PARTS} for name in ("heard", "words", "sound")))

    def log_odds(
        self,
        sound: NDArray[np.float64],
        seconds: float,
        ending: float | None,
        signs: Signs,
        ended: float | None = None,
    ) -> float:
        """`sound` is what `prosody` measures, `seconds` the turn's length, `ending` and `ended` as in `Transcript`."""
        known = known_of(sound, seconds)
        if ending is None and ended is None:
            return _regression(self.sound, known)
        known = [*known, *words_of(ending, signs)]
        return _regression(self.words, known) if ended is None else _regression(self.heard, known) + ended


def known_of(sound: NDArray[np.float64], seconds: float) -> list[float]:
    """What the regression `sound` knows."""
    return [*sound, float(np.log(max(seconds, 0.1)))]


def words_of(ending: float | None, signs: Signs) -> list[float]:
    """What the others know as well."""
    says = float(np.clip(ending, *ENDING_RANGE)) if ending is not None else 0.0
    return [says, *map(float, (signs.incomplete, signs.few, signs.introduction, signs.question))]


def _regression(weights: Regression, known: list[float]) -> float:
    z = np.clip((np.array(known) - weights["mean"]) * weights["scale"], -3, 3)
    return float(z @ weights["weights"] + weights["bias"][0])


@dataclass(slots=True)
class Pace:
    """How slowly this caller talks: 1.0 is usual. Waits are longer by this factor."""

    factor: float = 1.0
    turns: int = 0  # of the caller
    cut_offs: int = 0  # of the caller by the agent

    def turn_ended(self, longest_pause_ms: int) -> None:
        """A turn has ended that had pauses up to this long inside."""
        self.turns += 1
        if longest_pause_ms >= LONG_PAUSE_MS:
            self._slower(PACE_AFTER_PAUSE)
        else:
            self.factor = 1 + (self.factor - 1) * PACE_FORGETS

    def cut_off(self) -> None:
        """The agent answered, and the caller was not done."""
        self.cut_offs += 1
        self._slower(PACE_AFTER_CUT)

    def _slower(self, by: float) -> None:
        self.factor = min(PACE_MOST, self.factor * by)


class TurnEnd:
    """Decides for one call when a turn of the caller is over."""

    def __init__(self, phrases: Phrases, settings: EndpointSettings, model: TurnEndModel | None = None) -> None:
        self.pace = Pace()
        self._phrases = phrases
        self._settings = settings
        self._model = model
        self._known: tuple[object, ...] = ()  # what `_wanted_ms` follows from
        self._wanted_ms = 0

    def measure(self, turn: CallerTurn, now: int, prosody: Callable[[], NDArray[np.float64] | None]) -> None:
        """Measure the sound of the last words, once in each silence. `prosody` measures the line up to now."""
        new = turn.measured_at < turn.spoken_until and turn.silent_ms(now) >= MEASURED_MS
        if self._model is not None and new:
            turn.measured, turn.measured_at = prosody(), turn.spoken_until

    def is_over(self, turn: CallerTurn, now: int, listen: Listen, before: str = "") -> bool:
        """Whether the caller's silence ends the turn. `before`: what the caller has said of it in earlier sounds.

        Where the words come late, the silence that would have ended it may be over: what sounds now is a new turn.
        """
        silent_ms = turn.wordless_ms(now)
        if not turn.complete:
            after = turn.sound_after
            was_over = after is not None and after.gap_ms >= self.silence_ms(turn, listen, before)
            return was_over or silent_ms >= RECOGNIZER_LATE_MS
        known = (turn.id, turn.spoken_until, turn.paused_ms, turn.measured_at, turn.transcript, listen, before)
        if known != self._known:  # once in each silence, not in each of its frames
            self._known, self._wanted_ms = known, self.silence_ms(turn, listen, before)
        wanted_ms = self._wanted_ms
        resumes = turn.rise_db >= RESUMES_DB and silent_ms < wanted_ms + RESUMES_MS
        return silent_ms >= wanted_ms and not resumes

    def silence_ms(self, turn: CallerTurn, listen: Listen, before: str = "") -> int:
        """The silence that ends the turn, in ms, given its words so far."""
        settings, text = self._settings, " ".join(filter(None, (before, turn.text)))
        if not text:
            return settings.min_ms
        whole = completeness(text, self._phrases, listen.expects, listen.hints)
        if listen.dictated and whole is not None:
            return settings.min_ms if whole else settings.number_ms
        if whole is True:
            return settings.min_ms
        story = listen.expects.kind == "text"
        signs = Signs.of(text, self._phrases, whole is False) if story else Signs(whole is False)
        log_odds = self._log_odds(turn, signs)
        wait_ms = settings.graded_ms(log_odds)
        if story:
            wait_ms = self._story_ms(wait_ms, signs, log_odds)
        elif whole is False:
            wait_ms = settings.max_ms
        elif listen.expects.kind in SHORT_ANSWERS:
            wait_ms = min(wait_ms, settings.short_ms)
        if turn.paused_ms >= PAUSED_MS:
            wait_ms = max(wait_ms, min(turn.paused_ms + PAUSE_MARGIN_MS, PAUSED_MOST_MS))
        return self._paced(min(wait_ms, settings.max_ms))

    def _story_ms(self, graded_ms: int, signs: Signs, log_odds: float | None) -> int:
        """Where the caller talks freely: a few words or a name are seldom all that there is to say."""
        settings = self._settings
        if log_odds is None:
            return settings.max_ms if signs.incomplete else max(graded_ms, settings.story_ms)
        if signs.few:
            return settings.open_ms if graded_ms < settings.open_ms else settings.max_ms
        if signs.introduction:
            return settings.open_ms if graded_ms <= settings.open_ms else settings.max_ms
        return max(graded_ms, settings.story_ms)

    def _log_odds(self, turn: CallerTurn, signs: Signs) -> float | None:
        if self._model is None or turn.prosody is None:
            return None
        words, seconds = turn.transcript or Transcript(""), (turn.words_until - turn.onset) / RATE
        return self._model.log_odds(turn.prosody, seconds, words.ending, signs, words.ended)

    def _paced(self, wait_ms: int) -> int:
        extra = (wait_ms - self._settings.min_ms) * (self.pace.factor - 1)
        return int(wait_ms + max(0.0, extra))
