"""How long work waits for a thread of an engine."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from bargein.speech.background import WorkQueue
from bargein.speech.stt_openai import OpenAiRecognizer
from bargein.speech.stt_vosk import VoskRecognizer
from bargein.speech.stt_whisper import WhisperRecognizer
from tests.server.test_registry import HandClock


def test_the_oldest_work_that_has_no_thread_counts() -> None:
    clock, begun, go_on = HandClock(), threading.Event(), threading.Event()
    queue = WorkQueue(1, "test", clock)

    def work() -> None:
        begun.set()
        go_on.wait(10)

    running = queue.submit(work)
    assert begun.wait(10)
    assert queue.waiting_s == 0
    first = queue.submit(lambda: None)
    clock.now += 2.0
    second = queue.submit(lambda: None)
    clock.now += 1.0
    assert queue.waiting_s == pytest.approx(3.0)
    assert first.cancel()
    assert queue.waiting_s == pytest.approx(1.0)
    go_on.set()
    running.result(10)
    second.result(10)
    assert queue.waiting_s == 0


@pytest.mark.parametrize(
    "recognizer",
    [WhisperRecognizer(), OpenAiRecognizer("http://127.0.0.1:9/v1"), VoskRecognizer("none")],
    ids=lambda recognizer: recognizer.name,
)
def test_a_recognizer_says_how_far_it_is_behind(recognizer: WhisperRecognizer | OpenAiRecognizer) -> None:
    assert recognizer.waiting_s == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own")
def test_a_thread_of_an_engine_is_below_the_server_whatever_the_priority_of_that() -> None:
    script = """
import os
from bargein.speech.background import NICE, pool
os.nice(5)
threads = pool(1, "engine")
print(threads.submit(os.nice, 0).result() - os.nice(0) == NICE)
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "True\n"
