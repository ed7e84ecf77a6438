"""The recognizer's process: killed, stopped, broken, missing. A fake plays the model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bargein.core.audio.pcm import Pcm
from bargein.core.turns.transcript import SoundProbabilities
from bargein.errors import EngineError
from bargein.speech.whisper_process import STARTS_S, DecoderProcess
from tests.server.test_registry import HandClock
from tests.speech.fake_decoder import HANGS

COMMAND = (sys.executable, "-m", "tests.speech.fake_decoder")
PCM: Pcm = np.zeros(8000, np.int16)


@pytest.fixture
def process() -> Iterator[DecoderProcess]:
    decoder = DecoderProcess("fake", COMMAND, hang_s=60.0)
    yield decoder
    decoder.close()


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_requests_and_answers(process: DecoderProcess) -> None:
    assert process.languages == ("en", "de")
    assert process.decode(PCM, "en", ("tea", "mug")).text == f"8000 en tea mug {process.pid}"
    assert process.decode_digits(PCM, "en").text == "4 0 7"
    assert process.restarts == 0


def test_several_threads_get_their_own_answers(process: DecoderProcess) -> None:
    texts: dict[int, str] = {}

    def ask(length: int) -> None:
        texts[length] = process.decode(PCM[:length], "en", ()).text

    threads = [threading.Thread(target=ask, args=(100 * at,)) for at in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(text.startswith(f"{length} en") for length, text in texts.items())
    assert len(texts) == 8


def test_a_sound_is_judged(process: DecoderProcess) -> None:
    assert process.judge_sound(PCM) == SoundProbabilities(0.25, 0.5, 0.25)
    assert process.judge_sound(PCM[:80]) is None
    with pytest.raises(EngineError, match="no sound"):
        process.judge_sound(PCM[:0])


def test_a_sound_does_not_wait_for_words(process: DecoderProcess) -> None:
    with ThreadPoolExecutor(1) as threads:
        words = threads.submit(process.decode, PCM, "late", ())
        assert process.judge_sound(PCM) is not None
        assert words.result().text.startswith("8000 late")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc reads it")
def test_its_threads_share_what_memory_they_free(process: DecoderProcess) -> None:
    assert b"MALLOC_ARENA_MAX=1" in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")


def test_as_many_phrases_at_a_time_as_there_are_workers() -> None:
    process = DecoderProcess("fake", COMMAND, hang_s=60.0, workers=2)
    try:
        with ThreadPoolExecutor(2) as threads:
            both = [threads.submit(process.decode, PCM, "both", ()) for _ in range(2)]
            assert all(words.result().text.startswith("8000 both") for words in both)
    finally:
        process.close()


def test_a_killed_process_is_replaced_and_the_request_answered(process: DecoderProcess) -> None:
    killed = process.pid
    os.kill(killed, signal.SIGKILL)
    assert process.decode(PCM, "en", ()).text == f"8000 en  {process.pid}"
    assert process.pid != killed
    assert process.restarts == 1


def test_a_process_that_was_killed_while_nobody_asked_is_replaced(process: DecoderProcess) -> None:
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: process.restarts == 1 and process.pid != 0)


def test_a_stopped_process_is_replaced() -> None:
    process = DecoderProcess("fake", COMMAND, hang_s=1.0)
    stopped = process.pid
    try:
        os.kill(stopped, signal.SIGSTOP)
        with pytest.raises(EngineError, match="gave no answer"):
            process.decode(np.zeros(200_000, np.int16), "en", ())  # more than a pipe holds
        until(lambda: answers(process))
        assert process.pid != stopped
        assert process.restarts >= 1
    finally:
        process.close()


def test_a_process_that_gets_no_core_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bargein.speech.whisper_process.waits_for_core_s", lambda pid: {"1": time.monotonic()})
    process = DecoderProcess("fake", COMMAND, hang_s=0.2)
    waiting = process.pid
    try:
        with pytest.raises(EngineError, match="gave no answer"):
            process.decode(PCM, "slow", ())
        for _ in range(2):
            process.judge_sound(np.zeros(HANGS, np.int16))
        assert (process.pid, process.restarts) == (waiting, 0)
        until(lambda: answers(process))
    finally:
        process.close()


def test_a_process_that_judges_no_sounds_any_more_is_replaced() -> None:
    process = DecoderProcess("fake", COMMAND, hang_s=2.0)
    hanging = process.pid

    def replaced() -> bool:
        process.judge_sound(np.zeros(HANGS, np.int16))
        return process.restarts >= 1 and process.pid not in (0, hanging)

    try:
        assert process.judge_sound(np.zeros(HANGS, np.int16)) is None
        assert process.pid == hanging, "one late answer is no hang"
        until(replaced)
    finally:
        process.close()


def answers(process: DecoderProcess) -> bool:
    """Whether it answers; on a busy machine even a good process may take longer than `hang_s`."""
    try:
        return process.decode(PCM, "en", ()).text.startswith("8000 en")
    except EngineError:
        return False


def test_a_request_that_fails_harms_no_other(process: DecoderProcess) -> None:
    first = process.pid
    with pytest.raises(EngineError, match="ValueError: no such sound"):
        process.decode(PCM, "broken", ())
    assert process.decode(PCM, "en", ()).text.endswith(str(first))


def test_a_request_that_ends_two_processes_is_given_up(process: DecoderProcess) -> None:
    with pytest.raises(EngineError, match="gave no answer"):
        process.decode(PCM, "deadly", ())
    assert process.decode(PCM, "en", ()).text.startswith("8000 en")


def test_a_model_that_is_missing_is_one_line() -> None:
    with pytest.raises(EngineError, match=r"^no such model$"):
        DecoderProcess("missing", COMMAND)
    with pytest.raises(EngineError, match="does not start"):
        DecoderProcess("ending", COMMAND)
    with pytest.raises(EngineError, match="cannot be started"):
        DecoderProcess("fake", ("/nonexistent/python",))


def test_the_process_ends_with_its_owner(process: DecoderProcess) -> None:
    pid = process.pid
    process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EngineError, match="closed"):
        process.decode(PCM, "en", ())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the process")
def test_a_stopped_process_does_not_outlive_a_server_that_is_killed() -> None:
    root = str(Path(__file__).parents[2])
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.speech.owner"],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}/agent:{root}"},
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    os.kill(pid, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until(lambda: ended(pid))


def ended(pid: int) -> bool:
    """Whether the process has ended; nobody may have waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("model", ["fake", "missing"])
