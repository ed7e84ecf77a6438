"""The engines by name. A missing package or model is a one-line error, and only when the engine is used."""

from __future__ import annotations

import functools
import logging
import os
from importlib import import_module
from pathlib import Path

from ..config import SpeechConfig
from ..errors import EngineError, UserError
from .base import Recognizer, TextToSpeech
from .listing import EngineListing
from .voice import Voice

log = logging.getLogger(__name__)

RECOGNIZERS = ("whisper", "vosk", "vosk-server", "openai", "wyoming")
REMOTE = ("vosk-server", "openai", "wyoming")  # of the recognizers: on another machine
VOICES = ("hibari", "piper", "kokoro", "espeak", "coqui", "openai", "wyoming")
FALLBACKS = ("piper", "kokoro", "espeak")  # where the configured engine does not speak a flow's language


def recognizer(speech: SpeechConfig, separate: bool = False) -> Recognizer:
    """The configured recognizer, not loaded yet. `separate`: one that works here does so in a process of its own.

    Raises UserError for an unknown name.
    """
    match speech.stt:
        case "whisper":
            from .stt_whisper import WhisperRecognizer

            return WhisperRecognizer(speech.stt_model, speech.stt_workers, separate)
        case "vosk":
            from .stt_vosk import VoskRecognizer

            return VoskRecognizer(speech.stt_model, speech.stt_workers)
        case "vosk-server":
            from .stt_vosk_server import VoskServerRecognizer

            return VoskServerRecognizer(speech.stt_model)
        case "openai":
            from .stt_openai import OpenAiRecognizer

            return OpenAiRecognizer(speech.stt_url, speech.stt_model, speech.stt_workers, speech.api_key_env)
        case "wyoming":
            from .stt_wyoming import WyomingRecognizer

            return WyomingRecognizer(speech.stt_url, speech.stt_model, speech.stt_workers)
    raise UserError(f"no recognizer '{speech.stt}': speech.stt is one of {', '.join(RECOGNIZERS)}", exit_code=2)


def configured(speech: SpeechConfig, name: str = "") -> TextToSpeech:
    """The voice engine of that name with its settings; "" is the configured one. Raises UserError."""
    name = name or speech.tts
    match name:
        case "openai":
            return tts(name, speech.tts_url, speech.tts_model, speech.api_key_env)
        case "wyoming":
            return tts(name, speech.tts_url)
    return tts(name)


@functools.cache
def tts(name: str, url: str = "", model: str = "", key_env: str = "") -> TextToSpeech:
    """The voice engine of that name, not loaded yet; one per process. Raises UserError for an unknown name."""
    match name:
        case "hibari":
            from .tts_hibari import HibariTts

            return HibariTts()
        case "piper":
            from .tts_piper import PiperTts

            return PiperTts()
        case "kokoro":
            from .tts_kokoro import KokoroTts

            return KokoroTts()
        case "espeak":
            from .tts_espeak import EspeakTts

            return EspeakTts()
        case "coqui":
            from .tts_coqui import CoquiTts

            return CoquiTts()
        case "openai":
            from .tts_openai import OpenAiTts

            return OpenAiTts(url, model, key_env)
        case "wyoming":
            from .tts_wyoming import WyomingTts

            return WyomingTts(url)
    raise UserError(f"no voice engine '{name}': speech.tts is one of {', '.join(VOICES)}", exit_code=2)


def voice(speech: SpeechConfig, language: str, wanted: str = "") -> Voice:
    """What speaks `language`: the configured engine, or the first of `FALLBACKS` that can.

    `wanted` is the engine's voice that a flow asks for; "" for the configured one.

    Raises EngineError with one line that says what to install if none can.
    """
    name = engine_for(speech.tts, language)
    if name == "espeak":
        log.warning("the voice for language '%s' is espeak: on the telephone callers understand little of it", language)
    wanted = wanted or (speech.voice if name == speech.tts else "")
    directory = cache_directory(speech.cache_dir) if speech.cache_mb else None
    return Voice(configured(speech, name), language, directory, wanted, disk_bytes=speech.cache_mb * 1_000_000)


def engine_for(configured: str, language: str) -> str:
    """The name of the voice engine to use for `language`. Raises EngineError."""
    tts(configured)  # refuses an unknown name
    lines = []
    for name in dict.fromkeys((configured, *FALLBACKS)):
        listings = [listing for listing in voice_listings(name) if listing.speaks(language)]
        if any(listing.available for listing in listings) or (name == configured and listings):
            return name
        lines += [listing.missing for listing in listings][:1]
    mend = f": {'; or '.join(lines)}" if lines else ""
    raise EngineError(f"no voice for language '{language}'{mend}")


def can_speak(name: str, language: str) -> bool:
    """Whether the engine has a voice for the language, installed or not."""
    return any(listing.speaks(language) for listing in voice_listings(name))


def voice_listings(name: str) -> list[EngineListing]:
    """The voices of one engine: the installed ones and those that can be installed."""
    return _listings_of(f"tts_{name}")


def recognizer_listings() -> list[EngineListing]:
    """The recognizers, what they understand and what is missing."""
    return [listing for name in RECOGNIZERS for listing in _listings_of(f"stt_{name.replace('-', '_')}")]


def _listings_of(module: str) -> list[EngineListing]:
    found: list[EngineListing] = import_module(f".{module}", __package__).listings()
    return found


def listings() -> list[EngineListing]:
    """Everything, voices first."""
    return [*(listing for name in VOICES for listing in voice_listings(name)), *recognizer_listings()]


def cache_directory(configured: str = "") -> Path | None:
    """Where speech is kept: as configured, else in the user's cache directory; None if there is none."""
    if configured:
        return Path(configured).expanduser()
    try:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # a service user without a home
        return None
    return Path(root) / "bargein" / "speech"
