"""Telephone lines to train hearing on: an agent, its echo, a background and a caller, mixed anew for every seed.

Recordings come from a folder with manifest.csv. What is made up and done to them: sounds.py. Its columns:

    file             a WAV in the folder: 8 kHz, 16 bit, mono
    class            speech, digit, pause (speech with pauses), backchannel, nonspeech, noise, agent, rir (a room)
    label            what kind of sound it is, for example "laugh", "babble" or "music"
    lang             its language (en, en-US, ...)
    transcript       its words; transcript_source says who wrote them (human, dataset label, ...)
    telephone        yes if it was recorded in a call
    speaker          who it is; empty where that is not known
    source           the data set
    licence_class    rows of gpl-gfdl are never trained on
    onset_s, offset_s, onset_unc_ms
                     where the sound begins and ends, and how far the onset may be wrong
    duration_s       of the file
    notes            of class pause: pauses_s=FROM-UNTIL;FROM-UNTIL, where the pauses are

The folder may also have telephone calls, a file for each side: conversation/hvb_CALL_ROLE.wav, and their turns in
conversation/hvb_turns.csv (call, role, speaker, start_s, end_s, transcript).
"""

from __future__ import annotations

import csv
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

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
    made_up_hybrid,
    made_up_noise,
    made_up_room,
    mobile,
    read_wav,
    resampled,
    stretched,
    ulaw,
    yelled,
)

TALK = ("babble", "talk", "speech", "voice", "children")
VOICES = ("speech", "backchannel")
SYNTHESIZED = 0.4  # of the voices: many speakers, but smoother than people on the telephone
BODILY = ("sneeze", "gasp", "groan", "grunt", "laugh", "breath")  # nearest to a voice, and few


@dataclass
class Clip:
    audio: np.ndarray
    onset: int
    offset: int
    voice: bool
    talk: bool = False


def held_out(row: dict) -> bool:
    """A quarter of the speakers, noises, rooms and agents, left out of training to check it with."""
    if row["class"] == "agent":
        return "Allison" in row["source"]
    key = row["file"]
    if row["class"] == "speech" and row["speaker"]:
        key = row["source"] + row["speaker"]
    elif row["class"] in ("noise", "rir"):
        if "ami_trn09" in key or "moh_manolo" in key:
            return True
        key += "11"  # a draw with streets, rain, a cafe, storm and a voice among them, and two rooms
    return zlib.crc32(key.encode()) % 4 == 0


def trained_on(row: dict) -> bool:
    """Whether `--part train` uses this row: its licence allows it, and it is not held out."""
    return row["licence_class"] != "gpl-gfdl" and not held_out(row)


@dataclass(frozen=True, eq=False)
class Synthesized:
    """A clip of the file that make-voices writes. kind: backchannel, word, sentence or syllables."""

    speaker: str
    kind: str
    phrase: str
    audio: np.ndarray


def synthesized(path: Path) -> list[Synthesized]:
    """All clips of the file, float samples at 8 kHz."""
    with np.load(path) as stored:
        about = json.loads(bytes(stored["about"]).decode())
        parts = np.split(stored["pcm"].astype(np.float32) / 32768, stored["ends"][:-1])
    return [Synthesized(speaker, kind, phrase, x) for (speaker, kind, phrase), x in zip(about, parts, strict=True)]


def check_part(stored: np.lib.npyio.NpzFile, path: Path, part: str) -> None:
    """Stop if a cache was made with another part of the recordings than is wanted now."""
    made_with = str(stored["part"]) if "part" in stored else "an unknown part"
    if made_with != part:
        sys.exit(f"{path} was made with --part {made_with}, not {part}: delete it, or name another --cache")


