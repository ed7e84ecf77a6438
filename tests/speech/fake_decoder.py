"""A recognizer's process without a model: `python -m tests.speech.fake_decoder MODEL`. It writes what it was asked."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from bargein.core.audio.pcm import Pcm
from bargein.core.turns.transcript import SoundProbabilities
from bargein.errors import EngineError
from bargein.speech.whisper_text import Decoded
from bargein.speech.whisper_worker import answer_requests


class FakeDecoder:
    """The language "broken" raises, "deadly" ends the process, "slow" takes half a second."""

    languages = ("en", "de")

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        if language == "broken":
            raise ValueError("no such sound")
        if language == "deadly":
            os._exit(3)
        print("libraries print")
        if language == "slow":
            time.sleep(0.5)
        return Decoded(f"{len(pcm)} {language} {' '.join(hints)} {os.getpid()}", -0.1, 0.1)

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded:
        return Decoded("4 0 7", -0.1, 0.1)

    def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        if not len(pcm):
            raise ValueError("no sound")
        return SoundProbabilities(0.25, 0.5, 0.25) if len(pcm) > 100 else None


def load() -> FakeDecoder:
    if sys.argv[1] == "missing":
        raise EngineError("no such model")
    if sys.argv[1] == "ending":
        sys.exit(1)
    return FakeDecoder()


if __name__ == "__main__":
    answer_requests(load)
