"""The cached voice: made once, kept in memory and on disk, bounded, and never a reason to fail."""

import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bargein.core.audio.pcm import Pcm
from bargein.core.audio.utterance import Utterance, spread
from bargein.errors import EngineError
from bargein.speech.audio import for_line, write_wav
from bargein.speech.voice import Voice, WideVoice
from bargein.speech.voice_cache import DiskCache, pack, unpack


class Counting:
    """An engine that counts what it is asked; 100 samples a letter."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def load(self) -> None: ...

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        self.gate.wait(5)
        self.asked.append(text)
        if text == "fail":
            raise EngineError("cannot say that")
        pcm = np.full(100 * len(text), len(text), np.int16)
        return Utterance(text, pcm, spread(text, 0, len(pcm)))


def entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def test_a_text_is_made_once_however_it_is_spaced() -> None:
    tts = Counting()
    voice = Voice(tts)
    first = await voice.utterance("hello  there")
    assert await voice.utterance(" hello there ") is first
    assert tts.asked == ["hello there"]
    assert voice.ready("hello there")
    assert not voice.ready("something else")


async def test_two_calls_that_want_the_same_share_the_work_and_one_may_give_up() -> None:
    tts = Counting()
    tts.gate.clear()
    voice = Voice(tts)
    one, two = asyncio.create_task(voice.utterance("hello")), asyncio.create_task(voice.utterance("hello"))
    await asyncio.sleep(0.01)
    one.cancel()
    tts.gate.set()
    assert (await two).text == "hello"
    assert tts.asked == ["hello"]
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_what_nobody_wants_any_more_is_not_made_unless_it_has_begun() -> None:
    tts = Counting()
    tts.gate.clear()
    voice = Voice(tts)
    texts = ["begun", "not wanted", "wanted by another", "wanted again"]
    waiting = [asyncio.create_task(voice.utterance(text)) for text in [*texts, "wanted by another"]]
    await asyncio.sleep(0.01)
    for task in waiting[:4]:
        task.cancel()
    await asyncio.wait(waiting[:4])
    again = asyncio.create_task(voice.utterance("wanted again"))
    await asyncio.sleep(0)
    tts.gate.set()
    await asyncio.gather(again, waiting[4])
    assert tts.asked == ["begun", "wanted by another", "wanted again"]
    assert voice.ready("begun")


async def test_a_failure_is_told_and_not_kept() -> None:
    tts = Counting()
    voice = Voice(tts)
    for _ in range(2):
        with pytest.raises(EngineError, match="cannot say that"):
            await voice.utterance("fail")
    assert tts.asked == ["fail", "fail"]
    assert (await voice.utterance("fine")).text == "fine"


async def test_memory_is_bounded_and_the_least_used_goes() -> None:
    tts = Counting()
    voice = Voice(tts, memory_bytes=2500)  # 200 bytes a letter
    for text in ("aaaaa", "bbbbb", "aaaaa", "ccccc"):
        await voice.utterance(text)
    assert voice.ready("aaaaa")
    assert not voice.ready("bbbbb")


async def test_what_calls_make_does_not_push_out_what_is_known() -> None:
    tts = Counting()
    voice = Voice(tts, memory_bytes=10_000, recent_bytes=3_000)
    await voice.warm(["hello"])
    for number in range(100):
        await voice.utterance(f"{number:05}")
    assert voice.ready("hello")
    assert sum(voice.ready(f"{number:05}") for number in range(100)) < 10


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_a_voice_that_does_not_return_fails_in_time_and_recovers() -> None:
    tts = Counting()
    voice = Voice(tts, limit_s=0.1)
    await voice.warm(["known"])
    tts.gate.clear()
    with pytest.raises(EngineError, match=r"does not return within 0\.1 s"):
        await voice.utterance("first")
    begun = time.monotonic()
    with pytest.raises(EngineError, match="does not return"):
        await voice.utterance("second")
    assert time.monotonic() - begun < 0.05
    assert (await voice.utterance("known")).text == "known"
    tts.gate.set()
    await asyncio.sleep(0.1)
    assert (await voice.utterance("second")).text == "second"


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_who_waits_behind_others_waits_longer() -> None:
    class Slow(Counting):
        def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
            time.sleep(0.15)
            return super().synthesize(text, language, voice)

    voice = Voice(Slow(), limit_s=0.25)
    said = await asyncio.gather(*(voice.utterance(text) for text in ("one", "two", "three")))
    assert [utterance.text for utterance in said] == ["one", "two", "three"]


async def test_a_voice_that_has_to_be_fetched_is_not_prepared_until_it_is_here() -> None:
    class Far(Counting):
        here = False

        def ready(self, language: str, voice: str) -> bool:
            return self.here

    tts = Far()
    tts.gate.clear()
    voice = Voice(tts)
    assert not voice.prepared()
    tts.gate.set()
    await asyncio.sleep(0.1)
    assert voice.prepared()
    assert Voice(Counting()).prepared()


async def test_the_disk_cache_survives_a_restart(tmp_path: Path) -> None:
    before = Voice(Counting(), cache_dir=tmp_path)
    await before.warm(["hello there"])
    made = await before.utterance("hello there")
    tts = Counting()
    again = await Voice(tts, cache_dir=tmp_path).utterance("hello there")
    assert tts.asked == []
    assert (again.text, again.words) == (made.text, made.words)
    assert np.array_equal(again.pcm, made.pcm)


async def test_what_a_call_makes_is_never_on_disk(tmp_path: Path) -> None:
    tts = Counting()
    voice = Voice(tts, cache_dir=tmp_path)
    await voice.warm(["hello"])
    await voice.utterance("Thank you, Mr Miller.")
    assert len(entries(tmp_path)) == 1
    await voice.utterance("Thank you, Mr Miller.")
    assert tts.asked == ["hello", "Thank you, Mr Miller."]


async def test_another_voice_or_language_is_another_utterance(tmp_path: Path) -> None:
    tts = Counting()
    for voice in (Voice(tts, "en", tmp_path), Voice(tts, "de", tmp_path), Voice(tts, "en", tmp_path, voice="b")):
        await voice.warm(["hello"])
    assert len(tts.asked) == 3


@pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "other"])
async def test_a_damaged_entry_is_dropped_and_made_again(tmp_path: Path, harm: str) -> None:
    await Voice(Counting(), cache_dir=tmp_path).warm(["hello"])
    (path,) = entries(tmp_path)
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 255
    elif harm == "other":
        data = bytearray(pack("another key", Utterance("x", np.zeros(1, np.int16), ())))
    path.write_bytes({"truncate": bytes(data[:-3]), "empty": b""}.get(harm, bytes(data)))
    tts = Counting()
    await Voice(tts, cache_dir=tmp_path).warm(["hello"])
    assert tts.asked == ["hello"]
    assert len(entries(tmp_path)) == 1


def test_the_disk_is_bounded_in_bytes_and_what_was_used_last_stays(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    for i in range(20):
        cache.put(f"key {i}", Utterance("x", np.zeros(1000, np.int16), ()))
        cache.get("key 0")
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert cache.get("key 19") is not None
    assert cache.get("key 1") is None


async def test_a_directory_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    voice = Voice(Counting(), cache_dir=tmp_path / "file" / "cache")
    await voice.warm(["hello"])
    assert (await voice.utterance("hello")).text == "hello"


def test_what_is_packed_comes_back() -> None:
    said = Utterance("grüß dich", np.arange(50, dtype=np.int16), spread("grüß dich", 0, 50))
    back = unpack(pack("k", said), "k")
    assert back is not None
    assert (back.text, back.words, back.pcm.tolist()) == (said.text, said.words, said.pcm.tolist())
    assert unpack(pack("k", said), "another") is None


async def test_a_recording_has_its_words_over_its_active_part(tmp_path: Path) -> None:
    pcm = np.concatenate([np.zeros(1600, np.int16), np.full(4000, 5000, np.int16), np.zeros(800, np.int16)])
    write_wav(tmp_path / "hold.wav", pcm)
    voice = Voice(Counting())
    said = await voice.wav(tmp_path / "hold.wav", "please hold on")
    assert np.array_equal(said.pcm, pcm)
    assert [word.text for word in said.words] == ["please", "hold", "on"]
    assert (said.words[0].start, said.words[-1].end) == (1600, 5600)
    assert (await voice.wav(str(tmp_path / "hold.wav"))).words == ()
    with pytest.raises(EngineError, match="no such WAV file"):
        await voice.wav(tmp_path / "none.wav")


class Bright(Counting):
    """Half a second of 1 kHz and 6 kHz, made at 24 kHz, with 100 ms of silence before it."""

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        self.asked.append(text)
        at = np.arange(12_000) / 24_000
        sound = 0.2 * np.sin(2 * np.pi * 1000 * at) + 0.2 * np.sin(2 * np.pi * 6000 * at)
        pcm, original = for_line(np.concatenate([np.zeros(2400), sound]).astype(np.float32), 24_000)
        return Utterance(text, pcm, spread(text, 800, 4800), original=original)


def levels(pcm: Pcm, rate: int) -> list[int]:
    """At 1 kHz and 6 kHz, in dB."""
    spectrum = np.abs(np.fft.rfft(pcm[rate // 10 : rate // 2] / 32768.0)) / (rate / 5)
    return [round(20 * np.log10(max(spectrum[round(hz * 0.4)], 1e-6))) for hz in (1000, 6000) if hz < rate / 2]


@pytest.mark.parametrize("disk", [False, True])
async def test_a_call_that_hears_16_khz_gets_the_highs_and_others_what_they_always_got(
    tmp_path: Path, disk: bool
) -> None:
    tts, cache = Bright(), tmp_path if disk else None
    plain = await Voice(Bright()).utterance("hello")
    voice = Voice(tts, cache_dir=cache)
    await voice.warm(["hello"], wide=True)
    if disk:
        voice = Voice(tts, cache_dir=cache)
        await voice.warm(["hello"], wide=True)
    wide, narrow = await WideVoice(voice).utterance("hello"), await voice.utterance("hello")
    assert tts.asked == ["hello"]
    assert wide.wide is not None
    assert len(wide.wide) == 2 * len(wide.pcm)
    assert np.array_equal(narrow.pcm, plain.pcm)
    assert (narrow.words, plain.original, wide.original) == (plain.words, None, None)
    low, high = levels(wide.wide, 16_000)
    assert abs(low - levels(plain.pcm, 8000)[0]) <= 1
    assert abs(low - high) <= 1


async def test_an_engine_and_a_recording_of_8_khz_are_doubled(tmp_path: Path) -> None:
    path, pcm = tmp_path / "a.wav", (8000 * np.sin(np.arange(4001) * 0.5)).astype(np.int16)
    write_wav(path, pcm)
    voice = WideVoice(Voice(Counting()))
    for made in (await voice.wav(str(path), "hello"), await voice.utterance("hello")):
        assert made.wide is not None
        assert len(made.wide) == 2 * len(made.pcm)
        assert np.max(np.abs(made.wide[400:-400:2].astype(int) - made.pcm[200:-200])) < 100
