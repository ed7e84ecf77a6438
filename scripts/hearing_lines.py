"""Telephone lines to train hearing on: an agent, its echo, a background and a caller, mixed anew for every seed.

Recordings come from a folder with manifest.csv (file, class, label, speaker, source, licence_class, onset_s,
offset_s); rows of licence_class gpl-gfdl are never read. What it makes up itself: rooms, hybrids, coloured and
modulated noise, hum, chords, codecs, filters, levels, jumps of the delay.
"""

from __future__ import annotations

import csv
import sys
import wave
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

RATE, FRAME = 8000, 160
TALK = ("babble", "talk", "speech", "voice", "children")
VOICES = ("speech", "backchannel")
BODILY = ("sneeze", "gasp", "groan", "grunt", "laugh", "breath")  # nearest to a voice, and few


def read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as w:
        if (w.getframerate(), w.getsampwidth(), w.getnchannels()) != (RATE, 2, 1):
            raise ValueError(f"{path}: want 8 kHz 16-bit mono")
        return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768


def dbfs(x: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-12))


def active_dbfs(x: np.ndarray) -> float:
    n = len(x) // FRAME
    if not n:
        return dbfs(x)
    power = np.mean(np.square(x[: n * FRAME].reshape(n, FRAME)), axis=1) + 1e-12
    return float(10 * np.log10(power[power > power.max() * 10**-2.5].mean()))


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


def part_of(stored: np.lib.npyio.NpzFile, path: Path, part: str) -> None:
    """Stop if a cache was made with another part of the recordings than is wanted now."""
    made_with = str(stored["part"]) if "part" in stored else "an unknown part"
    if made_with != part:
        sys.exit(f"{path} was made with --part {made_with}, not {part}: delete it, or name another --cache")


class Recordings:
    """The folder's clips by purpose. part: 'all', 'train' (without the held-out) or 'held-out'."""

    def __init__(self, root: Path, part: str, spoken: dict[str, np.ndarray]) -> None:
        with open(root / "manifest.csv", newline="") as f:
            rows = [r for r in csv.DictReader(f) if r["licence_class"] != "gpl-gfdl"]
        if part != "all":
            rows = [r for r in rows if held_out(r) == (part == "held-out")]
        self.count: dict[str, dict[str, int]] = {}  # rows by class and source
        self.voices: list[Clip] = []
        self.sounds: list[Clip] = []
        self.noises: list[Clip] = []
        self.agents: list[np.ndarray] = list(spoken.values())
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
        self.spoken = [Clip(x, 0, len(x), True) for x in spoken.values()]


def resampled(x: np.ndarray, speed: float) -> np.ndarray:
    n = int(len(x) / speed)
    return np.interp(np.arange(n) * speed, np.arange(len(x)), x).astype(np.float32)


def filtered(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    size = 1 << int(np.ceil(np.log2(len(x) + len(h))))
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)[: len(x)].astype(np.float32)


def equalised(x: np.ndarray, rng: np.random.Generator, depth_db: float) -> np.ndarray:
    """A smooth random frequency response."""
    knots = rng.uniform(-depth_db, depth_db, 6)
    gain = 10 ** (np.interp(np.linspace(0, 5, 129), np.arange(6), knots) / 20)
    h = np.roll(np.fft.irfft(gain, 256), 32)[:96] * np.hanning(128)[16:112]
    return filtered(x, h)[0 : len(x)]


