"""Text to speech with `hibari-tts`: English, the voice is in the package, exact word timings.

The network computes a duration for every phoneme before it computes the spectrum. The tensor is not among the model's
outputs; we add it (`with_output`), and the timing of every word costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.audio.utterance import Utterance, Word, spread
from ..errors import EngineError
from .audio import Samples, activity, for_line, voiced
from .listing import EngineListing, base
from .onnx_session import new_session, with_output
from .trim import TAIL_MS, trim
from .word_times import as_written

MODEL_RATE = 24000  # Hz
UNIT_SAMPLES = 600  # 25 ms, the unit of the durations: two spectrum frames of 12.5 ms
LATE_SAMPLES = 300  # half a unit: what forced alignment shows the boundaries to be late by
DURATIONS = "/Round_output_0"  # the tensor of rounded durations, one for each phoneme and the two pads
PHONEMES_AT_ONCE = 400  # what the network was trained on; longer sentences are cut at a clause
SEED = 1  # of the noise in the voice: the same text always gives the same samples

SENTENCE_GAP_MS = 280  # between two sentences of one utterance, tail included
CLAUSE_GAP_MS = 120


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One word as it is read out: its phonemes with the space before it, and how many phonemes that is."""

    phonemes: str

    @property
    def ends_clause(self) -> bool:
        return self.phonemes[-1:] in ",;:—.!?…"


