"""Text to speech with Coqui TTS (`coqui-tts`, an extra): large models that are fetched from a hub at first use."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any

import numpy as np

from ..core.audio.pcm import RATE
from ..core.audio.utterance import Utterance, spread
from ..errors import EngineError
from .audio import activity, levelled, resample, to_pcm
from .listing import EngineListing, base

INSTALL = "pip install 'bargein[coqui]'"
MODELS = {  # language -> model, "*" for all others
    "en": "tts_models/en/ljspeech/vits",
    "de": "tts_models/de/thorsten/vits",
    "es": "tts_models/es/css10/vits",
    "*": "tts_models/multilingual/multi-dataset/xtts_v2",
}
LEAD_MS = 10
TAIL_MS = 120


def offers() -> list[EngineListing]:
    """The default model of each language."""
    missing = "" if importlib.util.find_spec("TTS") else INSTALL
    return [
        EngineListing("voice", "coqui", model, (language,), missing, "fetched at first use")
        for language, model in MODELS.items()
        if language != "*"
    ]


class CoquiTts:
    """Engine `coqui`. `voice`: MODEL or MODEL:SPEAKER, as `tts --list_models` names them."""

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
        """8 kHz speech; the words are laid over it by their length. Raises EngineError."""
        model, _, speaker = (voice or self._default).partition(":")
        model = model or MODELS.get(base(language), MODELS["*"])
        text = " ".join(text.split())
        if not any(c.isalnum() for c in text):
            return Utterance(text, np.zeros(0, np.int16), spread(text, 0, 0))
        with self._lock:  # torch models are not safe to run twice at a time
            audio, rate = self._speak(model, speaker, base(language), text)
        first, last = activity(audio, rate)
        begin, end = max(0, first - rate * LEAD_MS // 1000), last + rate * TAIL_MS // 1000
        pcm = to_pcm(levelled(resample(audio[begin:end], rate, RATE), RATE))
        return Utterance(text, pcm, spread(text, (first - begin) * RATE // rate, (last - begin) * RATE // rate))

    def _speak(self, model: str, speaker: str, language: str, text: str) -> tuple[Any, int]:
        try:
            if model not in self._loaded:
                self._loaded[model] = _api()(model_name=model, progress_bar=False)
            tts = self._loaded[model]
            more: dict[str, str] = {}
            if tts.is_multi_speaker:
                more["speaker"] = speaker or tts.speakers[0]
            if tts.is_multi_lingual:
                more["language"] = language
            audio = np.asarray(tts.tts(text=text, **more), np.float32)
            return audio, int(tts.synthesizer.output_sample_rate)
        except EngineError:
            raise
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise EngineError(f"coqui cannot speak with the model '{model}': {reason}") from None


def _api() -> Any:
    """The class TTS of the package. Raises EngineError."""
    try:
        from TTS.api import TTS
    except ImportError as error:
        raise EngineError(
            f"the voice engine coqui does not load: {INSTALL}, with torch and torchaudio ({error})"
        ) from None
    return TTS