class Recordings:
    """The folder's clips by purpose, and synthesized ones. part: 'all', 'train' or 'held-out' (left out of 'train')."""

    def __init__(self, root: Path, part: str, synthesized: Sequence[Synthesized] = ()) -> None:
        with open(root / "manifest.csv", newline="") as f:
            rows = [r for r in csv.DictReader(f) if r["licence_class"] != "gpl-gfdl"]
        if part != "all":
            rows = [r for r in rows if held_out(r) == (part == "held-out")]
        self.count: dict[str, dict[str, int]] = {}  # rows by class and source
        self.voices: list[Clip] = []
        self.sounds: list[Clip] = []
        self.noises: list[Clip] = []
        self.agents: list[np.ndarray] = []
        self.rooms: list[np.ndarray] = []
        for r in rows:
            if r["class"] not in (*VOICES, "nonspeech", "noise", "agent", "rir"):
                continue
            sources = self.count.setdefault(r["class"], {})
            sources[r["source"]] = sources.get(r["source"], 0) + 1
            x = read_wav(root / r["file"])
            onset, offset = float(r["onset_s"] or 0), float(r["offset_s"] or len(x) / RATE)
            clip = Clip(x, int(onset * RATE), int(offset * RATE), r["class"] in VOICES)
            if r["class"] in VOICES and float(r["onset_unc_ms"] or 0) <= 40:
                self.voices += [clip] * (2 if "exclamation" in r["label"] else 1)
            elif r["class"] == "nonspeech":
                self.sounds += [clip] * (2 if any(w in r["label"] for w in BODILY) else 1)
            elif r["class"] == "noise":
                clip.talk = any(w in r["label"] for w in TALK)
                self.noises.append(clip)
            elif r["class"] == "agent":
                self.agents.append(x)
            elif r["class"] == "rir":
                self.rooms.append(x)
        self.spoken = [Clip(s.audio, 0, len(s.audio), True) for s in synthesized]
        self.spoken_agents = [s.audio for s in synthesized if s.kind == "sentence"]


def a_voice(rec: Recordings, rng: np.random.Generator) -> Clip:
    """A recorded one, or now and then a synthesized one."""
    clips = rec.spoken if rec.spoken and rng.random() < SYNTHESIZED else rec.voices
    return clips[rng.integers(len(clips))]


def burst(rng: np.random.Generator) -> Clip:
    """A puff, a sniff, a rub or a bump: shaped noise of 30 to 500 ms, rising at once or slowly."""
    n = int(rng.uniform(0.03, 0.5) * RATE)
    t = np.linspace(0, 1, n)
    x = rng.standard_normal(n) * t ** rng.uniform(0.1, 1.5) * (1 - t) ** rng.uniform(0.5, 4)
    return Clip(equalised(x.astype(np.float32), rng, 15), 0, n, False)


def background(rec: Recordings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, bool]:
    """One recording, or two, or talk of one to eight people, or something made up; and whether it is talk."""
    talk = False

    def one() -> np.ndarray:
        nonlocal talk
        draw = rng.random()
        if draw < 0.18:
            return made_up_noise(rng, n)
        if draw < 0.48 and rec.voices:
            talk = True
            x = np.zeros(n, np.float32)
            for _ in range(rng.integers(1, 9)):
                at = int(rng.integers(0, RATE))
                while at < n:
                    v = a_voice(rec, rng)
                    a = resampled(v.audio[v.onset : v.offset], rng.uniform(0.85, 1.2))
                    a = a * 10 ** ((-30 - active_dbfs(a) + rng.uniform(-6, 2)) / 20)
                    end = min(n, at + len(a))
                    x[at:end] += a[: end - at]
                    at = end + int(rng.uniform(0, 0.6) * RATE)
            return x if rng.random() < 0.5 else filtered(x, made_up_room(rng))
        c = rec.noises[rng.integers(len(rec.noises))]
        talk = talk or c.talk
        a = resampled(c.audio, rng.uniform(0.8, 1.25)) if rng.random() < 0.7 else c.audio
        if not c.talk and rng.random() < 0.3:
            a = a[::-1]
        start = rng.integers(max(1, len(a) - n)) if len(a) > n else rng.integers(len(a))
        return np.resize(np.roll(a, -int(start)), n).astype(np.float32)

    x = one()
    if rng.random() < 0.6:
        x = equalised(x, rng, 6)
    if rng.random() < 0.2:
        other = one()
        x = x + other * 10 ** ((dbfs(x) - dbfs(other) + rng.uniform(-10, 5)) / 20)
    return x, talk


