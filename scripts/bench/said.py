"""What the benchmarks of the caller's turn share: what is said, the bundled recognizer with its answers on disk, and
weights that were trained without the speaker."""

from __future__ import annotations

import csv
import hashlib
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bargein.config import SpeechConfig
from bargein.core.audio.pcm import RATE, Pcm
from bargein.core.turns.transcript import Transcript
from bargein.core.turns.turn_end import TurnEndModel
from bargein.data.trained import load_weights
from bargein.offline.replay import Blocking
from bargein.speech import catalog
from bargein.speech.whisper_decoder import WhisperDecoder
from bargein.speech.whisper_ending import ended
from bargein.speech.whisper_model import BUNDLED
from bargein.speech.whisper_stream import LONGEST_S, loud_part
from sounds import active_dbfs, read_wav

Weights = dict[str, np.ndarray]

PAUSES_S = (0.0, 0.5, 0.8, 1.2)
RECOGNITION_S = 0.2
ROOM_DBFS, CALLER_DBFS = -62.0, -24.0


class Said(NamedTuple):
    """One utterance: its words, 8 kHz samples, and who speaks."""

    words: str
    sound: np.ndarray
    speaker: str


class EndWeights:
    """The weights that tell the end of a turn: the shipped ones, or those of a folder.

    `held_out`: the folder holds a folder for each speaker; see scripts/training/train-turn-end.
    """

    def __init__(self, folder: Path | None, held_out: bool = False) -> None:
        self._folder, self._held_out = folder, held_out

    def of(self, speaker: str) -> tuple[TurnEndModel, Weights | None]:
        """What to judge this speaker by. The second half is for the recognizer; None: its own."""
        if self._folder is None:
            return TurnEndModel.of(load_weights("turn_end")), None
        folder = self._folder / speaker if self._held_out else self._folder
        return TurnEndModel.of(np.load(folder / "turn_end.npz")), dict(np.load(folder / "whisper_ending.npz"))


def bundled() -> Callable[[Pcm], Transcript]:
    """The bundled recognizer, loaded."""
    recognizer = catalog.recognizer(SpeechConfig())
    recognizer.load()
    return Blocking(recognizer, "en")


class KeptWords:
    """The bundled recognizer with its answers on disk, so that a second run is fast. `ending`: other weights of it."""

    def __init__(self, path: Path | None) -> None:
        self.ending: Weights | None = None
        self._path = path
        self._known: dict[str, Transcript] = {}
        self._sounds: dict[str, np.ndarray | None] = {}  # `last_sounds`, where they were needed
        if path and path.exists():
            self._known, self._sounds = pickle.loads(path.read_bytes())
        self._thread = ThreadPoolExecutor(1)
        self._recognize: Callable[[Pcm], Transcript] | None = None
        self._encoder: WhisperDecoder | None = None

    def words(self, pcm: Pcm) -> tuple[str, Transcript]:
        """A key of what is loud in `pcm`, and its words."""
        key = hashlib.sha1(loud_part(pcm).tobytes()).hexdigest()
        if key not in self._known:
            self._known[key] = self._thread.submit(self._decoded, pcm).result()
        words = self._known[key]
        if self.ending is None or words.ended is None:
            return key, words
        if key not in self._sounds:
            self._sounds[key] = self._thread.submit(self._encoded, pcm).result()
        sounds = self._sounds[key]
        return key, words if sounds is None else replace(words, ended=ended(sounds, self.ending))

    def _decoded(self, pcm: Pcm) -> Transcript:
        if self._recognize is None:
            self._recognize = bundled()
        return self._recognize(pcm)

    def _encoded(self, pcm: Pcm) -> np.ndarray | None:
        if self._encoder is None:
            self._encoder = WhisperDecoder(BUNDLED)
        return self._encoder.last_sounds(pcm[-int(LONGEST_S * RATE) :])

    def save(self) -> None:
        if self._path:
            self._path.write_bytes(pickle.dumps((self._known, self._sounds)))


class Words:
    """The bundled recognizer, or answers that it gave before, in a folder that processes may share."""

    def __init__(self, cache: Path | None) -> None:
        self._folder = cache
        self._recognize: Callable[[Pcm], Transcript] | None = None

    def __call__(self, pcm: Pcm) -> Transcript:
        path = self._folder / hashlib.sha1(pcm.tobytes()).hexdigest() if self._folder else None
        if path is not None and path.exists():
            known: Transcript = pickle.loads(path.read_bytes())
            return known
        if self._recognize is None:
            self._recognize = bundled()
        words = self._recognize(pcm)
        if path is not None:
            path.write_bytes(pickle.dumps(words))
        return words


def utterances(corpus: Path, count: int, seed: int) -> dict[str, list[Said]]:
    """What is said, by the name of its row in the table."""
    with open(corpus / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["lang"].startswith("en")]

    def audio(row: dict[str, str]) -> np.ndarray:
        x = read_wav(corpus / row["file"]).astype(np.float64)
        x = x[max(0, int(float(row["onset_s"]) * RATE) - 80) : int(float(row["offset_s"]) * RATE) + 80]
        return x * 10 ** ((CALLER_DBFS - active_dbfs(x)) / 20)

    spoken = [row for row in rows if row["class"] == "speech" and len(row["transcript"].split()) >= 4]
    spoken = [row for row in spoken if float(row["offset_s"]) - float(row["onset_s"]) >= 1.2]
    chosen = [spoken[i] for i in np.random.default_rng(seed).permutation(len(spoken))[:count]]

    def said(row: dict[str, str], pause_s: float) -> Said:
        return Said(row["transcript"], paused(audio(row), pause_s), row["speaker"] or row["source"])

    table = {f"pause {pause} s": [said(row, pause) for row in chosen] for pause in PAUSES_S}
    return {**table, "own pauses": [said(row, 0.0) for row in rows if row["class"] == "pause"]}


def paused(x: np.ndarray, pause_s: float) -> np.ndarray:
    """With a silence of `pause_s` at the quietest place near the middle."""
    starts = range(int(0.35 * len(x)), int(0.65 * len(x)), 40)
    at = starts[int(np.argmin([np.mean(x[i : i + 480] ** 2) for i in starts]))] + 240
    fade = np.minimum(1, np.arange(at, 0, -1) / 80), np.minimum(1, np.arange(len(x) - at) / 80)
    return np.concatenate([x[:at] * fade[0], np.zeros(int(pause_s * RATE)), x[at:] * fade[1]]) if pause_s else x
