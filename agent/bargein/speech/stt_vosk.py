"""Speech to text with Vosk and a model that the user has downloaded (https://alphacephei.com/vosk/models).

Kaldi decodes while the audio arrives, so a partial result is available at once. One call of Kaldi may block for half a
second. So the streams run in the threads of the engine, the jobs of a stream in order, with several frames in each job.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..core.audio.pcm import RATE, Pcm, to_bytes
from ..core.turns.transcript import Transcript
from ..errors import EngineError
from .background import EngineRequests
from .listing import EngineListing, base

Result = TypeVar("Result")

BLOCK_SAMPLES = 1600  # 200 ms, as in Vosk's own servers
INSTALL = "pip install vosk"
MODELS = "https://alphacephei.com/vosk/models"
_CODES = {"cn": "zh", "ua": "uk", "vn": "vi", "kz": "kk", "ph": "tl"}  # where Vosk names the country


def listings() -> list[EngineListing]:
    """One entry: any language that has a model."""
    missing = "" if importlib.util.find_spec("vosk") else INSTALL
    note = f"any language: speech.stt_model names a directory from {MODELS}"
    return [EngineListing("recognizer", "vosk", "DIRECTORY", ("*",), missing, note)]


class VoskRecognizer(EngineRequests):
    """Engine `vosk`. `model`: the directory of a model. The model sets the language, whatever the flow says.

    With `grammar` the engine recognizes the hints only, and finds one of them in any sound. Use it only for a flow that
    other words must never interrupt.
    """

    name = "vosk"

    def __init__(self, model: str, workers: int = 1, grammar: bool = False) -> None:
        super().__init__(workers, "vosk")
        self._grammar = grammar
        self._path = Path(model).expanduser() if model else None
        self._model: Any = None
        self._dynamic = False
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the model, which takes seconds if it is large. Raises EngineError with one line."""
        with self._lock:
            if self._model is not None:
                return
            path = self._path
            if path is None:
                raise EngineError(f"the recognizer vosk needs speech.stt_model, the directory of a model from {MODELS}")
            if not (path / "am").is_dir() and not (path / "final.mdl").is_file():
                raise EngineError(f"{path}: no Vosk model here; get one from {MODELS} and unpack it")
            try:
                import vosk
            except (ImportError, OSError) as error:
                raise EngineError(f"the recognizer vosk needs a package: {INSTALL} ({error})") from None
            vosk.SetLogLevel(-1)
            try:
                self._model = vosk.Model(str(path))
            except Exception:
                raise EngineError(f"{path}: Vosk cannot load this model; get one from {MODELS}") from None
            self._dynamic = (path / "graph" / "Gr.fst").is_file()

    def check(self, language: str) -> None:
        """Raises EngineError if the name of the model names another language: vosk-model-small-de-0.15."""
        own = language_of(self._path.name) if self._path else ""
        if own and own != base(language):
            raise EngineError(f"{self._path}: this Vosk model is for '{own}', not for '{language}'; see {MODELS}")

    def stream(self, language: str, hints: Sequence[str] = ()) -> VoskStream:
        """A stream for one turn. The hints become a grammar if the model supports one and knows all of their words."""
        self.load()
        return VoskStream(self._recognizer(hints), self)

    def _recognizer(self, hints: Sequence[str]) -> Any:
        import vosk

        phrases = [hint.lower() for hint in hints]
        known = all(self._knows(word) for phrase in phrases for word in phrase.split())
        if self._grammar and self._dynamic and phrases and known:
            phrases += ["[unk]"] if self._knows("[unk]") else []
            made = vosk.KaldiRecognizer(self._model, RATE, json.dumps(phrases, ensure_ascii=False))
        else:
            made = vosk.KaldiRecognizer(self._model, RATE)
        made.SetWords(True)
        return made

    def _knows(self, word: str) -> bool:
        return bool(self._model.vosk_model_find_word(word) >= 0)


def language_of(model: str) -> str:
    """ISO 639-1 code in the name of one of Vosk's models; "" if it has none, or one that is no language code."""
    parts = model.lower().removeprefix("vosk-model-").removeprefix("small-").split("-")
    code = parts[0] if model.lower().startswith("vosk-model-") else ""
    return _CODES.get(code, code) if len(code) == 2 else ""


class VoskStream:
    """One turn of the caller. Its jobs run one after the other in the threads of the engine."""

    def __init__(self, recognizer: Any, requests: EngineRequests) -> None:
        self._recognizer = recognizer
        self._requests = requests
        self._blocks: list[Pcm] = []
        self._samples = 0
        self._segments: list[list[tuple[str, float]]] = []  # words and confidences of finished segments
        self._jobs: asyncio.Task[Any] | None = None  # the last job; the next one waits for it
        self._cancelled = False
        self._last = Transcript("", 0.0, 0.0, False)

    def feed(self, pcm: Pcm) -> None:
        """Append 8 kHz samples."""
        self._blocks.append(pcm)
        self._samples += len(pcm)
        if self._samples >= BLOCK_SAMPLES and not self._cancelled:
            self._then(self._accepting())

    async def partial(self) -> Transcript:
        """The words so far."""
        work = self._accepting()
        return await self._then(lambda: self._words(work, False))

    async def final(self) -> Transcript:
        """The whole turn."""
        work = self._accepting()
        return await self._then(lambda: self._words(work, True))

    def cancel(self) -> None:
        """Drop the jobs in the queue."""
        self._cancelled = True

    def _accepting(self) -> Callable[[], None]:
        """A job that feeds the audio so far to Kaldi."""
        blocks, self._blocks, self._samples = self._blocks, [], 0

        def accept() -> None:
            if blocks and not self._cancelled and self._recognizer.AcceptWaveform(to_bytes(np.concatenate(blocks))):
                self._segments.append(_spoken(self._recognizer.Result()))

        return accept

    def _then(self, work: Callable[[], Result]) -> asyncio.Task[Result]:
        """Run `work` in a thread, after the earlier jobs."""
        before = self._jobs

        async def run() -> Result:
            if before is not None:
                await asyncio.wait([before])
            return await asyncio.wrap_future(self._requests.submit(work))

        task = asyncio.create_task(run())
        self._jobs = task
        return task

    def _words(self, accept: Callable[[], None], final: bool) -> Transcript:
        if self._cancelled:
            return self._last
        accept()
        if final:
            self._segments.append(_spoken(self._recognizer.FinalResult()))
            rest: list[tuple[str, float]] = []
        else:
            said = json.loads(self._recognizer.PartialResult()).get("partial", "")
            rest = [(word, 0.8) for word in said.split()]  # Kaldi gives no confidence before the end of a segment
        words = [word for segment in self._segments for word in segment] + rest
        self._last = transcript(words, final)
        return self._last


def _spoken(answer: str) -> list[tuple[str, float]]:
    """The words of a result, with confidences. Without confidences from the model, all are equal."""
    result = json.loads(answer)
    if "result" in result:
        return [(word["word"], float(word.get("conf", 1.0))) for word in result["result"]]
    return [(word, 1.0) for word in result.get("text", "").split()]


def transcript(words: Sequence[tuple[str, float]], final: bool) -> Transcript:
    """The words of Vosk, without its marks for sounds that are not words."""
    recognized = [(word, confidence) for word, confidence in words if word not in ("[unk]", "<unk>")]
    if not recognized:
        return Transcript("", 0.0, 0.0, final)
    mean = sum(confidence for _, confidence in recognized) / len(recognized)
    return Transcript(" ".join(word for word, _ in recognized), mean, mean, final)
