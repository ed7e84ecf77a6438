"""Text to speech with Kokoro 82M (Apache-2.0), in English, Spanish, French, Italian and Portuguese.

`bargein engines install kokoro` fetches the model and its voices. The package `kokoro-onnx` (an extra) has the alphabet
of the model, and turns text into it with eSpeak's phonemizer (GPL-3). The model computes how many frames each phoneme
lasts, so the word timings are exact. A sentence costs half a second and more: see docs/engines.md.
"""

from __future__ import annotations

import importlib.util
import logging
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..core.audio.utterance import Utterance
from ..errors import EngineError
from .audio import Samples, for_line, voiced
from .installable import installed
from .listing import EngineListing, base
from .onnx_session import new_session, with_output
from .trim import trim
from .untimed import silent, untimed
from .word_times import Span, shared, timed

INSTALL = "pip install 'bargein[kokoro]'"
FETCH = "bargein engines install kokoro"
DURATIONS = "/encoder/Clip_output_0"  # frames per phoneme, with one more for the silence at each end
FRAME_SAMPLES = 600
MOST_PHONEMES = 510  # what the model takes at once
MODEL_RATE = 24000
STYLE_VALUES = 256
GAP_MS = 160  # between the pieces of a text that is too long for the model
LANGUAGES = {  # the first letter of a voice's name -> its language, what eSpeak calls it, the voice to take
    "a": ("en-US", "en-us", "af_heart"),
    "b": ("en-GB", "en-gb", "bf_emma"),
    "e": ("es", "es", "ef_dora"),
    "f": ("fr", "fr-fr", "ff_siwis"),
    "i": ("it", "it", "if_sara"),
    "p": ("pt-BR", "pt-br", "pf_dora"),
}


def listings() -> list[EngineListing]:
    """One voice for each language."""
    steps = [] if importlib.util.find_spec("kokoro_onnx") else [INSTALL]
    steps += [] if installed("kokoro") else [FETCH]
    note = "slow: for lines that are known in advance"
    return [
        EngineListing("voice", "kokoro", voice, (language,), ", then ".join(steps), note)
        for language, _, voice in LANGUAGES.values()
    ]


def defaults(language: str) -> tuple[str, str] | None:
    """What eSpeak calls the language, and its voice; None if Kokoro does not speak it."""
    fitting = [entry for entry in LANGUAGES.values() if base(entry[0]) == base(language)]
    exact = [entry for entry in fitting if entry[0].lower() == language.replace("_", "-").lower()]
    return (exact or fitting)[0][1:] if fitting else None


class KokoroTts:
    """Engine `kokoro`. `voice`: a name such as "ff_siwis"; "" is that of the language."""

    name = "kokoro"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None
        self._tokenizer: Any = None
        self._voices: dict[str, Samples] = {}

    def load(self) -> None:
        """Load the model (1 s). Raises EngineError with one line that says what to install."""
        with self._lock:
            if self._session is None:
                self._tokenizer, self._session = _opened(_folder() / "model.onnx")

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings. Raises EngineError."""
        chosen = defaults(language)
        if chosen is None:
            raise EngineError(f"kokoro does not speak '{language}': it speaks {', '.join(_languages())}")
        self.load()
        text = " ".join(text.split())
        phonemes = self._tokenizer.phonemize(text, chosen[0]) if text else ""
        if not any(c.isalpha() for c in phonemes):
            return silent(text)
        style = self._style(voice or chosen[1])
        audio, spans = self._spoken(phonemes, style)
        pieces = text.split()
        counts = [_count(self._tokenizer.phonemize(piece, chosen[0])) for piece in pieces]
        cut = trim(audio, MODEL_RATE)
        if not spans or not cut.last:
            return untimed(text, audio, MODEL_RATE)
        pcm, original = for_line(audio[cut.begin : cut.end], MODEL_RATE)
        times = shared(pieces, [cut.within(span) for span in spans], counts)
        return Utterance(text, pcm, timed(pieces, times, MODEL_RATE), original=original)

    def _spoken(self, phonemes: str, style: Samples) -> tuple[Samples, list[Span]]:
        """24 kHz audio, and the spans of the words as read."""
        parts: list[Samples] = []
        spans: list[Span] = []
        at = 0
        for piece in textwrap.wrap(phonemes, MOST_PHONEMES):
            tokens = self._tokenizer.tokenize(piece)
            given = {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": style[min(len(tokens), len(style)) - 1][None],
                "speed": np.ones(1, np.float32),
            }
            made, durations = self._session.run(None, given)
            audio = np.asarray(made, np.float32).ravel()
            edges = np.concatenate([[0], np.cumsum(np.asarray(durations).ravel())]).astype(int) * FRAME_SAMPLES
            heard = _words(self._tokenizer.known(piece), edges[1:])
            spans += [(at + a, at + b) for a, b in (voiced(audio, MODEL_RATE, *span) for span in heard)]
            parts += [audio, np.zeros(MODEL_RATE * GAP_MS // 1000, np.float32)]
            at += len(audio) + len(parts[-1])
        return np.concatenate(parts[:-1]), spans

    def _style(self, voice: str) -> Samples:
        """The style of a voice by the number of phonemes."""
        if voice not in self._voices:
            path = _folder() / "voices" / f"{Path(voice).name}.bin"
            if not path.is_file():
                here = ", ".join(sorted(file.stem for file in path.parent.glob("*.bin")))
                raise EngineError(f"kokoro has no voice '{voice}': there is {here}")
            self._voices[voice] = np.fromfile(path, "<f4").reshape(-1, STYLE_VALUES)
        return self._voices[voice]


def _folder() -> Path:
    folder = installed("kokoro")
    if folder is None:
        raise EngineError(f"the model of the voice engine kokoro is not here: {FETCH}")
    return folder


def _languages() -> list[str]:
    return list(dict.fromkeys(base(language) for language, _, _ in LANGUAGES.values()))


def _opened(path: Path) -> tuple[Any, Any]:
    """The tokenizer and the session of the model. Raises EngineError."""
    try:
        from kokoro_onnx.tokenizer import Tokenizer
    except ImportError as error:
        raise EngineError(f"the voice engine kokoro needs a package: {INSTALL} ({error})") from None
    logging.getLogger("phonemizer").setLevel(logging.ERROR)  # it warns of words that are read as one
    try:
        return Tokenizer(), new_session(with_output(path.read_bytes(), DURATIONS))
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise EngineError(f"{path}: kokoro cannot load this model ({reason})") from None


def _words(phonemes: str, edges: Any) -> list[Span]:
    """The spans between the spaces; `edges[i]` is where phoneme i begins. Punctuation alone is no word."""
    spans: list[Span] = []
    letters: list[int] = []
    for number, phoneme in enumerate([*phonemes, " "]):
        if phoneme == " ":
            if letters:
                spans.append((int(edges[letters[0]]), int(edges[letters[-1] + 1])))
            letters = []
        elif phoneme.isalpha():
            letters.append(number)
    return spans


def _count(phonemes: str) -> int:
    """The number of words in these phonemes."""
    return sum(any(c.isalpha() for c in word) for word in phonemes.split())