def test_a_process_whose_owner_has_gone_says_nothing(model: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [*COMMAND, model], stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, timeout=30
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (0, b"")


def test_a_process_that_cannot_be_started_again_is_tried_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    clock, start = HandClock(), tmp_path / "start"
    start.write_text("from tests.speech import fake_decoder as it\nit.answer_requests(it.load)\n")
    process = DecoderProcess("fake", (sys.executable, str(start)), clock=clock)
    try:
        first, there = process.pid, start.rename(tmp_path / "away")
        os.kill(first, signal.SIGKILL)
        until(lambda: process.pid == 0)
        for _ in range(2):
            with pytest.raises(EngineError):
                process.decode(PCM, "en", ())
        there.rename(start)
        with pytest.raises(EngineError, match="cannot be started"):
            process.decode(PCM, "en", ())
        clock.now += 60
        assert process.decode(PCM, "en", ()).text.startswith("8000 en")
    finally:
        process.close()


def test_a_process_that_ends_again_and_again_is_not_started_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bargein.speech.whisper_process.MOST_STARTS", 1)
    clock = HandClock()
    process = DecoderProcess("fake", COMMAND, clock=clock)
    try:
        with pytest.raises(EngineError, match="gave no answer"):
            process.decode(PCM, "deadly", ())
        for _ in range(2):
            with pytest.raises(EngineError, match="again and again"):
                process.decode(PCM, "deadly", ())
        clock.now += STARTS_S
        assert process.decode(PCM, "en", ()).text.startswith("8000 en")
        assert process.restarts == 2
    finally:
        process.close()
