"""Any audio as 8 kHz 16-bit mono and back: resampling, speech level, silence at the ends, WAV files."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import wave
from collections.abc import Iterator
from dataclasses import replace
from math import gcd
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core.audio.pcm import RATE, WIDE, WIDE_RATE, Pcm
from ..core.audio.utterance import Original, Utterance
from ..errors import EngineError

Samples = NDArray[np.float32]  # one-dimensional, full scale is 1.0

SPEECH_DBFS = -20.0  # what prompts are levelled to; Asterisk's own sounds lie between -18 and -24
PEAK = 0.89  # -1 dBFS: room for the overshoot of the codecs on the way
BELOW_PEAK_DB = 35.0  # what is softer than the loudest 10 ms less this is silence
SHORTEST_PAUSE_MS = 60  # a longer silence at the end of a word is a pause and not the closure of a "t"
ZERO_CROSSINGS = 24  # half-width of the low-pass, in zero crossings: 80 dB down at the image
KAISER_BETA = 8.0
MOST_TRAILING = 512  # bytes behind the last chunk that are no sound
HEADER_BYTES = 1024
INAUDIBLE = 16  # the smallest step of A-law, in 16-bit samples
UNCOUNTED = 0x7FFF0000  # bytes; a program that writes to a pipe gives the sound a length of this or more
EXTENSIBLE, PCM_KIND = b"\xfe\xff", bytes.fromhex("0100000000001000800000aa00389b71")
BLOCK_VALUES = 100_000  # multiplied at a time: numpy copies the windows; a larger product is spread over threads


@functools.cache
def _phases(up: int, down: int) -> NDArray[np.float32]:
    """Taps of a Kaiser-windowed sinc, one row for each of the `up` phases; cut at 0.92 of the lower Nyquist."""
    widest = max(up, down)
    half = ZERO_CROSSINGS * widest
    n = np.arange(-half, half + 1)
    cutoff = 0.92 / widest  # of the Nyquist of the rate `up` x the input rate
    taps = up * cutoff * np.sinc(cutoff * n) * np.kaiser(2 * half + 1, KAISER_BETA)
    width = -(-len(taps) // up)
    taps = np.concatenate([taps, np.zeros(width * up - len(taps))])
    return np.ascontiguousarray(taps.reshape(width, up).T[:, ::-1].astype(np.float32))


def resample(x: Samples, rate: int, to_rate: int) -> Samples:
    """`x` at `to_rate`, without delay: ceil(len(x) * to_rate / rate) samples.

    Polyphase filtering (Crochiere & Rabiner 1983): output n is phase (n * down) % up of the low-pass over the input
    that ends at sample (n * down + delay) // up.
    """
    if rate == to_rate or not len(x):
        return x
    common = gcd(rate, to_rate)
    up, down = to_rate // common, rate // common
    phases = _phases(up, down)
    width = phases.shape[1]
    half = ZERO_CROSSINGS * max(up, down)
    at = np.arange(-(-len(x) * up // down)) * down + half
    last = at // up
    padded = np.concatenate([np.zeros(width - 1, np.float32), x, np.zeros(width + down, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    out = np.empty(len(at), np.float32)
    for first in range(up):  # outputs `up` apart share a phase
        taps = phases[at[first] % up] if first < len(at) else phases[0]
        block = up * (BLOCK_VALUES // width)
        for begin in range(first, len(at), block):
            mine = slice(begin, begin + block, up)
            at_once = last[mine]  # `down` apart
            out[mine] = np.ascontiguousarray(windows[at_once[0] : at_once[-1] + 1 : down]) @ taps
    return out


def with_upper(pcm: Pcm, upper: Pcm) -> Samples:
    """8 kHz samples and what is above 4 kHz, twice as many at 16 kHz, as one sound at 16 kHz."""
    return resample(from_pcm(pcm), RATE, WIDE_RATE) + from_pcm(upper)


class Resampler:
    """`resample` of pieces of one signal: the pieces that it returns are, joined, the same to the sample."""

    def __init__(self, rate: int, to_rate: int) -> None:
        common = gcd(rate, to_rate)
        self._rate, self._to_rate = rate, to_rate
        self._up, self._down = to_rate // common, rate // common
        self._reach = ZERO_CROSSINGS * max(self._up, self._down) // self._up + 2  # of the low-pass, in samples
        self._held: Samples = np.zeros(0, np.float32)
        self._before = 0  # samples before the held ones: a multiple of `down`, so that the phases stay
        self._given = 0  # samples at `to_rate`

    def add(self, piece: Samples, last: bool = False) -> Samples:
        """What is ready with the next piece; with the `last` one, all."""
        self._held = np.concatenate([self._held, piece])
        came = self._before + len(self._held)
        ready = -(-came * self._up // self._down) if last else max(0, came - self._reach) * self._up // self._down
        if ready <= self._given:
            return np.zeros(0, np.float32)
        skipped = self._before // self._down * self._up
        out = resample(self._held, self._rate, self._to_rate)[self._given - skipped : ready - skipped]
        self._given = ready
        keep = max(self._before, (ready * self._down // self._up - self._reach) // self._down * self._down)
        self._held, self._before = self._held[keep - self._before :], keep
        return out


def activity(x: Samples, rate: int, below_peak_db: float = BELOW_PEAK_DB) -> tuple[int, int]:
    """First and last sample of what is louder than the loudest 10 ms less `below_peak_db`; (0, 0) if nothing is."""
    loud, step = _loud_steps(x, rate, below_peak_db), rate // 100
    return (int(loud[0]) * step, int(loud[-1] + 1) * step) if len(loud) else (0, 0)


def first_pause(x: Samples, rate: int, shortest_s: float) -> tuple[int, int] | None:
    """The first silence of at least `shortest_s` between two sounds, in samples; None if there is none."""
    loud, step = _loud_steps(x, rate, BELOW_PEAK_DB), rate // 100
    long = np.flatnonzero(np.diff(loud) - 1 >= shortest_s * 100)
    return (int(loud[long[0]] + 1) * step, int(loud[long[0] + 1]) * step) if len(long) else None


def sounds(x: Samples, rate: int, gap_s: float) -> list[tuple[int, int]]:
    """All sounds with a silence of at least `gap_s` between them: first and last sample of each."""
    loud, step = _loud_steps(x, rate, BELOW_PEAK_DB), rate // 100
    runs = np.split(loud, np.flatnonzero(np.diff(loud) - 1 >= gap_s * 100) + 1) if len(loud) else []
    return [(int(run[0]) * step, int(run[-1] + 1) * step) for run in runs]


def _loud_steps(x: Samples, rate: int, below_peak_db: float) -> NDArray[np.intp]:
    """Which steps of 10 ms are louder than the loudest one less `below_peak_db`."""
    step = rate // 100
    energy = np.square(x[: len(x) // step * step].reshape(-1, step)).mean(axis=1)
    if not len(energy) or energy.max() < 1e-8:
        return np.zeros(0, np.intp)
    return np.flatnonzero(energy > energy.max() * 10 ** (-below_peak_db / 10))


def voiced(x: Samples, rate: int, start: int, end: int) -> tuple[int, int]:
    """The span of a word without the pause before or after it; short silences belong to its consonants."""
    pause = rate * SHORTEST_PAUSE_MS // 1000
    first, last = activity(x[start:end], rate, below_peak_db=30)
    return start + (first if first > pause else 0), start + last if end - start - last > pause else end


def levelled(x: Samples, rate: int, dbfs: float = SPEECH_DBFS) -> Samples:
    """Scaled so that speech, pauses left out, has the given RMS level; less if the peaks would clip."""
    return np.asarray(x * level_gain(x, rate, dbfs), np.float32)


def level_gain(x: Samples, rate: int, dbfs: float = SPEECH_DBFS) -> float:
    """The factor of `levelled`; 1 for silence."""
    step = rate // 50
    energy = np.square(x[: len(x) // step * step].reshape(-1, step)).mean(axis=1)
    if not len(energy) or energy.max() < 1e-8:
        return 1.0
    active = energy[energy > energy.max() * 10 ** (-25 / 10)].mean()
    return min(10 ** (dbfs / 20) / float(np.sqrt(active)), PEAK / max(float(np.abs(x).max()), 1e-9))


def for_line(x: Samples, rate: int) -> tuple[Pcm, Original]:
    """Speech of an engine as it is said on a line of 8 kHz, and what `widened` needs."""
    narrow = resample(x, rate, RATE)
    gain = level_gain(narrow, RATE)
    return to_pcm(np.asarray(narrow * gain, np.float32)), Original(x, rate, gain)


def widened(utterance: Utterance) -> Utterance:
    """The utterance with its speech at 16 kHz beside that at 8 kHz."""
    of = utterance.original or Original(from_pcm(utterance.pcm), RATE, 1.0)
    wide = to_pcm(np.asarray(resample(of.samples, of.rate, WIDE_RATE) * of.gain, np.float32))
    return replace(utterance, wide=fitted(wide, utterance.pcm))


def fitted(wide: Pcm, pcm: Pcm) -> Pcm:
    """Twice as many samples as `pcm` has, where rounding made one more or less."""
    return np.concatenate([wide, np.zeros(WIDE, np.int16)])[: WIDE * len(pcm)]


def to_pcm(x: Samples) -> Pcm:
    """Full scale 1.0 as 16-bit samples, clipped."""
    return np.clip(np.round(x * 32767.0), -32768, 32767).astype(np.int16)


def from_pcm(pcm: Pcm) -> Samples:
    """16-bit samples as full scale 1.0."""
    return pcm.astype(np.float32) / np.float32(32768.0)


def read_wav(path: Path, to_rate: int = RATE) -> Pcm:
    """A 16-bit WAV of any rate and channel count as mono of 8 kHz, or `to_rate`. Raises EngineError with one line."""
    channels = read_wav_channels(path, to_rate)
    return channels[:, 0].copy() if channels.shape[1] == 1 else np.round(channels.mean(axis=1)).astype(np.int16)


def read_wav_stereo(path: Path) -> NDArray[np.int16]:
    """A 16-bit WAV of any rate as 8 kHz, shape (samples, 1 or 2). Raises EngineError with one line."""
    channels = read_wav_channels(path)
    if channels.shape[1] > 2:
        raise EngineError(f"{path}: {channels.shape[1]} channels; one or two are expected")
    return channels


def check_wav(path: Path) -> None:
    """Raises EngineError with one line if `read_wav` would, or if there is nothing to hear."""
    with _opened(path) as file:
        said, width = file.getnframes(), file.getsampwidth() * file.getnchannels()
        data = file.readframes(said)
    heard = np.frombuffer(data, "<i2", len(data) // 2)
    if len(data) < width:
        raise EngineError(f"{path}: holds no sound, its header says {said} samples; record it again")
    if not heard.any():
        raise EngineError(f"{path}: all of its {said} samples are zero; record it again, with the microphone on")
    if int(heard.max()) - int(heard.min()) < INAUDIBLE:
        raise EngineError(f"{path}: too soft to be heard on a telephone; record it again, with the microphone on")
    if len(data) // width < said and said * width < UNCOUNTED:
        ends = f"the file ends after {len(data) // width}"
        raise EngineError(f"{path}: its header says {said} samples, but {ends}; copy or record it again")
    if _is_cut_off(path):
        raise EngineError(f"{path}: its header says {said} samples, but the file is longer; record it again")


def _is_cut_off(path: Path) -> bool:
    """Whether sound follows that the header does not count, as when a recorder ended before it finished the header."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        at, seen = 12, False
        while at + 8 <= size:
            file.seek(at)
            head = file.read(8)
            length = int.from_bytes(head[4:], "little")
            is_chunk = all(0x20 <= byte < 0x7F for byte in head[:4]) and length <= size - at - 8
            if seen and not is_chunk:
                return any(head) and size - at > MOST_TRAILING  # zeros fill a sector, tags of players are short
            seen = seen or head[:4] == b"data"
            at += 8 + length + length % 2
    return False


