"""Overlaps to train the overlap classifier on: what the detector hears of a caller's sound over the agent's speech.

Every line is a made-up call of 10 s: the agent talks all the time, its echo and a background are on the line, and
recorded sounds of the caller come one after another. The line goes through the real echo canceller and the real speech
detector in virtual time. Every onset that the detector reports becomes one `Overlap`.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import lines
import numpy as np
from sounds import (
    FRAME,
    RATE,
    active_dbfs,
    alaw,
    another_sound,
    character,
    dbfs,
    equalised,
    filtered,
    made_up_room,
    mobile,
    narrowed,
    read_wav,
    resampled,
    softened,
    stretched,
    ulaw,
    yelled,
)

from bargein.core.detector.speech_detector import SpeechDetector

WORD, BACKCHANNEL, OTHER = range(3)
CLASSES = {"speech": WORD, "digit": WORD, "pause": WORD, "backchannel": BACKCHANNEL, "nonspeech": OTHER}
DRAWN = (0.42, 0.33, 0.25)  # share of each class
MADE = 0.15  # share of the words that is synthesized, if there are any
SYNTHESIZED = "synthesized "  # such a speaker's name begins so
BEFORE, AFTER = 40, 60  # frames kept before and after the frame of the onset
HELD_OUT_SOURCES = ("AMI", "HarperValley", "COUGHVID", "SS13 emote sounds (iWuna", "Cough 2006", "v0.01")
DIP_DB, DIP, APART = 22.0, 5, 25  # a phrase begins after 50 ms that are so far below its level, 250 ms after another
LEVEL_DBFS = (-34.0, -18.0)  # the same for every class: loudness must not tell them apart


def speaker_of(row: dict[str, str]) -> str:
    """The speaker of a row, or its source where nobody is named."""
    return row["speaker"] or row["source"] + row["file"]


def held_out(row: dict[str, str]) -> bool:
    """A quarter of the speakers, and some sources as a whole: never trained on before the final training."""
    if any(name in row["source"] for name in HELD_OUT_SOURCES):
        return True
    return zlib.crc32(speaker_of(row).encode()) % 4 == 0


@dataclass(frozen=True, eq=False)
class Sound:
    """A recorded sound of a caller, 8 kHz."""

    audio: np.ndarray
    onset: int  # samples
    offset: int
    kind: int
    speaker: str
    file: str


@dataclass(frozen=True, eq=False)
class Overlap:
    """What followed one onset of the detector."""

    near: np.ndarray  # (BEFORE + AFTER, FRAME) int16: the line without the echo; frame BEFORE is that of the onset
    echo_dbfs: np.ndarray  # (BEFORE + AFTER,)
    heard: np.ndarray  # (BEFORE + AFTER, 2): speechlike and score of the detector
    kind: int
    speaker: str  # "" if the onset was nobody's
    file: str
    begin: int  # the true onset, in samples from the start of frame BEFORE; large and negative if there was none
    end: int
    estimated: int  # where the detector believes that the sound began, likewise


def sounds_of(root: Path, part: str) -> list[Sound]:
    """The rows that may be trained on."""
    with open(root / "manifest.csv", newline="") as f:
        rows = [r for r in csv.DictReader(f) if r["licence_class"] != "gpl-gfdl" and r["class"] in CLASSES]
    if part != "all":
        rows = [r for r in rows if held_out(r) == (part == "held-out")]
    out = []
    for r in rows:
        audio = read_wav(root / r["file"])
        onset, offset = int(float(r["onset_s"] or 0) * RATE), int(float(r["offset_s"] or len(audio) / RATE) * RATE)
        sound = Sound(audio, onset, offset, CLASSES[r["class"]], speaker_of(r), r["file"])
        out += [sound, *(later_starts(sound) if sound.kind == WORD else [])]
    return out


def later_starts(sound: Sound) -> list[Sound]:
    """The same utterance from its later phrases on: each begins after a dip of its level, as an utterance would."""
    x = sound.audio[sound.onset : sound.offset]
    count = len(x) // 80
    if count < 80:  # 0.8 s
        return []
    level = 10 * np.log10(np.mean(np.square(x[: count * 80].reshape(count, 80)), axis=1) + 1e-9)
    loud = level > active_dbfs(x) - DIP_DB
    out, last = [], 0
    for k in range(DIP, count - 40):
        if k - last >= APART and loud[k : k + 3].all() and not loud[k - DIP : k].any():
            onset = sound.onset + k * 80
            out.append(replace(sound, onset=onset, offset=min(sound.offset, onset + 12000)))
            last = k
    return out


def varied(sound: Sound, rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """The sound as another microphone, room, codec and throat would give it; its samples, onset and offset."""
    begin = max(0, sound.onset - 240)
    x = sound.audio[begin : sound.offset + 400].astype(np.float32).copy()
    lead = sound.onset - begin
    ramp = min(80, len(x))
    x[:ramp] *= np.linspace(0, 1, ramp)
    length = sound.offset - sound.onset
    acted = (0.5, 0.25, 0.1)[sound.kind]  # callers shout, whisper and drawl; there are few such recordings
    if len(x) > 1600 and rng.random() < acted:
        before = len(x)
        x = yelled(x, rng) if rng.random() < 0.4 else character(x, rng)
        lead, length = int(lead * len(x) / before), int(length * len(x) / before)
    if sound.kind == OTHER and rng.random() < 0.5:
        before = len(x)
        x = another_sound(x, rng)
        lead, length = int(lead * len(x) / before), int(length * len(x) / before)
    if rng.random() < 0.7:
        speed = rng.uniform(0.85, 1.18)
        x, lead, length = resampled(x, speed), int(lead / speed), int(length / speed)
    if rng.random() < 0.25 and len(x) > 1600:
        factor = rng.uniform(0.7, 1.8 if rng.random() < acted else 1.3)
        x, lead, length = stretched(x, factor), int(lead * factor), int(length * factor)
    if rng.random() < 0.7:
        x = equalised(x, rng, 7)
    if rng.random() < 0.3:
        x = narrowed(x, rng)
    if rng.random() < 0.2:
        x = softened(x, lead, rng)
    if rng.random() < 0.25:
        room = made_up_room(rng)
        x = filtered(x, room / np.abs(room).max())
    x = x * 10 ** ((rng.uniform(*LEVEL_DBFS) - active_dbfs(x)) / 20)
    if rng.random() < 0.25:
        x = mobile(x, rng)
    return x.astype(np.float32), lead, length


class LineMaker:
    """Makes overlaps from a folder of recordings. part: all, train or held-out."""

    def __init__(
        self, root: Path, part: str, weights: dict[str, np.ndarray], spoken: Sequence[lines.Synthesized] = ()
    ) -> None:
        """`spoken`: more words, of make-voices."""
        self._rest = lines.Recordings(root, part)  # noises, agents, rooms
        self._weights = weights
        self._by_kind: list[list[list[Sound]]] = []
        for kind in (WORD, BACKCHANNEL, OTHER):
            by_speaker: dict[str, list[Sound]] = {}
            for sound in sounds_of(root, part):
                if sound.kind == kind:
                    by_speaker.setdefault(sound.speaker, []).append(sound)
            self._by_kind.append(list(by_speaker.values()))
        made: dict[str, list[Sound]] = {}
        for clip in spoken:
            if clip.kind in ("word", "hummed", "syllables"):
                sound = Sound(clip.audio, 0, len(clip.audio), WORD, SYNTHESIZED + clip.speaker, clip.phrase)
                made.setdefault(clip.speaker, []).append(sound)
        self._made = list(made.values())

    def _draw(self, rng: np.random.Generator) -> Sound:
        """A class, then a speaker, weighed by the square root of how much there is of them, then a recording."""
        kind = rng.choice(3, p=DRAWN)
        made = kind == WORD and self._made and rng.random() < MADE
        speakers = self._made if made else self._by_kind[kind]
        weight = np.sqrt([len(s) for s in speakers])
        said = speakers[rng.choice(len(speakers), p=weight / weight.sum())]
        return said[rng.integers(len(said))]

    def overlaps(self, seed: int, seconds: float = 10.0) -> list[Overlap]:
        """All overlaps of one made-up line."""
        rng = np.random.default_rng([18, seed])
        frames = int(seconds * 50)
        n = frames * FRAME
        sent = lines.agent_speech(self._rest, rng, n)
        caller, placed, at = np.zeros(n, np.float32), [], int(rng.uniform(1.0, 2.5) * RATE)
        while at < n - RATE:
            sound = self._draw(rng)
            x, lead, length = varied(sound, rng)
            x = x[: n - at]
            caller[at : at + len(x)] += x
            begin, end = at + lead, min(n, at + lead + length)
            placed.append((begin, end, sound))
            self._yield_to(sent, begin, end, rng)
            at = end + int(rng.uniform(0.5, 1.3) * RATE)
        heard = caller + self._background(rng, n)
        if rng.random() < 0.45:
            heard = heard + lines.some_echo(self._rest, rng, n).of(sent)
        heard = np.clip(heard, -0.999, 0.999)
        heard = (ulaw(heard), alaw(heard), heard)[rng.choice(3, p=[0.7, 0.2, 0.1])]
        return self._heard(sent, heard, placed)

    @staticmethod
    def _yield_to(sent: np.ndarray, begin: int, end: int, rng: np.random.Generator) -> None:
        """What the agent does meanwhile: it is lowered, falls silent, or goes on."""
        gain = rng.choice([10 ** (-12 / 20), 0.0, 1.0], p=[0.6, 0.25, 0.15])
        sent[begin + int(rng.uniform(0.06, 0.3) * RATE) : end + int(rng.uniform(0, 0.4) * RATE)] *= gain

    def _background(self, rng: np.random.Generator, n: int) -> np.ndarray:
        quiet = rng.standard_normal(n).astype(np.float32) * 10 ** (rng.uniform(-72, -58) / 20)
        if rng.random() < 0.5:
            return quiet
        noise, talk = lines.background(self._rest, rng, n)
        level = rng.uniform(-58, -42) if talk else rng.uniform(-58, -34)
        return noise * 10 ** ((level - dbfs(noise)) / 20) + quiet

    def _heard(self, sent: np.ndarray, heard: np.ndarray, placed: list[tuple[int, int, Sound]]) -> list[Overlap]:
        detector = SpeechDetector(self._weights)
        line = np.clip(heard * 32768, -32768, 32767).astype(np.int16)
        far = np.clip(sent * 32768, -32768, 32767).astype(np.int16)
        count = len(line) // FRAME
        near, echo = np.zeros((count, FRAME), np.int16), np.zeros(count, np.float32)
        heard = np.zeros((count, 2), np.float32)
        onsets, armed_again = [], 0
        for k in range(count):
            a = k * FRAME
            detector.push_reference(far[a : a + FRAME])
            frame = detector.process(line[a : a + FRAME])
            near[k], echo[k], heard[k] = frame.near, frame.echo_dbfs, (frame.speechlike, frame.score)
            if frame.onset:
                mine = next((p for p in placed if p[0] - 480 <= a + FRAME and a <= p[1] + 800), None)
                onsets.append((k, a + FRAME - frame.onset_samples_ago, mine))
                armed_again = (mine[1] + 1600 if mine else a + 8000) // FRAME
            if frame.onset_retracted or k == armed_again:
                detector.rearm()
        out = []
        for k, estimated, mine in onsets:
            if k < BEFORE:
                continue
            zero = k * FRAME
            piece = np.zeros((BEFORE + AFTER, FRAME), np.int16)
            levels = np.full(BEFORE + AFTER, -100.0, np.float32)
            sure = np.zeros((BEFORE + AFTER, 2), np.float32)
            last = min(count, k + AFTER)
            sure[: last - k + BEFORE] = heard[k - BEFORE : last]
            piece[: last - k + BEFORE], levels[: last - k + BEFORE] = near[k - BEFORE : last], echo[k - BEFORE : last]
            begin, end = (mine[0] - zero, mine[1] - zero) if mine else (-99999, (count - k) * FRAME)
            end = min(end, (count - k) * FRAME)
            kind, speaker, file = (mine[2].kind, mine[2].speaker, mine[2].file) if mine else (OTHER, "", "")
            out.append(Overlap(piece, levels, sure, kind, speaker, file, begin, end, estimated - zero))
        return out