class HibariTts:
    """Engine `hibari`. `voice`: a name from the package's list; "heart" is inside, others are fetched at first use."""

    name = "hibari"

    def __init__(self, voice: str = "heart", speed: float = 1.0) -> None:
        self._default = voice
        self._speed = speed
        self._voices: dict[str, tuple[Any, Any]] = {}  # voice -> onnxruntime session, hibari.Hibari
        self._readers: dict[bool, Any] = {}  # British or not -> hibari.g2p.G2P
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the default voice and the dictionary (0.5 s)."""
        self.synthesize("Hello.")

    def ready(self, language: str, voice: str) -> bool:
        """Whether the voice is on this machine. What does not exist is ready: it fails at once."""
        try:
            from hibari.voices import VOICES, voice_path

            if (voice or self._default) in VOICES:
                voice_path(voice or self._default, download_missing=False)
        except FileNotFoundError:
            return False
        except ImportError:
            pass
        return True

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech; a Word for every whitespace-separated piece of `text`, right to about 25 ms."""
        if base(language) != "en":
            raise EngineError(
                f"the voice engine hibari speaks English only: for language '{language}' set the engine espeak or piper"
            )
        session, hibari = self._voice(voice or self._default)
        parts: list[Samples] = []
        words: list[Word] = []
        at = 0  # samples at 24 kHz
        for sentence in _sentences(text, hibari):
            audio, spans = self._sentence(sentence, session, hibari)
            for piece, (start, end) in zip(sentence, spans, strict=True):
                words.append(Word(piece, int(at + start) // 3, int(at + end) // 3))
            gap = np.zeros(MODEL_RATE * (SENTENCE_GAP_MS - TAIL_MS) // 1000, np.float32)
            parts += [audio, gap] if len(audio) else []
            at += len(audio) + len(gap) if len(audio) else 0
        if not parts:
            return Utterance(" ".join(text.split()), np.zeros(0, np.int16), tuple(words))
        pcm, original = for_line(np.concatenate(parts[:-1]), MODEL_RATE)
        return Utterance(" ".join(text.split()), pcm, tuple(words), original=original)

    def _sentence(self, pieces: list[str], session: Any, hibari: Any) -> tuple[Samples, list[tuple[int, int]]]:
        """Audio at 24 kHz and the samples (start, end) of every piece."""
        from hibari.g2p.normalize import normalize

        read = normalize(" ".join(pieces)).split()
        spoken = _spoken(" ".join(read), hibari.g2p)
        if len(spoken) != len(read):  # the author's own phonemes, "[word](/wɜːd/)", may hold spaces
            spoken, read = [_Spoken("".join(word.phonemes for word in spoken))], [" ".join(pieces)]
        audio, spans = self._speak(spoken, session, hibari)
        if len(read) != len(spans) or not pieces:
            return audio, [(word.start, word.end) for word in spread(" ".join(pieces), *activity(audio, MODEL_RATE))]
        return audio, as_written(pieces, read, spans, lambda piece: len(normalize(piece).split()))

    def _speak(self, spoken: list[_Spoken], session: Any, hibari: Any) -> tuple[Samples, list[tuple[int, int]]]:
        """Audio at 24 kHz with the ends trimmed, and the span of every spoken word."""
        from hibari import dsp

        parts: list[Samples] = []
        spans: list[tuple[int, int]] = []
        at = 0
        for chunk in _chunks(spoken):
            ids = [[hibari.vocab[c] for c in word.phonemes if c in hibari.vocab] for word in chunk]
            flat = [0, *(i for word in ids for i in word), 0]
            if len(flat) == 2:
                spans += [(at, at)] * len(chunk)
                continue
            feed = {"ids": np.array([flat], np.int64), "speed": np.array([self._speed], np.float32)}
            *spectrum, durations = session.run(None, feed)
            audio = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(SEED))
            edges = np.concatenate([[0], np.cumsum(durations.ravel().astype(int))]) * UNIT_SAMPLES
            edges = np.maximum(edges - LATE_SAMPLES, 0)
            begin, first, _, end = trim(audio, MODEL_RATE)
            gap = MODEL_RATE * (CLAUSE_GAP_MS - TAIL_MS) // 1000
            index = 1  # after the pad
            edges[1] = min(edges[1], first)  # the first word has no space before it
            for word in ids:
                start, stop = voiced(audio, MODEL_RATE, int(edges[index]), int(edges[index + len(word)]))
                spans.append((at + min(max(start, begin), end) - begin, at + min(max(stop, begin), end) - begin))
                index += len(word)
            parts += [audio[begin:end], np.zeros(gap, np.float32)]
            at += end - begin + gap
        return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), spans

    def _voice(self, name: str) -> tuple[Any, Any]:
        """The session with durations and the package's own object, loaded once."""
        with self._lock:
            if name not in self._voices:
                self._voices[name] = self._open(name)
            return self._voices[name]

    def _open(self, name: str) -> tuple[Any, Any]:
        try:
            from hibari import Hibari
            from hibari.g2p import G2P
            from hibari.voices import VOICES, voice_path
        except ImportError as error:
            raise EngineError(
                f"the voice engine hibari needs a package: pip install hibari-tts==0.2.1 ({error})"
            ) from None
        if name not in VOICES:
            raise EngineError(f"the voice engine hibari has no voice '{name}': it has {', '.join(VOICES)}")
        try:
            path = voice_path(name)
        except (RuntimeError, OSError) as error:
            raise EngineError(f"the voice '{name}' of hibari cannot be fetched: {error}") from None
        british = bool(VOICES[name]["british"])
        if british not in self._readers:
            self._readers[british] = G2P(british=british)
        model = with_output(Path(path).read_bytes(), DURATIONS)
        try:
            session = new_session(model)
        except Exception as error:
            raise EngineError(
                f"the voice '{name}' of hibari does not load, this is known to work: pip install hibari-tts==0.2.1 "
                f"({type(error).__name__})"
            ) from None
        return session, _Package(Hibari.split_sentences, _vocabulary(), self._readers[british])


def listings() -> list[EngineListing]:
    """The voices of the package."""
    try:
        from hibari.voices import VOICES, voice_path
    except ImportError:
        return [EngineListing("voice", "hibari", "heart", ("en-US",), "pip install hibari-tts==0.2.1")]
    found = []
    for name, about in VOICES.items():
        note = f"{about['accent']} {about['gender']}, word timings"
        try:
            voice_path(name, download_missing=False)
        except FileNotFoundError:
            note += ", fetched at first use"
        found.append(EngineListing("voice", "hibari", name, ("en-GB" if about["british"] else "en-US",), note=note))
    return found


@dataclass(frozen=True, slots=True)
class _Package:
    """What we use of the package: its sentence splitter, its phoneme ids and its reader (grapheme to phoneme)."""

    split_sentences: Any
    vocab: dict[str, int]
    g2p: Any


def _vocabulary() -> dict[str, int]:
    import json

    from hibari.tts import ASSETS

    vocabulary: dict[str, int] = json.loads(Path(ASSETS, "vocab.json").read_text(encoding="utf-8"))
    return vocabulary


def _sentences(text: str, hibari: Any) -> list[list[str]]:
    """The whitespace-separated pieces of `text`, sentence by sentence."""
    pieces = text.split()
    sizes = [len(sentence.split()) for sentence in hibari.split_sentences(text)]
    if sum(sizes) != len(pieces):  # a quotation mark on its own is dropped by the splitter
        return [pieces]
    rest = iter(pieces)
    return [[next(rest) for _ in range(size)] for size in sizes]


def _spoken(text: str, g2p: Any) -> list[_Spoken]:
    """The words of normalized text with their phonemes; the space before a word belongs to it.

    The network's aligner puts the closure of a stop consonant ("t", "k", "b") into the space before it.
    """
    words = [""]
    for token in g2p.phonemize_tokens(g2p.tokenize(text)):
        words[-1] += token.phonemes or ""
        if token.whitespace:
            words.append(" ")
    words = [word if word.strip() else "" for word in words]
    return [_Spoken(word) for word in words]


def _chunks(words: Sequence[_Spoken]) -> Iterator[list[_Spoken]]:
    """Runs of words that the network can speak at once, cut after a clause where there is one."""
    chunk: list[_Spoken] = []
    size = 0
    for word in words:
        if chunk and size + len(word.phonemes) > PHONEMES_AT_ONCE:
            cut = next((i for i in range(len(chunk), len(chunk) // 2, -1) if chunk[i - 1].ends_clause), len(chunk))
            yield chunk[:cut]
            chunk = chunk[cut:]
            size = sum(len(kept.phonemes) for kept in chunk)
        chunk.append(word)
        size += len(word.phonemes)
    if chunk:
        yield chunk
