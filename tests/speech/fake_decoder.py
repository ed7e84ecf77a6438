"""A recognizer's process without a model: `python -m tests.speech.fake_decoder MODEL`. It writes what it was asked."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence

from bargein.core.audio.pcm import Pcm
from bargein.core.turns.transcript import SoundProbabilities
from bargein.errors import EngineError
from bargein.speech.whisper_text import Decoded
from bargein.speech.whisper_worker import answer_requests

HANGS = 77  # samples of a sound that is never judged


class FakeDecoder:
    """The language "broken" raises, "deadly" ends the process, "slow" takes half a second.

    "both" waits until two phrases are recognized at a time, "late" until a sound has been judged.
    """

    languages = ("en", "de")

    def __init__(self) -> None:
        self._both, self._judged = threading.Barrier(2, timeout=60), threading.Event()

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        if language == "broken":
            raise ValueError("no such sound")
        if language == "deadly":
            os._exit(3)
        print("libraries print")
        if language == "slow":
            time.sleep(0.5)
        if language == "both":
            self._both.wait()
        if language == "late" and not self._judged.wait(60):
            raise ValueError("no sound was judged")
        return Decoded(f"{len(pcm)} {language} {' '.join(hints)} {os.getpid()}", -0.1, 0.1)

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded:
        return Decoded("4 0 7", -0.1, 0.1)

    def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        if len(pcm) == HANGS:
            threading.Event().wait()
        if not len(pcm):
            raise ValueError("no sound")
        self._judged.set()
        return SoundProbabilities(0.25, 0.5, 0.25) if len(pcm) > 100 else None


def load() -> FakeDecoder:
    if sys.argv[1] == "missing":
        raise EngineError("no such model")
    if sys.argv[1] == "ending":
        sys.exit(1)
    return FakeDecoder()


if __name__ == "__main__":
    answer_requests(load, *map(int, sys.argv[2:]))
