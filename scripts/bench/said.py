"""What the benchmarks of the caller's turn share: what is said, and the bundled recognizer with its answers on disk."""

from __future__ import annotations

import csv
import hashlib
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bargein.config import SpeechConfig
from bargein.core.audio.pcm import RATE, Pcm
from bargein.core.turns.transcript import Transcript
from bargein.offline.replay import blocking
from bargein.speech import catalog
from bargein.speech.whisper_stream import loud_part
from sounds import active_dbfs, read_wav

PAUSES_S = (0.0, 0.5, 0.8, 1.2)
RECOGNITION_S = 0.2
ROOM_DBFS, CALLER_DBFS = -62.0, -24.0


class KeptWords:
    """The bundled recognizer with its answers on disk, so that a second run is fast."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Transcript] = pickle.loads(path.read_bytes()) if path and path.exists() else {}
        self._thread = ThreadPoolExecutor(1)
        self._recognize: Callable[[Pcm], Transcript] | None = None

    def words(self, pcm: Pcm) -> tuple[str, Transcript]:
        """A key of what is loud in `pcm`, and its words."""
        key = hashlib.sha1(loud_part(pcm).tobytes()).hexdigest()
        if key not in self._known:
            self._known[key] = self._thread.submit(self._decoded, pcm).result()
        return key, self._known[key]

    def _decoded(self, pcm: Pcm) -> Transcript:
        if self._recognize is None:
            recognizer = catalog.recognizer(SpeechConfig())
            recognizer.load()
            self._recognize = blocking(recognizer, "en")
        return self._recognize(pcm)

    def save(self) -> None:
        if self._path:
            self._path.write_bytes(pickle.dumps(self._known))


def utterances(corpus: Path, count: int, seed: int) -> dict[str, list[tuple[str, np.ndarray]]]:
    """What is said, with the words, by the name of its row in the table."""
    with open(corpus / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["lang"].startswith("en")]

    def audio(row: dict[str, str]) -> np.ndarray:
        x = read_wav(corpus / row["file"]).astype(np.float64)
        x = x[max(0, int(float(row["onset_s"]) * RATE) - 80) : int(float(row["offset_s"]) * RATE) + 80]
        return x * 10 ** ((CALLER_DBFS - active_dbfs(x)) / 20)

    spoken = [row for row in rows if row["class"] == "speech" and len(row["transcript"].split()) >= 4]
    spoken = [row for row in spoken if float(row["offset_s"]) - float(row["onset_s"]) >= 1.2]
    chosen = [spoken[i] for i in np.random.default_rng(seed).permutation(len(spoken))[:count]]
    said = {
        f"pause {pause} s": [(row["transcript"], paused(audio(row), pause)) for row in chosen] for pause in PAUSES_S
    }
    return {**said, "own pauses": [(row["transcript"], audio(row)) for row in rows if row["class"] == "pause"]}


def paused(x: np.ndarray, pause_s: float) -> np.ndarray:
    starts = range(int(0.35 * len(x)), int(0.65 * len(x)), 40)
    at = starts[int(np.argmin([np.mean(x[i : i + 480] ** 2) for i in starts]))] + 240
    fade = np.minimum(1, np.arange(at, 0, -1) / 80), np.minimum(1, np.arange(len(x) - at) / 80)
    return np.concatenate([x[:at] * fade[0], np.zeros(int(pause_s * RATE)), x[at:] * fade[1]]) if pause_s else x
