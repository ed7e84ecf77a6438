"""A server that has a recognizer's process: prints its id, then waits to be killed."""

from __future__ import annotations

import sys
import time

from bargein.speech.whisper_process import DecoderProcess

if __name__ == "__main__":
    process = DecoderProcess("fake", (sys.executable, "-m", "tests.speech.fake_decoder"))
    print(process.pid, flush=True)
    time.sleep(600)