@dataclass
class Echo:
    impulse: np.ndarray
    delay: int
    clip: float
    jump_at: int
    jump: int

    def of(self, sent: np.ndarray) -> np.ndarray:
        far = np.tanh(self.clip * sent) / self.clip if self.clip else sent
        wet = filtered(far, self.impulse)
        first = np.concatenate([np.zeros(self.delay, np.float32), wet])[: len(wet)]
        if self.jump_at >= len(wet):
            return first
        later = np.concatenate([np.zeros(max(0, self.delay + self.jump), np.float32), wet])[: len(wet)]
        return np.concatenate([first[: self.jump_at], later[self.jump_at :]])


def some_echo(rec: Recordings, rng: np.random.Generator, n: int) -> Echo:
    kind = rng.random()
    if kind < 0.3:
        h, delay, loss = made_up_hybrid(rng), rng.uniform(5, 120), rng.uniform(6, 26)
    else:
        if rec.rooms and rng.random() < 0.5:
            r = rec.rooms[rng.integers(len(rec.rooms))]
            h = r[max(0, int(np.argmax(np.abs(r))) - 8) :][:1600]
            h = equalised(h, rng, 4) if rng.random() < 0.6 else h
        else:
            h = made_up_room(rng)
        delay, loss = rng.uniform(5, 380), rng.uniform(5, 28)
    h = h / np.sqrt(np.sum(h**2)) * 10 ** (-loss / 20)
    hard = kind > 0.65
    jumps = hard and rng.random() < 0.8
    jump = (
        int(rng.choice([-320, -160, 160, 160, 320, 480, *rng.uniform(-300, 300, 2), *rng.uniform(-900, 900, 2)]))
        if jumps
        else 0
    )
    return Echo(h.astype(np.float32), int((delay + 40) * 8), rng.uniform(2, 6) if hard else 0.0,
                int(rng.uniform(1.5, 8) * RATE) if jumps else n, jump)  # fmt: skip


def agent_speech(rec: Recordings, rng: np.random.Generator, n: int) -> np.ndarray:
    parts, total = [np.zeros(int(rng.choice([0.04, 0.1, 0.5]) * RATE), np.float32)], 0
    speed = rng.uniform(0.92, 1.1)
    while total < n:
        said = rec.spoken_agents if rec.spoken_agents and rng.random() < SYNTHESIZED else rec.agents
        x = resampled(said[rng.integers(len(said))], speed)
        gap = 0.04 if rng.random() < 0.7 else rng.uniform(0.1, 1.2)
        parts += [x, np.zeros(int(gap * RATE), np.float32)]
        total += len(x)
    x = np.concatenate(parts)[:n]
    return x * 10 ** ((rng.uniform(-27, -15) - active_dbfs(x)) / 20)


@dataclass
class Line:
    """One made-up call: sent and heard (n,), and the truth per frame: voice, sound (0, 1 or 2 for do not care)."""

    sent: np.ndarray
    heard: np.ndarray
    voice: np.ndarray
    sound: np.ndarray
    first: np.ndarray  # frames since the voice's true onset, large where there is none
    missing: np.ndarray  # frames of the line that never came: mute, silence suppression


def add_caller(line: np.ndarray, clip: Clip, at: int, level: float, rng: np.random.Generator, out: Line) -> int:
    """Mixes the clip into the line at sample `at`, writes the truth, returns its end."""
    x = clip.audio[max(0, clip.onset - 240) : clip.offset + 800].copy()
    lead = clip.onset - max(0, clip.onset - 240)
    if lead:
        x[:lead] *= np.linspace(0, 1, lead) ** 2
    before = len(x)
    if not clip.voice:
        x = another_sound(x, rng)
    elif rng.random() < 0.45:
        if rng.random() < 0.6:
            x = character(x, rng)
        if rng.random() < 0.6:
            x = yelled(x, rng)
        if rng.random() < 0.25:
            x = stretched(x, rng.uniform(1.3, 3.0))
    elif rng.random() < 0.6:
        x = resampled(x, rng.uniform(0.88, 1.14))
    speed = before / len(x)
    lead, length = int(lead / speed), int((clip.offset - clip.onset) / speed)
    if rng.random() < 0.5:
        x = equalised(x, rng, 5 if clip.voice else 9)
    if rng.random() < 0.15:
        room = made_up_room(rng)
        x = filtered(x, room / np.abs(room).max())
    x = x * 10 ** ((level - active_dbfs(x)) / 20)
    if rng.random() < 0.2:
        x = mobile(x, rng)
    x = x[: len(line) - at]
    line[at : at + len(x)] += x
    frames = len(out.voice)
    whole = np.zeros(frames * FRAME, np.float32)
    whole[at : at + len(x)] = x
    power = np.mean(whole.reshape(frames, FRAME) ** 2, axis=1)
    active = power > max(power.max() * 10**-3.2, 10**-6.0)
    begin, end = at + lead, at + lead + length
    index = np.arange(frames) * FRAME
    active &= (index + FRAME > begin) & (index < end + 800)
    on = np.flatnonzero(active)
    if not len(on):
        return at + len(x)
    for a, b in pairwise(on):
        if b - a <= 7:
            active[a:b] = True
    kind = out.voice if clip.voice else out.sound
    kind[active] = 1
    out.sound[active] = 1
    kind[on[0] - 1 : on[0]] = 2 if on[0] else 0
    kind[on[-1] + 1 : on[-1] + 3] = 2
    if clip.voice:
        out.sound[on[-1] + 1 : on[-1] + 3] = 2
        span = slice(on[0], on[-1] + 1)
        out.first[span] = np.arange(on[-1] + 1 - on[0])
    return at + len(x)


