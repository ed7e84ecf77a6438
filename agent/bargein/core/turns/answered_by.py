"""Who or what answered a call that Asterisk placed: by its words, how long it talks, its pauses and its tones.

People say little and wait. Machines talk on. Asterisk's AMD() decides by that alone (amd.conf: a greeting of more than
1.5 s is a machine's, 0.8 s of silence after a shorter one means a person). Here a machine also has to sound like one:
it says "leave a message", or beeps, or talks on for several seconds without a pause. So a firm that answers with a
sentence is a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..audio.pcm import FRAME_SAMPLES, Pcm, ms
from ..audio.tones import Tone, ToneTracker
from ..language.phrases import Phrases
from ..language.words import tokens
from .records import AnsweredBy

A = AnsweredBy
MACHINES = (("screening", A.SCREENING), ("voicemail", A.VOICEMAIL), ("unobtainable", A.OPERATOR))  # rules, in order
CED_HZ, CNG_HZ, FAX_MS = 2100.0, 1100.0, 380  # T.30; a beep of a voicemail has speech before it
SPECIAL_HZ, SPECIAL_MS = (950.0, 1400.0, 1800.0), 180  # E.180; some networks shorten them
BEEP_MS = (140, 3000)  # at least, at most
BEEP_AFTER_MS = 500  # of speech
NEAR_HZ = 60.0
CLICK_MS = 300  # a sound without words that is shorter is nobody
TONE_MS = 60  # a tone from this length on is no voice
AFTER_TONE_MS = 200  # nor is what comes so soon after it: the detector of speech lags behind


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """Times in ms. `hello`: how much silence after how much speech is a person's; points of a curve."""

    nobody_ms: int = 4000  # without any sound: silence
    hello: tuple[tuple[int, int], ...] = ((1200, 400), (2000, 700), (4000, 1200))  # length, silence after it
    unknown_ms: int = 700  # at least this silence while the words are not known
    talks_on_ms: int = 8000  # without such a silence: a machine
    quiet_ms: int = 2500  # a greeting without a beep ends with this silence
    question_ms: int = 800  # what screens calls has asked its question
    beep_ms: int = 45_000  # after this a message does not wait for a beep any longer
    watched_ms: int = 15_000  # a person may turn out to be a machine for so long

    def patience_ms(self, spoken_ms: int) -> int:
        """The silence after so much speech that only a person makes."""
        lengths, waits = zip(*self.hello, strict=True)
        return int(np.interp(spoken_ms, lengths, waits))


class AnswerDetector:
    """Feed it every frame of the line, then ask `who`. `now` is in samples of the call."""

    def __init__(self, phrases: Phrases, settings: AnswerSettings = AnswerSettings()) -> None:
        self._phrases, self._settings = phrases, settings
        self._tones = ToneTracker()
        self._specials = 0  # how many of SPECIAL_HZ were heard, in order
        self._spoken = 0  # samples of voice
        self._last_voice = 0
        self._fax = False
        self._tone_until = 0
        self._beep_end: int | None = None
        self._read = ("", self._machine(""))  # the words that were looked at last, and what says them

    def frame(self, pcm: Pcm, voiced: bool, now: int) -> None:
        """160 samples. `voiced`: whether somebody or something makes a sound."""
        for tone in (self._tones.feed(pcm), self._tones.tone):
            if tone is not None and tone.ms >= TONE_MS:
                self._tone_until = now
                self._heard(tone, now)
        if voiced and (not self._tone_until or ms(now - self._tone_until) > AFTER_TONE_MS):
            self._spoken += FRAME_SAMPLES
            self._last_voice = now

    def who(self, now: int, text: str, known: bool) -> AnsweredBy | None:
        """The answer as soon as it is clear. `text`: all words so far, `known`: there are no others."""
        if self._fax:
            return A.FAX
        if self._specials == len(SPECIAL_HZ):
            return A.OPERATOR
        if (machine := self.machine(text)) is not None:
            return machine
        quiet, spoken = ms(now - self._last_voice), ms(self._spoken)
        if spoken < (CLICK_MS if known and not tokens(text) else 1):
            return A.SILENCE if quiet >= self._settings.nobody_ms else None
        patience = self._settings.patience_ms(spoken)
        if not known or not tokens(text):
            patience = max(patience, self._settings.unknown_ms)
        if quiet >= patience:
            return A.PERSON
        return A.VOICEMAIL if spoken >= self._settings.talks_on_ms else None

    def machine(self, text: str) -> AnsweredBy | None:
        """What a machine says, or its beep."""
        if self._beep_end is not None:
            return A.VOICEMAIL
        if text != self._read[0]:
            self._read = text, self._machine(text)
        return self._read[1]

    def _machine(self, text: str) -> AnsweredBy | None:
        return next((who for rule, who in MACHINES if self._phrases.matches(rule, text)), None)

    def may_speak(self, who: AnsweredBy, now: int, since: int) -> bool:
        """Whether the agent may begin. `since` it has been known `who` answered: a message waits for the beep."""
        settings, quiet = self._settings, ms(now - self._last_voice)
        if who is A.SCREENING:
            return quiet >= settings.question_ms
        if who is not A.VOICEMAIL:
            return True
        beeped = self._beep_end is not None and self._last_voice <= self._beep_end
        if beeped and ms(now - self._tone_until) >= AFTER_TONE_MS:
            return True
        return quiet >= settings.quiet_ms or ms(now - since) >= settings.beep_ms

    def _heard(self, tone: Tone, now: int) -> None:
        spoken = ms(self._spoken)
        if tone.over and spoken >= BEEP_AFTER_MS and BEEP_MS[0] <= tone.ms <= BEEP_MS[1]:
            self._beep_end = now
        if spoken < BEEP_AFTER_MS:
            self._fax |= tone.ms >= FAX_MS and any(abs(tone.hz - hz) <= NEAR_HZ for hz in (CED_HZ, CNG_HZ))
            special = self._specials < len(SPECIAL_HZ) and abs(tone.hz - SPECIAL_HZ[self._specials]) <= NEAR_HZ
            self._specials += special and tone.over and tone.ms >= SPECIAL_MS
