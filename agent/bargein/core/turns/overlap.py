"""Decides an overlap, a sound over the agent's speech: first by the sound, frame by frame, then by its words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..detector.vad_frame import BACKGROUND_SPEECH_DBFS
from ..language.intent import is_backchannel
from ..language.phrases import Phrases
from ..language.words import joined, tokens
from .overlap_classifier import OverlapClass
from .table import Event
from .transcript import RECOGNIZER_LATE_MS, SoundProbabilities, Transcript

REQUEST = -0.3  # log odds
ENDED_MS = 60
Schedule = tuple[tuple[int, float], ...]  # (ms since the onset, probability), straight lines between


@dataclass(frozen=True, slots=True)
class EarlySettings:
    """When the sound alone stops the agent, and when a paused agent goes on. See `follow_sound`."""

    stop: Schedule = (
        (80, 0.6),
        (110, 0.4),
        (165, 0.15),
        (180, 0.05),
        (230, 0.05),
        (260, 0.7),
        (500, 0.7),
        (800, 0.4),
        (1500, 0.3),
    )
    voice: float = 0.98  # `OverlapSound.speechlike` from which the detector is sure of a voice ...
    voice_ms: int = 170  # ... this long after the onset, when most sounds have shown what they are ...
    voice_factor: float = 0.35  # ... and `unnoticed` and `go_on` are multiplied by this
    short_ms: int = 200  # a shorter sound that silence follows is no word: the shortest words have 280 ms ...
    short_word: float = 0.5  # ... unless the classifier takes it for one: the word may go on
    unnoticed_ms: tuple[int, int] = (150, 180)  # a pause that ends at this age is hardly noticed ...
    unnoticed: float = 0.115  # ... so the agent goes on now or listens until it is sure
    go_on: Schedule = ((140, 0.0), (220, 0.002), (300, 0.004), (360, 0.008), (600, 0.03), (900, 0.1), (1500, 0.15))
    noticed_ms: int = 340  # a pause that is longer has shown a caller who talks that the agent listens, so ...
    no_word: float = 0.1  # ... below this the agent goes on, and words may still stop it ...
    no_word_over: float = 0.2  # ... and below this once the sound is over


@dataclass(frozen=True, slots=True)
class OverlapSettings:
    """When an overlap is over. Times in ms of the caller's sound."""

    early: EarlySettings = EarlySettings()
    lasts_ms: int = 1100  # a longer sound is an interruption if it is likely to be words, though none are known yet
    ended_ms: int = ENDED_MS  # silence after which the sound is over
    patience_ms: int = 1500  # silence without words after which a silent agent goes on; the words may still stop it ...
    late_ms: int = 500  # ... and a longer sound counts as an interruption
    noise_ms: int = 1500  # over a longer sound that is no speech, or a backchannel so far, the agent goes on
    over_echo_db: float = 7.0  # a sound that is never so much louder than what may be our echo is our echo ...
    loud_echo_dbfs: float = BACKGROUND_SPEECH_DBFS  # ... unless it is softer than this: a quiet caller, and no echo
    echo_words: float = 0.7  # what the agent itself has just said, with less confidence, is as good as no words ...
    no_echo_db: float = 20.0  # ... unless the sound is so much louder than what may be our echo
    no_voice: float = 0.12  # below, from `no_voice_ms` on: no voice, no need to wait for words
    no_voice_ms: int = 280
    no_voice_word: float = 0.05  # ... unless the classifier takes it for a word as likely as this
    surely_none: float = 0.02  # likelihood of a word below which the recognizer is not asked, see `surely_no_word`
    no_request: float = 0.1  # ... below which a planned reply stays, whatever words the recognizer writes
    request_confidence: float = 0.55  # of the recognizer, below which a planned reply stays, too ...
    few_words_confidence: float = 0.7  # ... and below this for a word or two that may be written for any sound
    word_likely: float = 0.5  # above, words can wait until the sound is over: the agent is silent in any case
    # For a recognizer with `sound_probabilities`:
    near_db: float = 6.0  # without words, a caller is so much louder than other people in the room
    word_sure: float = 0.25  # above, it was a word though none was written, or only "oh"
    not_yeah: float = 0.75  # likelihood of a word by the classifier above which "yeah" was written for another word ...
    surely_not_yeah: float = 0.95  # ... and above this, whatever it sounds like to the recognizer
    other_sure: float = 0.7  # above, it was none ...
    sentence_words: int = 3  # ... unless this many different words were written, as for no cough
    doubtful_words: tuple[int, float] = (2, 0.3)  # so few words, with less confidence, are as good as none
    without_words: float = 0.6  # likelihood of a word below which a sound without words is nothing
    yeah: float = 0.6  # probability of a backchannel above which "yes" was written for "yeah"
    backchannel_sure: float = 0.99  # above, a backchannel over a statement was written as something else ...
    backchannel_confidence: float = 0.5  # ... if the recognizer was less sure of it than this
    # For one without: `Transcript.speech` plus half of `VadFrame.speechlike`.
    belief: float = 0.85  # coughs stay below, words above
    wordless: float = 1.0  # the same where it found no words
    sure_voice: float = 0.85  # above, for `sure_voice_ms`, the detector is believed ...
    sure_voice_ms: int = 600
    sure_voice_speech: float = 0.25  # ... if the recognizer does not rule it out
    noisy_dbfs: tuple[float, float] = (-50.0, -38.0)  # between these background levels recognizers become less sure ...
    noisy_belief: float = 0.45  # ... by up to this much


