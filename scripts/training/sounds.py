"""What a telephone, a room and a throat do to a sound, and sounds, rooms and hybrids that are made up.

Arrays of float samples at 8 kHz, full scale 1; what is drawn by chance comes from the generator that is given.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE, FRAME = 8000, 160


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


def narrowed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Without the lows and highs that a small microphone or a codec takes away."""
    hz = np.arange(129) * RATE / 256
    low, high = rng.uniform(120, 450), rng.uniform(2300, 3800)
    gain = 1 / np.sqrt((1 + (low / np.maximum(hz, 1)) ** 6) * (1 + (hz / high) ** 12))
    h = np.roll(np.fft.irfft(gain, 256), 48)[:128] * np.hanning(160)[16:144]
    return filtered(x, h)


def softened(x: np.ndarray, lead: int, rng: np.random.Generator) -> np.ndarray:
    """A soft beginning: the first 60 to 250 ms after sample `lead` rise from up to 15 dB below."""
    n = int(rng.uniform(0.06, 0.25) * RATE)
    gain = np.ones(len(x), np.float32)
    rise = 10 ** (np.linspace(-rng.uniform(4, 15), 0, n) / 20)
    gain[: lead + n] = np.concatenate([np.full(lead, rise[0]), rise])[: len(x)]
    return (x * gain).astype(np.float32)


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


def another_sound(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cough, a bark or a knock of another size: faster or slower, at its pitch or not, and louder here and there."""
    if rng.random() < 0.8:
        x = resampled(x, rng.uniform(0.62, 1.6))
    if rng.random() < 0.25 and len(x) > 800:
        x = stretched(x, rng.uniform(0.7, 1.7))
    if rng.random() < 0.3:
        knots = rng.uniform(-9, 0, max(3, len(x) // 800))
        x = x * 10 ** (np.interp(np.linspace(0, len(knots) - 1, len(x)), np.arange(len(knots)), knots) / 20)
    return x.astype(np.float32)


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
        x = np.zeros(n) + sum(
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
