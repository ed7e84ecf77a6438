"""Text to speech with Coqui TTS (`coqui-tts`, an extra): large models that are fetched from a hub at first use."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio.utterance import Utterance
from ..errors import EngineError
from .audio import Samples, for_line
from .listing import EngineListing, base
from .trim import trim
from .untimed import silent, untimed
from .word_times import Span, timed

INSTALL = "pip install 'bargein[coqui]'"
MODELS = {  # language -> model, "*" for all others
    "en": "tts_models/en/ljspeech/vits",
    "de": "tts_models/de/thorsten/vits",
    "es": "tts_models/es/css10/vits",
    "*": "tts_models/multilingual/multi-dataset/xtts_v2",
}
GAP_MS = 200  # between sentences


def listings() -> list[EngineListing]:
    """The default model of each language."""
    missing = "" if importlib.util.find_spec("TTS") else INSTALL
    return [
        EngineListing("voice", "coqui", model, (language,), missing, "fetched at first use")
        for language, model in MODELS.items()
        if language != "*"
    ]


class CoquiTts:
    """Engine `coqui`. `voice`: MODEL or MODEL:SPEAKER, as `tts --list_models` names them, or a model's directory."""

    name = "coqui"

    def __init__(self, voice: str = "") -> None:
        self._default = voice
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def load(self) -> None:
        """Check that the package can be imported; a model is loaded when it speaks."""
        _api()

    def ready(self, language: str, voice: str) -> bool:
        """Whether the model is loaded: to fetch and load one takes up to minutes."""
        model = (voice or self._default).partition(":")[0]
        return (model or MODELS.get(base(language), MODELS["*"])) in self._loaded

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings, exact where the model has durations. Raises EngineError."""
        model, _, speaker = (voice or self._default).partition(":")
        model = model or MODELS.get(base(language), MODELS["*"])
        text = " ".join(text.split())
        if not any(c.isalnum() for c in text):
            return silent(text)
        with self._lock:  # torch models are not safe to run twice at a time
            audio, rate, spans = self._speak(model, speaker, base(language), text)
        cut = trim(audio, rate)
        pieces = text.split()
        if not cut.last or len(spans) != len(pieces):  # a model without durations, or one that reads "5" as two words
            return untimed(text, audio, rate)
        pcm, original = for_line(audio[cut.begin : cut.end], rate)
        words = timed(pieces, [cut.within(span) for span in spans], rate)
        return Utterance(text, pcm, words, original=original)

    def _speak(self, model: str, speaker: str, language: str, text: str) -> tuple[Samples, int, list[Span]]:
        """Audio, its rate, and the spans of the words in it where the model has durations."""
        try:
            if model not in self._loaded:
                self._loaded[model] = _opened(model)
            tts = self._loaded[model]
            more: dict[str, str] = {}
            if tts.is_multi_speaker:
                more["speaker"] = speaker or tts.speakers[0]
            if tts.is_multi_lingual:
                more["language"] = language
            rate = int(tts.synthesizer.output_sample_rate)
            timed = _timed(tts, text, more)
            if timed is not None:
                return timed[0], rate, timed[1]
            return np.asarray(tts.tts(text=text, **more), np.float32), rate, []
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"coqui cannot speak with the model '{model}': {_reason(error)}") from None


def _opened(model: str) -> Any:
    """A model by name, fetched if it is not here, or from a directory. Raises EngineError and what coqui raises."""
    folder = Path(model).expanduser()
    if folder.is_absolute() or model.startswith("."):
        files = sorted(folder.glob("*.pth"))
        if not files or not (folder / "config.json").is_file():
            raise EngineError(f"{model}: no coqui model here (a directory with config.json and one .pth file)")
        try:
            return _api()(model_path=str(files[0]), config_path=str(folder / "config.json"), progress_bar=False)
        except Exception as error:
            raise EngineError(
                f"{model}: coqui cannot load this model ({type(error).__name__}: {_reason(error)})"
            ) from None
    if "xtts" in model and os.environ.get("COQUI_TOS_AGREED") != "1":  # else coqui asks on stdin
        raise EngineError(f"the model '{model}' is for non-commercial use only: to agree set COQUI_TOS_AGREED=1")
    unknown = EngineError(f"coqui has no model '{model}'; tts --list_models lists them")
    if not model.startswith("tts_models/") or model.count("/") != 3:
        raise unknown
    try:
        return _api()(model_name=model, progress_bar=False)
    except KeyError:
        raise unknown from None
    except (OSError, EOFError) as error:  # those of requests are OSErrors
        mend = "see that this machine has access to it, or name the directory of a model"
        raise EngineError(f"the model '{model}' cannot be fetched ({_reason(error)}); {mend}") from None


def _reason(error: Exception) -> str:
    """One line, and of a failed download not more than what failed: requests tells the whole chain of its calls."""
    lines = (str(error) or type(error).__name__).splitlines()
    inner = re.search(r"HTTPSConnection\(.*?\): (.*?)\"\)+$", lines[0])
    return inner[1] if inner else lines[0]


def _timed(tts: Any, text: str, more: Mapping[str, str]) -> tuple[Samples, list[Span]] | None:
    """Audio and the spans of the words as read, by the durations of the model; None if it has none (as VITS has)."""
    model: Any = getattr(tts.synthesizer, "tts_model", None)
    if not hasattr(model, "synthesize") or getattr(model, "tokenizer", None) is None:
        return None  # as a model of Bark or XTTS, or a class of another version
    parts: list[Samples] = []
    spans: list[Span] = []
    at = 0
    for sentence in tts.synthesizer.split_into_sentences(text):
        made = model.synthesize(sentence, **more)
        durations = made.get("outputs", {}).get("durations")
        if durations is None:
            return None
        audio = np.asarray(made["wav"], np.float32).ravel()
        letters = [model.tokenizer.decode([int(token)]) for token in np.asarray(made["text_inputs"]).ravel()]
        edges = np.concatenate([[0.0], np.cumsum(np.asarray(durations, np.float64).ravel())])
        edges *= len(audio) / max(edges[-1], 1.0)
        spans += [(at + a, at + b) for a, b in _words(letters, edges)]
        gap = np.zeros(int(tts.synthesizer.output_sample_rate * GAP_MS / 1000), np.float32)
        parts += [audio, gap]
        at += len(audio) + len(gap)
    return (np.concatenate(parts), spans) if parts else None


def _words(letters: Sequence[str], edges: NDArray[np.float64]) -> list[Span]:
    """Spans between the spaces, without the pause of the punctuation. Blanks and punctuation alone are no word."""
    spans: list[Span] = []
    start: float | None = None
    end: float | None = None
    for number, letter in enumerate([*letters, " "]):
        if letter == " ":
            if start is not None:
                spans.append((int(start), int(edges[min(number, len(letters))] if end is None else end)))
            start = end = None
        elif len(letter) == 1 and letter.isalpha():
            start, end = edges[number] if start is None else start, None
        elif len(letter) == 1 and start is not None and end is None:
            end = edges[number]
    return spans


def _api() -> Any:
    """The class TTS of the package. Raises EngineError."""
    try:
        from TTS.api import TTS
    except ImportError as error:
        raise EngineError(
            f"the voice engine coqui does not load: {INSTALL}, with torch and torchaudio ({error})"
        ) from None
    logging.getLogger("TTS").setLevel(logging.CRITICAL)  # it logs tracebacks of what it raises as well
    return TTS