@dataclass(frozen=True, slots=True)
class OverlapSound:
    """The caller's sound so far."""

    voiced_ms: int  # from its onset to its last voiced frame
    silent_ms: int  # since then
    speechlike: float  # 0 to 1: like speech rather than a cough
    floor_dbfs: float = -60.0  # the background
    loudest_dbfs: float = 0.0  # of a frame since the onset
    background_speech_dbfs: float = BACKGROUND_SPEECH_DBFS  # a sound that stays below is somebody else in the room
    known_ms: int = 0  # from its onset to where the words reach
    since_ms: int = 0  # from its onset to now
    caller_dbfs: float = -100.0  # the caller is louder than this, as far as is known
    likely: OverlapClass | None = None  # by the classifier; None if there is none
    over_echo_db: float = 100.0  # the most that a frame of it was above what may be our echo


def at(schedule: Schedule, since_ms: float) -> float:
    """The probability of a schedule at this time after the onset."""
    before = schedule[0]
    for point in schedule:
        if point[0] >= since_ms:
            share = (since_ms - before[0]) / max(1, point[0] - before[0])
            return before[1] + min(1.0, max(0.0, share)) * (point[1] - before[1])
        before = point
    return before[1]


def follow_sound(sound: OverlapSound, paused_ms: int | None, settings: EarlySettings = EarlySettings()) -> Event | None:
    """Decides by the sound alone, before any words are known: SPEECH, NO_SPEECH, or None for no change.

    SPEECH stops a ducked agent. The threshold is high at first, so that only clear words stop it. It falls until 180 ms
    after the onset, because whoever may be talking has to get the floor by then. After that it rises: a sound that has
    not stopped the agent so far is probably no word, unless it goes on.

    `paused_ms`: how long the agent has been silent; None: it talks. NO_SPEECH lets it talk on. A pause of less than
    0.2 s costs nothing, so shortly before that a word only has to be unlikely. After 0.3 s the caller has the floor in
    any case, so a sound that is probably no word ends the pause: its words may still stop the agent. In between, the
    classifier has to be sure. A click that is over is no word. In a pause that the caller hardly noticed, the bar is
    lower where the detector is sure of a voice: a voice that is new to the classifier may look like no word to it.
    """
    if sound.loudest_dbfs < sound.caller_dbfs:
        return Event.NO_SPEECH if paused_ms is not None else None
    if sound.likely is None:
        return Event.SPEECH if paused_ms is None else None
    short = sound.voiced_ms < settings.short_ms and sound.likely.word < settings.short_word
    if short and sound.silent_ms >= ENDED_MS:
        return Event.NO_SPEECH if paused_ms is not None else None
    if paused_ms is None:
        return Event.SPEECH if sound.likely.word >= at(settings.stop, sound.since_ms) else None
    return Event.NO_SPEECH if sound.likely.word < _going_on(sound, paused_ms, settings) else None


def _going_on(sound: OverlapSound, paused_ms: int, settings: EarlySettings) -> float:
    """The likelihood of a word below which a silent agent talks on."""
    sure = sound.speechlike >= settings.voice and sound.since_ms >= settings.voice_ms
    first, last = settings.unnoticed_ms
    bar = max(settings.unnoticed if first <= paused_ms <= last else 0.0, at(settings.go_on, sound.since_ms))
    bar *= settings.voice_factor if sure else 1.0
    if paused_ms < settings.noticed_ms:
        return bar
    return max(bar, settings.no_word_over if sound.silent_ms >= ENDED_MS else settings.no_word)


def may_be_echo(loudest_dbfs: float, over_echo_db: float, settings: OverlapSettings = OverlapSettings()) -> bool:
    """Whether our echo explains a sound. The canceller is never quite sure, so a soft sound would always be one."""
    return over_echo_db < settings.over_echo_db and loudest_dbfs >= settings.loud_echo_dbfs


