"""What a stream of the recognizer `whisper` has recognized, and how often; the model's part is played by the test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np
import pytest

from bargein.core.audio.pcm import Pcm, samples
from bargein.core.turns.transcript import Transcript
from bargein.errors import EngineError
from bargein.speech.whisper_stream import WhisperStream
from bargein.speech.whisper_text import Decoded

LOUD: Pcm = np.where(np.arange(samples(300)) % 20 < 10, 8000, -8000).astype(np.int16)
QUIET: Pcm = np.zeros(samples(200), np.int16)


class Engine:
    """Does its work when the test says so; notes how much audio each decoding was of."""

    def __init__(self) -> None:
        self.decoded: list[int] = []
        self.uppers: list[Pcm] = []
        self.unanswered = 0
        self._work: list[tuple[Callable[[], Transcript], Future[Transcript]]] = []

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]:
        self._work.append((work, Future()))
        return self._work[-1][1]

    def count_unanswered(self) -> None:
        self.unanswered += 1

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        self.decoded.append(len(pcm))
        if upper is not None:
            self.uppers.append(upper)
        return Decoded(f"words {len(self.decoded)}", -0.1, 0.1)

    def run(self) -> None:
        for work, done in self._work:
            done.set_result(work())
        self._work.clear()

    def fail(self, error: Exception) -> None:
        for _, done in self._work:
            done.set_exception(error)
        self._work.clear()


async def asked(stream: WhisperStream, engine: Engine, *meanwhile: Pcm) -> str:
    asking = asyncio.create_task(stream.partial())
    await asyncio.sleep(0)
    for pcm in meanwhile:
        stream.feed(pcm)
    engine.run()
    return (await asking).text


async def test_an_engine_that_is_late_hears_what_came_meanwhile() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", ())  # type: ignore[arg-type]
    stream.feed(LOUD)
    assert await asked(stream, engine, LOUD, QUIET) == "words 1"
    assert engine.decoded == [2 * len(LOUD) + samples(100)]


async def test_silence_costs_nothing_to_recognize_again() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", ())  # type: ignore[arg-type]
    stream.feed(LOUD)
    assert await asked(stream, engine, QUIET) == "words 1"
    stream.feed(QUIET)
    assert await asked(stream, engine) == "words 1"
    stream.feed(LOUD)
    assert await asked(stream, engine, QUIET) == "words 2"
    assert len(engine.decoded) == 2


async def test_who_asks_gets_an_answer_in_time() -> None:
    """An engine that hangs: requests fail at the deadline, and no second one runs beside the first."""
    engine = Engine()
    stream = WhisperStream(engine, "en", (), deadline_s=0.05)
    stream.feed(LOUD)
    for _ in range(2):
        with pytest.raises(EngineError, match="does not keep up"):
            await stream.partial()
    assert engine.unanswered == 2


async def test_an_engine_that_fails_leaves_the_words_that_are_known() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", ())  # type: ignore[arg-type]
    stream.feed(LOUD)
    assert await asked(stream, engine) == "words 1"
    stream.feed(LOUD)
    asking = asyncio.create_task(stream.partial())
    await asyncio.sleep(0)
    engine.fail(EngineError("its process has ended"))
    assert (await asking).text == "words 1"
    assert engine.unanswered == 1


async def test_an_error_after_the_caller_has_gone_is_nobodys() -> None:
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context["message"]))
    engine = Engine()
    stream = WhisperStream(engine, "en", ())  # type: ignore[arg-type]
    stream.feed(LOUD)
    asking = asyncio.create_task(stream.partial())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    engine.fail(EngineError("the server is gone"))
    stream.cancel()
    del stream, asking
    await asyncio.sleep(0.01)
    gc.collect()
    assert faults == []


async def test_groups_with_pauses_between_them_are_recognized_once_each() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", (), pause_s=0.45)  # type: ignore[arg-type]
    pause: Pcm = np.zeros(samples(1000), np.int16)
    for blocks in ((LOUD, pause), (LOUD, pause), (LOUD, QUIET)):
        for block in blocks:
            stream.feed(block)
        text = await asked(stream, engine)
    assert text == "words 1 words 2 words 3"
    assert len(engine.decoded) == 3
    assert max(engine.decoded) <= len(LOUD) + samples(200)


async def test_a_group_that_goes_on_is_recognized_as_a_whole() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", (), pause_s=0.45)  # type: ignore[arg-type]
    for block in (LOUD, QUIET):
        stream.feed(block)
    assert await asked(stream, engine) == "words 1"
    for block in (LOUD, QUIET):
        stream.feed(block)
    assert await asked(stream, engine) == "words 2"


async def test_what_is_above_4_khz_goes_with_its_sound() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", ())
    for at, pcm in enumerate((QUIET, LOUD, QUIET)):
        stream.feed_wide(pcm, np.full(2 * len(pcm), 100 * at, np.int16))
    await asked(stream, engine)
    (upper,) = engine.uppers
    assert len(upper) == 2 * engine.decoded[0]
    assert np.count_nonzero(upper == 100) == 2 * len(LOUD)


async def test_a_phone_that_sends_nothing_above_4_khz_is_recognized_at_8_khz() -> None:
    engine = Engine()
    stream = WhisperStream(engine, "en", ())
    stream.feed_wide(LOUD, np.ones(2 * len(LOUD), np.int16))
    assert await asked(stream, engine)
    assert not engine.uppers
