"""A second opinion on a sound over the agent's speech: what the recognizer takes it for, before there are any words.

The overlap classifier has learned from a few hundred people and decides with every frame. The encoder of a recognizer
has learned from very many. So it knows the words of a new voice better, but it takes a moment: it is asked twice.
"""

from __future__ import annotations

import math

from ..audio.pcm import samples
from .overlap_classifier import OverlapClass
from .transcript import SoundProbabilities

ASKED_MS = (260, 400)  # after the onset
LATEST_MS = 60  # after that: a sound that is an overlap only since then is longer than those it has learned from
BEFORE_SAMPLES = samples(100)  # of the line before the onset: what the sound rises from
SETTLED = 0.05  # the first answer is kept if it is so sure of a word, or of none
SHARE = 0.7  # of the log odds of a word that is the second opinion; the rest is the classifier's


def piece_to_judge(asked: int, since: int) -> int:
    """How many of the last samples of the line are to be judged now; 0 for none.

    `asked`: how often that was done for this sound, which began `since` samples ago.
    """
    due = asked < len(ASKED_MS) and 0 <= since - samples(ASKED_MS[asked]) <= samples(LATEST_MS)
    return since + BEFORE_SAMPLES if due else 0


def settled(second: SoundProbabilities | None) -> bool:
    """Whether asking again would hardly change the answer."""
    return second is not None and not SETTLED < second.word < 1 - SETTLED


def with_second_opinion(own: OverlapClass, second: SoundProbabilities) -> OverlapClass:
    """The classifier's `own` judgement of the sound so far, and the second opinion, in one."""
    log_odds = SHARE * _log_odds(second.word) + (1 - SHARE) * _log_odds(own.word)
    word = 1 / (1 + math.exp(-log_odds))
    backchannel, other = own.backchannel + second.backchannel, own.other + second.other
    share = backchannel / max(backchannel + other, 1e-9)
    return OverlapClass(word, (1 - word) * share, (1 - word) * (1 - share))


def _log_odds(probability: float) -> float:
    return math.log((probability + 0.001) / (1.001 - probability))
