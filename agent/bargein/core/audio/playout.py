"""What the caller has heard of an agent's turn, to the word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .growing import GrowingUtterance
from .utterance import Utterance, Word


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """An utterance as part of a reply: where it comes from and how it may be interrupted."""

    utterance: Utterance | GrowingUtterance
    step: str = ""
    interruptible: bool = True
    sensitivity: float | None = None
    question: bool = False
    repeated: bool = False
    overlap: str | None = None  # what a sound over it does, "duck" or "pause"; None: as configured
    duck_db: float | None = None
    filler: bool = False  # "One moment.": it bridges a wait and belongs to no reply


@dataclass(frozen=True, slots=True)
class Playout:
    """How much of one agent turn was played. `words` are the words heard, in samples from the call's start."""

    text: str  # of all segments of this turn
    heard_text: str
    unheard_text: str  # begins with the cut word
    cut_word: str
    cut_played_samples: int  # of the cut word
    played_samples: int
    started: int
    ended: int
    step: str
    words: tuple[Word, ...]


@dataclass(slots=True)
class Stretch:
    """A stretch of one segment that was sent without a break: segment samples first..last, sent at call sample `at`."""

    segment: Segment
    first: int
    last: int
    at: int

    @property
    def until(self) -> int:
        """The call sample at which it ends."""
        return self.at + self.last - self.first

    def leads_to(self, segment: Segment, begin: int, now: int) -> bool:
        """Whether sample `begin` of `segment`, sent at call sample `now`, belongs to this stretch."""
        return self.segment is segment and self.last == begin and self.at + begin - self.first == now


def playout_of(stretches: Sequence[Stretch], segments: Sequence[Segment]) -> Playout:
    """What was sent of these segments. `stretches` are in the order of sending."""
    heard: list[Word] = []
    unheard: list[str] = []
    cut_word, cut_played, played, step = "", 0, 0, ""
    for segment in segments:
        mine = [stretch for stretch in stretches if stretch.segment is segment]
        reached = max((stretch.last for stretch in mine), default=0)
        if mine:
            step = segment.step
            played += reached
        for word in segment.utterance.words:
            if mine and word.end <= reached:  # a bullet or a "$" may be a word of length 0, even at sample 0
                stretch = next((s for s in reversed(mine) if s.first < word.end <= s.last), mine[0])
                start = stretch.at + max(word.start, stretch.first) - stretch.first
                heard.append(Word(word.text, start, stretch.at + word.end - stretch.first))
            else:
                if word.start < reached:
                    cut_word, cut_played = word.text, reached - word.start
                unheard.append(word.text)
    return Playout(
        text=" ".join(segment.utterance.text for segment in segments),
        heard_text=" ".join(word.text for word in heard),
        unheard_text=" ".join(unheard),
        cut_word=cut_word,
        cut_played_samples=cut_played,
        played_samples=played,
        started=stretches[0].at if stretches else 0,
        ended=stretches[-1].until if stretches else 0,
        step=step,
        words=tuple(heard),
    )