def yelled(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Higher, brighter and driven into the microphone's limit."""
    x = resampled(x, rng.uniform(1.12, 1.4))
    bright = x - rng.uniform(0.2, 0.7) * np.concatenate([[0], x[:-1]])
    drive = rng.uniform(1, 4) / (np.abs(bright).max() + 1e-9)
    return np.tanh(drive * bright).astype(np.float32)


def stretched(x: np.ndarray, factor: float) -> np.ndarray:
    """Slower by `factor` at the same pitch: "nooo". WSOLA (Verhelst and Roelands, 1993), 30 ms of overlap."""
    size, hop, search = 480, 240, 80
    window = np.hanning(size + 1)[:size].astype(np.float32)
    padded = np.concatenate([np.zeros(search, np.float32), x, np.zeros(size + 2 * search + hop, np.float32)])
    steps = max(1, int(len(x) * factor / hop))
    y = np.zeros(steps * hop + size, np.float32)
    at = search
    for k in range(steps):
        if k:
            natural = padded[at + hop : at + hop + size]
            want = search + int(k * hop / factor)
            around = padded[want - search : want + search + size]
            at = want - search + int(np.argmax(np.correlate(around, natural, "valid")))
        at = min(at, len(padded) - size - hop)
        y[k * hop : k * hop + size] += window * padded[at : at + size]
    return y[: int(len(x) * factor)]


def character(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another throat: pitch and formants moved at the same speed, rough (modulated at 25 to 90 Hz), or whispered."""
    if rng.random() < 0.8:
        factor = rng.uniform(0.72, 0.92) if rng.random() < 0.4 else rng.uniform(1.1, 1.55)
        x = stretched(resampled(x, factor), factor)
    draw = rng.random()
    if draw < 0.35:
        t = np.arange(len(x)) / RATE
        wobble = np.cumsum(rng.uniform(25, 90) * (1 + 0.1 * np.interp(t, [0, t[-1] + 1], rng.normal(0, 1, 2)))) / RATE
        x = x * (1 + rng.uniform(0.3, 1.0) * np.sin(2 * np.pi * wobble))
    elif draw < 0.5:
        size = 256
        padded = np.concatenate([x, np.zeros(size)])
        window, out = np.hanning(size), np.zeros(len(padded))
        for at in range(0, len(padded) - size, size // 4):
            spectrum = np.abs(np.fft.rfft(padded[at : at + size] * window))
            turned = spectrum * np.exp(2j * np.pi * rng.random(len(spectrum)))
            out[at : at + size] += np.fft.irfft(turned) * window
        x = (1 - rng.uniform(0.6, 1)) * x + out[: len(x)]
    return x.astype(np.float32)


def burst(rng: np.random.Generator) -> Clip:
    """A puff, a sniff, a rub or a bump: shaped noise of 30 to 500 ms, rising at once or slowly."""
    n = int(rng.uniform(0.03, 0.5) * RATE)
    t = np.linspace(0, 1, n)
    x = rng.standard_normal(n) * t ** rng.uniform(0.1, 1.5) * (1 - t) ** rng.uniform(0.5, 4)
    return Clip(equalised(x.astype(np.float32), rng, 15), 0, n, False)


def ulaw(x: np.ndarray) -> np.ndarray:
    y = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
    y = np.round(y * 127) / 127
    return (np.sign(y) * np.expm1(np.abs(y) * np.log(256)) / 255).astype(np.float32)


def alaw(x: np.ndarray) -> np.ndarray:
    a, k = np.abs(x), 1 + np.log(87.6)
    y = np.where(a < 1 / 87.6, 87.6 * a / k, (1 + np.log(np.maximum(87.6 * a, 1e-9))) / k)
    y = (np.floor(y * 128) + 0.5) / 128
    back = np.where(y < 1 / k, y * k / 87.6, np.exp(y * k - 1) / 87.6)
    return (np.sign(x) * back).astype(np.float32)


def mobile(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Roughly what a low-rate codec leaves: noise that follows the signal, some dB below it."""
    envelope = np.sqrt(np.convolve(x**2, np.ones(80) / 80, "same"))
    return x + envelope * rng.standard_normal(len(x)).astype(np.float32) * 10 ** (-rng.uniform(12, 22) / 20)


def made_up_noise(rng: np.random.Generator, n: int) -> np.ndarray:
    kind = rng.integers(4)
    if kind < 2:  # coloured, perhaps in gusts
        spectrum = np.fft.rfft(rng.standard_normal(n))
        hz = np.fft.rfftfreq(n, 1 / RATE)
        x = np.fft.irfft(spectrum * (100 + hz) ** -rng.uniform(-0.3, 1.5), n)
        if kind:
            knots = rng.uniform(-1, 1, max(4, int(n / RATE * rng.uniform(0.5, 6))))
            x = x * 10 ** (
                np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots) * rng.uniform(0.1, 0.6)
            )
    elif kind == 2:  # hum and its harmonics, an engine
        t, base = np.arange(n) / RATE, rng.uniform(40, 180)
        wobble = (
            np.cumsum(np.interp(np.arange(n), np.arange(0, n + 4000, 4000), rng.normal(0, 0.05, (n + 7999) // 4000)))
            / RATE
        )
        x = sum(
            rng.uniform(0, 1) / k * np.sin(2 * np.pi * k * base * (t + wobble) + rng.uniform(0, 6))
            for k in range(1, 20)
        )
        x = x + 0.1 * rng.standard_normal(n)
    else:  # chords, a new one every now and then
        x, at = np.zeros(n), 0
        while at < n:
            length = int(rng.uniform(0.15, 1.2) * RATE)
            t = np.arange(min(length, n - at)) / RATE
            for _ in range(rng.integers(1, 5)):
                f = 110 * 2 ** (rng.integers(0, 40) / 12)
                tone = sum(np.sin(2 * np.pi * f * k * t) / k**1.5 for k in range(1, 5) if f * k < 3700)
                x[at : at + len(t)] += tone * np.exp(-t * rng.uniform(0.5, 8)) * np.minimum(1, t * 100)
            at += length
    return x.astype(np.float32)


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
                    v = rec.voices[rng.integers(len(rec.voices))]
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


def made_up_room(rng: np.random.Generator) -> np.ndarray:
    n = 1600
    t = np.arange(n) / RATE
    tail = rng.standard_normal(n) * 10 ** (-3 * t / rng.uniform(0.05, 0.9)) * rng.uniform(0.03, 0.6)
    tail[int(rng.uniform(4, 24))] += 1
    return equalised(tail.astype(np.float32), rng, 6)


def made_up_hybrid(rng: np.random.Generator) -> np.ndarray:
    n = int(rng.integers(24, 128))
    h = rng.standard_normal(n) * np.exp(-np.arange(n) / rng.uniform(3, 25))
    return np.concatenate([np.zeros(int(rng.integers(0, 12))), h]).astype(np.float32)


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
        x = resampled(rec.agents[rng.integers(len(rec.agents))], speed)
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
    speed = 1.0
    if clip.voice and rng.random() < 0.34:
        before = len(x)
        if rng.random() < 0.6:
            x = character(x, rng)
        if rng.random() < 0.6:
            x = yelled(x, rng)
        if rng.random() < 0.25:
            x = stretched(x, rng.uniform(1.3, 3.0))
        speed = before / len(x)
    elif rng.random() < 0.6:
        speed = rng.uniform(0.88, 1.14) if clip.voice else rng.uniform(0.75, 1.33)
        x = resampled(x, speed)
    lead, length = int(lead / speed), int((clip.offset - clip.onset) / speed)
    if rng.random() < 0.5:
        x = equalised(x, rng, 5)
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
        if draw < 0.55:
            clip = rec.voices[rng.integers(len(rec.voices))]
        elif draw < 0.63 and rec.spoken:
            clip = rec.spoken[rng.integers(len(rec.spoken))]
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