def read_wav_channels(path: Path, to_rate: int = RATE) -> NDArray[np.int16]:
    """A 16-bit WAV of any rate as 8 kHz, or `to_rate`: (samples, channels). Raises EngineError with one line."""
    with _opened(path) as file:
        channels, rate = file.getnchannels(), file.getframerate()
        data = file.readframes(file.getnframes())
    whole = len(data) // (2 * channels)
    pcm = np.frombuffer(data, "<i2", whole * channels).astype(np.int16).reshape(whole, channels)
    if rate == to_rate or not whole:
        return pcm
    sides = [to_pcm(resample(from_pcm(pcm[:, i]), rate, to_rate)) for i in range(channels)]
    return np.stack(sides, axis=1)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[wave.Wave_read]:
    """A WAV that we can read. Raises EngineError with one line."""
    try:
        with path.open("rb") as opened, wave.open(_counted(opened), "rb") as file:
            width, rate = file.getsampwidth(), file.getframerate()
            if width != 2:
                mend = f"make it 16-bit with: sox {path.name} -b 16 OUT.wav"
                raise EngineError(f"{path}: {8 * width}-bit audio; {mend}")
            if not 1000 <= rate <= 384_000:
                mend = f"make it 8000 Hz with: sox {path.name} -r 8000 OUT.wav"
                raise EngineError(f"{path}: a sample rate of {rate} Hz; {mend}")
            yield file
    except FileNotFoundError:
        raise EngineError(f"{path}: no such WAV file") from None
    except OSError as error:
        raise EngineError(f"{path}: cannot be read ({error.strerror})") from None
    except (EOFError, wave.Error, RuntimeError) as error:  # RuntimeError: a chunk that is longer than said
        if str(error).startswith("unknown format"):
            mend = f"make it 16-bit PCM with: ffmpeg -i {path.name} -c:a pcm_s16le OUT.wav"
            raise EngineError(f"{path}: a WAV of a kind that is not read ({error}); {mend}") from None
        mend = "copy or record it again"  # damaged
        if "RIFF id" in str(error):
            mend = f"make it one with: ffmpeg -i {path.name} -ar 8000 -ac 1 OUT.wav"
        why = str(error) or ("it ends too early" if path.stat().st_size else "it is empty")
        raise EngineError(f"{path}: not a WAV file ({why}); {mend}") from None