def surely_no_word(sound: OverlapSound, question: bool, settings: OverlapSettings = OverlapSettings()) -> bool:
    """Whether the classifier is so sure that a sound is no word that the recognizer need not be asked.

    Few are: 4 of 1,320 simulated overlaps of speakers left out of training. With 0.03 it would be 53, 11 of them words.
    """
    return sound.likely is not None and sound.likely.word <= settings.surely_none and not question


def classify_overlap(
    sound: OverlapSound,
    words: Transcript | None,
    phrases: Phrases,
    question: bool = False,
    extra: Sequence[str] = (),
    settings: OverlapSettings = OverlapSettings(),
) -> Event | None:
    """INTERRUPTION, FALSE_INTERRUPTION, or None to wait. The first of these that fits:

    no voice, or never loud enough          nothing, once it is over or has lasted for `no_voice_ms`. The room and our
                                            echo are what it has to be louder than
    no words yet                            wait; `_without_words` says for how long
    over, and the words cover all of it     by the words; where they tell nothing ("oh", a guess), by the sound
    goes on, so far a backchannel or none   wait for more words
    words that are no backchannel           an interruption at once

    `question`: the agent has asked; `extra`: more backchannel words.
    """
    over, complete = sound.silent_ms >= settings.ended_ms, sound.known_ms >= sound.voiced_ms
    waited = sound.known_ms >= settings.lasts_ms or sound.voiced_ms >= 2 * settings.noise_ms
    drawn_out = sound.voiced_ms >= settings.noise_ms and waited  # words would have shown
    spoken = tokens(words.text) if words else []
    believed = words is not None and _believed(sound, words, spoken, settings)
    word_likely = sound.likely is not None and sound.likely.word >= settings.no_voice_word
    no_caller = sound.speechlike < settings.no_voice and not believed and not (word_likely and not over)
    soft = sound.loudest_dbfs < max(sound.background_speech_dbfs, sound.caller_dbfs)
    if no_caller or soft or may_be_echo(sound.loudest_dbfs, sound.over_echo_db, settings):
        return Event.FALSE_INTERRUPTION if over or sound.voiced_ms >= settings.no_voice_ms else None
    if words is None:
        return _without_words(sound, over, settings)
    guessed = _is_guess(sound, words, spoken, phrases, settings)
    backchannel = is_backchannel(words.text, phrases, question, extra) and not guessed
    unclear = is_unclear(spoken, phrases, question) or (not question and _sounds_like_backchannel(words, settings))
    if sound.likely is not None and words.sound_probabilities is not None and not question:
        heard, counts = words.sound_probabilities, _words_count(words, spoken, phrases, settings)
        nothing = not counts and _no_word_is_likely(sound, sound.likely, spoken, settings)
        yeah = bool(spoken) and heard.backchannel >= settings.yeah and phrases.unclear.issuperset(spoken)
        backchannel = backchannel or (yeah and not guessed)
        request = not (backchannel or nothing) and _request(sound.likely, heard, spoken)
        if over and complete:
            return Event.INTERRUPTION if request else Event.FALSE_INTERRUPTION
        believed = believed and request
    if over and complete:
        if believed and unclear and words.sound_probabilities is not None:
            likely = words.sound_probabilities.word + (
                words.sound_probabilities.backchannel if question and not spoken else 0
            )
            return Event.INTERRUPTION if likely >= settings.word_sure else Event.FALSE_INTERRUPTION
        return Event.INTERRUPTION if believed and not backchannel else Event.FALSE_INTERRUPTION
    if not over and (backchannel or not believed):
        return Event.FALSE_INTERRUPTION if drawn_out else None
    if believed and not (backchannel or unclear) and (len(spoken) > 1 or spoken[0] in phrases.urgent):
        return Event.INTERRUPTION
    return _without_words(sound, over, settings)


def _believed(sound: OverlapSound, words: Transcript, spoken: Sequence[str], settings: OverlapSettings) -> bool:
    """Whether it was speech at all, and not a cough that was written as a word."""
    if words.sound_probabilities is not None:
        return words.sound_probabilities.other < settings.other_sure or len(set(spoken)) >= settings.sentence_words
    quiet, noisy = settings.noisy_dbfs
    lost = settings.noisy_belief * min(1.0, max(0.0, (sound.floor_dbfs - quiet) / (noisy - quiet)))
    belief = words.speech + sound.speechlike / 2 + lost
    if sound.speechlike >= settings.sure_voice and sound.voiced_ms >= settings.sure_voice_ms:
        belief = max(belief, settings.wordless) if words.speech >= settings.sure_voice_speech else belief
    return belief >= (settings.belief if spoken else settings.wordless) and not is_stretched(spoken)


