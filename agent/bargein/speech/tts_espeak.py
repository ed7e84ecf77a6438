"""Text to speech with eSpeak NG (GPL-3): 100 languages, a robotic voice.

The library is that of the system, or that in the package `espeakng-loader`. It reports the position of every word
(espeak_EVENT in speak_lib.h), so the timings are exact.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import threading
from typing import Any

import numpy as np

from ..core.audio.pcm import RATE
from ..core.audio.utterance import Utterance, Word
from ..errors import EngineError
from .audio import for_line, from_pcm, voiced
from .listing import EngineListing
from .trim import trim
from .untimed import silent

INSTALL = "apt install espeak-ng, or pip install espeakng-loader"
SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth calls the callback before it returns
UTF8 = 1  # espeakCHARS_UTF8
CHARACTERS = 1  # POS_CHARACTER
WORD_EVENT, LIST_END = 1, 0
RATE_PARAMETER, WORDS_A_MINUTE = 1, 165


class _Event(ctypes.Structure):
    """espeak_EVENT. `sample` counts from the beginning of the text, and `text_position` from 1."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def library() -> tuple[str, str | None] | None:
    """The shared library and its data directory (None: the default). None if there is no library."""
    if importlib.util.find_spec("espeakng_loader") is not None:
        import espeakng_loader

        return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    found = ctypes.util.find_library("espeak-ng")
    return (found, None) if found else None


def listings() -> list[EngineListing]:
    """One entry for all languages."""
    missing = "" if library() else INSTALL
    return [
        EngineListing(
            "voice",
            "espeak",
            "LANGUAGE",
            ("*",),
            missing,
            "100 languages, word timings; hard to understand on the telephone",
        )
    ]


class EspeakTts:
    """Engine `espeak`. `voice`: a name of `espeak-ng --voices`, with or without a variant, such as "de+f2"."""

    name = "espeak"

    def __init__(self, voice: str = "") -> None:
        self._default = voice
        self._lock = threading.Lock()  # the library has one state per process
        self._library: Any = None
        self._rate = 0

    def load(self) -> None:
        """Load the library. Raises EngineError."""
        with self._lock:
            if self._library is not None:
                return
            found = library()
            if found is None:
                raise EngineError(f"the voice engine espeak is not here: {INSTALL}")
            path, data = found
            try:
                loaded = ctypes.CDLL(path)
            except OSError as error:
                raise EngineError(f"the voice engine espeak does not load ({error}): {INSTALL}") from None
            self._rate = loaded.espeak_Initialize(SYNCHRONOUS, 200, data.encode() if data else None, 0)
            if self._rate <= 0:
                raise EngineError(f"espeak finds no data in {data or 'its own directory'}: {INSTALL}")
            loaded.espeak_SetParameter(RATE_PARAMETER, WORDS_A_MINUTE, 0)
            self._library = loaded

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech with word timings. Raises EngineError."""
        self.load()
        text = " ".join(text.split())
        name = voice or self._default or language.lower()
        with self._lock:
            known = self._library.espeak_SetVoiceByName(name.encode()) == 0
            if not known and not voice:
                known = self._library.espeak_SetVoiceByName(name.split("-")[0].encode()) == 0
            if not known:
                raise EngineError(f"espeak has no voice '{name}': espeak-ng --voices lists them")
            blocks, begins = self._run(text)
        audio = from_pcm(np.concatenate(blocks) if blocks else np.zeros(0, np.int16))
        if not len(audio):
            return silent(text)
        begin, _, last, end = trim(audio, self._rate)
        pcm, original = for_line(audio[begin:end], self._rate)
        starts = [(position, min(max(at, begin), last) - begin) for position, at in begins]
        scaled = [(position, at * RATE // self._rate) for position, at in starts]
        words = _words(text, scaled, (last - begin) * RATE // self._rate)
        speech = from_pcm(pcm)
        words = tuple(Word(w.text, *voiced(speech, RATE, w.start, w.end)) for w in words)
        return Utterance(text, pcm, words, original=original)

    def _run(self, text: str) -> tuple[list[Any], list[tuple[int, int]]]:
        """The blocks of audio, and for every word event its character (from 0) and its first sample."""
        blocks: list[Any] = []
        begins: list[tuple[int, int]] = []

        def callback(wav: Any, count: int, events: Any) -> int:
            if wav and count > 0:
                blocks.append(np.ctypeslib.as_array(wav, (count,)).copy())
            i = 0
            while events[i].type != LIST_END:
                if events[i].type == WORD_EVENT:
                    begins.append((events[i].text_position - 1, events[i].audio_position * self._rate // 1000))
                i += 1
            return 0

        keep = _Callback(callback)
        data = text.encode() + b"\0"
        self._library.espeak_SetSynthCallback(keep)
        status = self._library.espeak_Synth(data, len(data), 0, CHARACTERS, 0, UTF8, None, None)
        if status != 0:
            raise EngineError(f"espeak cannot speak this text (status {status})")
        return blocks, begins


def _words(text: str, begins: list[tuple[int, int]], end: int) -> tuple[Word, ...]:
    """A Word for each piece of `text`. A piece without an event has no length."""
    pieces: list[tuple[str, int, int]] = []  # piece, first character, character after the last
    at = 0
    for piece in text.split(" "):
        pieces.append((piece, at, at + len(piece)))
        at += len(piece) + 1
    starts: list[int | None] = []
    for _, first, after in pieces:
        inside = [sample for position, sample in begins if first <= position < after]
        starts.append(min(inside) if inside else None)
    words: list[Word] = []
    following = end
    for (piece, _, _), start in reversed(list(zip(pieces, starts, strict=True))):
        start = following if start is None else min(start, following)
        words.append(Word(piece, start, following))
        following = start
    return tuple(reversed(words))