def _counted(file: BinaryIO) -> BinaryIO:
    """The file, its header corrected if that counts less than there is: recorders that were cut off leave it at 0.

    Plain PCM in an extensible header is written as plain PCM, which Python reads since 3.12 only.
    """
    head = file.read(HEADER_BYTES)
    size = os.fstat(file.fileno()).st_size
    at = head.find(b"fmt ") + 8
    if head[:4] == b"RIFF" and head[at : at + 2] == EXTENSIBLE and head[at + 24 : at + 40] == PCM_KIND:
        head = head[:at] + PCM_KIND[:2] + head[at + 2 :]
        return io.BytesIO(head[:4] + (size - 8).to_bytes(4, "little") + head[8:] + file.read())
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE" and int.from_bytes(head[4:8], "little") + 8 < size:
        return io.BytesIO(head[:4] + (size - 8).to_bytes(4, "little") + head[8:] + file.read())
    file.seek(0)
    return file


def write_wav(path: Path, pcm: Pcm) -> None:
    """8 kHz 16-bit mono WAV. Raises EngineError if the file cannot be written."""
    try:
        with open(path, "wb") as out, wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(pcm.astype("<i2").tobytes())
    except OSError as error:
        raise EngineError(f"{path}: cannot write ({error.strerror})") from None