def make_line(rec: Recordings, seed: int, seconds: float = 10.0) -> Line:
    rng = np.random.default_rng([77, seed])
    frames = int(seconds * 50)
    n = frames * FRAME
    zeros = np.zeros(frames, np.int8)
    out = Line(
        np.zeros(n, np.float32), np.zeros(n, np.float32), zeros.copy(), zeros.copy(), np.full(frames, 999), zeros > 0
    )
    caller = np.zeros(n, np.float32)
    noisy = rng.random() < 0.55
    level = rng.uniform(-58, -32) if noisy else rng.uniform(-75, -58) if rng.random() < 0.9 else -100.0
    noise, talk = background(rec, rng, n) if noisy else (rng.standard_normal(n).astype(np.float32), False)
    if talk:  # other people in the room are further from the phone than the caller
        level = rng.uniform(-58, -41)
    noise = noise * 10 ** ((level - dbfs(noise)) / 20)
    if noisy:
        noise = noise + rng.standard_normal(n).astype(np.float32) * 10 ** (-68 / 20)
    if rng.random() < 0.12:  # the background changes all at once
        noise[int(rng.integers(n)) :] *= 10 ** (rng.uniform(-12, 12) / 20)
    speaking = rng.random() < 0.85
    sent = agent_speech(rec, rng, n) if speaking else np.zeros(n, np.float32)
    lowest = max(-37.0, level + (9 if talk else 5))
    at = int(rng.uniform(0.1, 6.0) * RATE) if rng.random() < 0.7 else n
    while at < n - 2000:
        draw = rng.random()
        if draw < 0.63:
            clip = a_voice(rec, rng)
        elif draw < 0.95:
            clip = rec.sounds[rng.integers(len(rec.sounds))]
        else:
            clip = burst(rng)
        end = add_caller(caller, clip, at, rng.uniform(min(lowest, -18), -14), rng, out)
        if speaking and rng.random() < 0.7:
            stop = at + int(rng.uniform(0.06, 0.5) * RATE)
            back = stop + int(rng.uniform(0.1, 2.5) * RATE) if rng.random() < 0.7 else n
            sent[stop:back] = 0
        at = end + int(rng.uniform(0.2, 4.0) * RATE)
    if rng.random() < 0.12:
        onsets = np.flatnonzero(out.first == 0)
        end = (
            int(rng.choice(onsets) - rng.integers(0, 4))
            if len(onsets) and rng.random() < 0.7
            else int(rng.integers(frames))
        )
        out.missing[max(0, end - int(rng.uniform(0.3, 5.0) * 50)) : max(0, end)] = True
    out.sent = sent
    heard = caller + noise
    if speaking and rng.random() < 0.65:
        heard = heard + some_echo(rec, rng, n).of(sent)
    heard = np.clip(heard, -0.999, 0.999)
    out.heard = (ulaw(heard), alaw(heard), heard)[rng.choice(3, p=[0.6, 0.25, 0.15])]
    return out