def _words_count(words: Transcript, spoken: Sequence[str], phrases: Phrases, settings: OverlapSettings) -> bool:
    """Whether the recognizer wrote words that say something: more than a word or two that it hardly believes, and not
    what it writes for a cry. "Stop", "no" and "operator" count in any case: to talk over them is the worst mistake."""
    if not spoken or is_stretched(spoken):
        return False
    most, least = settings.doubtful_words
    urgent = not phrases.urgent.isdisjoint(spoken) or any(
        phrases.matches(rule, joined(spoken)) for rule in ("agent", "stop")
    )
    return urgent or len(spoken) > most or words.confidence >= least


def _no_word_is_likely(
    sound: OverlapSound, likely: OverlapClass, spoken: Sequence[str], settings: OverlapSettings
) -> bool:
    """Where no words count. Where the recognizer wrote nothing, other people in the room are nothing, either.

    What lets a silent agent talk on must not stop it again without words.
    """
    room = not spoken and sound.loudest_dbfs < sound.background_speech_dbfs + settings.near_db
    return likely.word < settings.without_words or room


def _request(likely: OverlapClass, recognized: SoundProbabilities, spoken: Sequence[str]) -> bool:
    """Whether the caller said something, by the sound, the number of words and the recognizer's doubt.

    A logistic regression over 718 overlaps of speakers that the classifier was not trained on. Whether the recognizer
    heard a word or a backchannel tells nothing more.
    """
    by_words, by_sound = 0.35 * min(len(spoken), 4), 0.65 * _log_odds(likely.word)
    return by_words + by_sound - 0.31 * _log_odds(recognized.other) >= REQUEST


def _is_guess(
    sound: OverlapSound, words: Transcript, spoken: Sequence[str], phrases: Phrases, settings: OverlapSettings
) -> bool:
    """Whether a backchannel was written for other words: it sounds like a word to the classifier and to the recognizer.

    "Yeah" and "oh" are written for "yes" and "up", and any with little confidence: "okay" for "down". The recognizer's
    own estimate knows fewer voices than the classifier, which is believed alone where it is sure.
    """
    unclear = phrases.unclear.issuperset(spoken)
    doubtful = unclear or words.confidence < settings.backchannel_confidence
    if sound.likely is None or words.sound_probabilities is None or not doubtful:
        return False
    surely = unclear and sound.likely.word >= settings.surely_not_yeah
    return surely or (sound.likely.word >= settings.not_yeah and words.sound_probabilities.word >= settings.word_likely)


def _log_odds(probability: float) -> float:
    return math.log((probability + 0.005) / (1.005 - probability))


def _sounds_like_backchannel(words: Transcript, settings: OverlapSettings) -> bool:
    """Whether it sounded like a backchannel and the recognizer guessed at words: "your hope" for "yo-ho"."""
    sure = words.sound_probabilities is not None and words.sound_probabilities.backchannel >= settings.backchannel_sure
    return sure and words.confidence < settings.backchannel_confidence


def is_unclear(spoken: Sequence[str], phrases: Phrases, question: bool) -> bool:
    """Whether a recognizer writes this for any short word or noise: nothing, "oh", "yeah", "you", "aaaah"."""
    if question and phrases.answer.search(joined(spoken)):
        return False
    vowel = all(word in phrases.unclear for word in spoken)
    return vowel or joined(spoken) in phrases.noise or is_stretched(spoken)


def _without_words(sound: OverlapSound, over: bool, settings: OverlapSettings) -> Event | None:
    """The decision while the words are unknown, or when they tell nothing."""
    if over:
        if sound.silent_ms >= settings.patience_ms and counts_without_words(sound, settings):
            return Event.INTERRUPTION
        return Event.FALSE_INTERRUPTION if sound.silent_ms >= RECOGNIZER_LATE_MS else None
    if sound.voiced_ms >= settings.lasts_ms and _likely_words(sound):
        return Event.INTERRUPTION
    return Event.FALSE_INTERRUPTION if sound.voiced_ms >= settings.noise_ms else None


def counts_without_words(sound: OverlapSound, settings: OverlapSettings) -> bool:
    """Whether a sound is an interruption if its words do not come in time: it is long, and likely to be words."""
    return sound.voiced_ms >= settings.late_ms and _likely_words(sound)


def _likely_words(sound: OverlapSound) -> bool:
    return sound.speechlike >= 0.5 and (sound.likely is None or sound.likely.word >= 0.5)


def is_stretched(spoken: Sequence[str]) -> bool:
    """Whether these are what a recognizer writes for a cry or a hum that lasts: "aaaaah", "m-m-m-m", "uh-h-h-h"."""
    return (bool(spoken) and all(len(set(word)) <= 2 and len(word) > 3 for word in spoken)) or (
        len(spoken) > 3 and len(set(spoken[1:])) == 1
    )
