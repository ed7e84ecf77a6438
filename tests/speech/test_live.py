"""Speech that a server sends while it makes it, from its pieces to the call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

from bargein.core.audio.pcm import RATE, Pcm, dbfs, samples
from bargein.core.audio.utterance import Utterance, spread
from bargein.core.turns.reply import Listen, Say
from bargein.errors import EngineError
from bargein.offline import virtual_time
from bargein.server.metrics import Meter
from bargein.server.monitor import count_call
from bargein.speech.audio import Resampler, Samples, levelled, resample, to_pcm
from bargein.speech.live import STALL_S, Abort, Arriving, LiveTts, LiveUtterance, Manner
from bargein.speech.stt_openai import wav_bytes
from bargein.speech.tts_openai import OpenAiTts
from bargein.speech.tts_wyoming import WyomingTts
from bargein.speech.voice import Voice
from bargein.speech.voice_cache import DiskCache
from tests.fakes import FakeVoice
from tests.server.test_dead_air import call

TEXT = "Your order is ready on Monday and will be sent to the new address."
NOISE = np.random.default_rng(5).standard_normal(66150).astype(np.float32)
SPEECH: Samples = 0.05 * NOISE * (1 + np.sin(np.arange(66150) * 2 * np.pi * 4 / 22050)).astype(np.float32)  # 3 s
SAID: Pcm = np.full(samples(500), 5000, np.int16)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("size", [1, 441, 1000, 70000])
def test_pieces_are_resampled_as_the_whole_is(rate: int, size: int) -> None:
    signal = NOISE[: 30 * size + 7][:70000]
    resampler = Resampler(rate, RATE)
    pieces = [signal[at : at + size] for at in range(0, len(signal), size)]
    out = np.concatenate([*(resampler.add(piece) for piece in pieces), resampler.add(signal[:0], last=True)])
    assert np.allclose(out, resample(signal, rate, RATE), atol=1e-5)


def test_pieces_become_levelled_speech_without_the_silence_before_it() -> None:
    manner = Manner()
    for loudness in (1.0, 1.0):  # the second sentence has the level of the first
        arriving = Arriving(manner)
        raw = np.concatenate([np.full(11025, 1e-5, np.float32), loudness * SPEECH, np.zeros(22050, np.float32)])
        parts = [arriving.add(raw[at : at + 1024], 22050) for at in range(0, len(raw), 1024)]
        rest, last = arriving.end()
        said = np.concatenate([*(part for part, _ in parts), rest[0]])
        assert last == pytest.approx(3 * RATE, abs=samples(80))
        whole = to_pcm(levelled(resample(raw, 22050, RATE), RATE))
        assert dbfs(said[:last]) == pytest.approx(dbfs(whole[RATE // 2 : RATE // 2 + last]), abs=1.5)
        assert next(i for i, part in enumerate(parts) if len(part[0])) * 1024 < 11025 + 22050 * 0.3


@pytest.mark.parametrize("rate", [16000, 22050])
@pytest.mark.parametrize("size", [301, 1024, 70000])
def test_the_same_comes_at_16_khz(rate: int, size: int) -> None:
    raw = np.concatenate([np.full(rate // 2, 1e-5, np.float32), SPEECH, np.zeros(rate, np.float32)])
    arriving, plain = Arriving(Manner(), wide=True), Arriving(Manner())
    parts = [arriving.add(raw[at : at + size], rate) for at in range(0, len(raw), size)]
    narrow = [plain.add(raw[at : at + size], rate)[0] for at in range(0, len(raw), size)]
    parts.append(arriving.end()[0])
    pcm = np.concatenate([part for part, _ in parts])
    wide = np.concatenate([wide for part, wide in parts if wide is not None])
    assert np.array_equal(pcm, np.concatenate([*narrow, plain.end()[0][0]]))
    assert len(wide) == 2 * len(pcm)
    back = to_pcm(resample(wide.astype(np.float32) / 32768, 16000, RATE))
    assert np.corrcoef(back, pcm)[0, 1] > 0.99


def test_silence_is_an_error_and_so_is_another_rate() -> None:
    arriving = Arriving(Manner())
    arriving.add(np.zeros(9000, np.float32), 22050)
    with pytest.raises(EngineError, match="changes its sample rate"):
        arriving.add(np.zeros(9000, np.float32), 16000)
    with pytest.raises(EngineError, match="silence"):
        arriving.end()
    with pytest.raises(EngineError, match="silence"):
        Arriving(Manner()).end()


# ---------------------------------------------------------------------------- in a call, in virtual time


class LiveVoice(FakeVoice):
    """Sends the sentence TEXT 100 ms of speech at a time, every `every_s`, `pieces` of 30; everything else at once.

    `burst`: so many of them come together, a millisecond apart.
    """

    def __init__(self, every_s: float, pieces: int = 30, burst: int = 1) -> None:
        self.every_s, self.pieces, self.burst = every_s, pieces, burst
        self.lives: list[LiveUtterance] = []

    async def utterance(self, text: str) -> Utterance | LiveUtterance:  # type: ignore[override]
        if text != TEXT:
            return await super().utterance(text)
        live = LiveUtterance(text, lambda last: spread(text, 0, last), samples(3000))
        self.lives.append(live)
        live.asked()
        self.task = asyncio.create_task(self.send(live))
        await live.begun()
        return live

    async def send(self, live: LiveUtterance) -> None:
        piece: Pcm = to_pcm(levelled(resample(SPEECH, 22050, RATE), RATE))[: samples(100)]
        for at in range(self.pieces):
            await asyncio.sleep(0.001 if at % self.burst else self.every_s * self.burst)
            if live.abort.wanted:
                return
            live.arrived(piece)
        if self.pieces == 30:
            live.whole(samples(3000))


REPLY = [(0.0, Say(TEXT)), (0.0, Listen())]
SORRY = [(0.0, Say("sorry")), (0.0, Listen())]


def heard_s(heard: list[bool], begin_s: float, end_s: float) -> list[tuple[float, float]]:
    """Stretches in which the agent is heard; a gap of one frame is none."""
    at = [i for i in range(int(begin_s * 50), int(end_s * 50)) if heard[i]]
    runs = np.split(np.array(at), np.flatnonzero(np.diff(at) > 2) + 1)
    return [(round(float(run[0]) / 50, 2), round(float(run[-1] + 1) / 50, 2)) for run in runs]


def test_a_sentence_begins_before_the_server_has_made_all_of_it() -> None:
    voice = LiveVoice(every_s=0.08)
    line, _ = call([REPLY], (2.0, 3.5), voice=voice)
    ((begin, end),) = heard_s(line.heard, 3.5, 12)
    assert begin == pytest.approx(4.2 + 0.16, abs=0.3)
    assert end - begin == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("burst", [1, 3])
def test_a_server_that_is_slower_than_speech_gets_a_lead_instead_of_pauses(burst: int) -> None:
    line, _ = call([REPLY], (2.0, 3.5), voice=LiveVoice(every_s=0.15, burst=burst))
    ((begin, end),) = [run for run in heard_s(line.heard, 3.5, 12) if run[1] - run[0] > 1]
    assert begin == pytest.approx(4.2 + 1.6, abs=0.4)
    assert end - begin == pytest.approx(3.0, abs=0.1)


def test_a_server_that_stalls_within_a_sentence_costs_three_seconds_and_then_the_failed_path() -> None:
    voice = LiveVoice(every_s=0.02, pieces=10)
    line, planner = call([REPLY, SORRY], (2.0, 3.5), last_s=14.0, voice=voice)
    (begin, end), (again, _) = heard_s(line.heard, 3.5, 12)
    assert end - begin == pytest.approx(1.0, abs=0.1)
    assert again == pytest.approx(begin + STALL_S + 0.1, abs=0.3)
    assert voice.lives[0].abort.wanted
    assert len(planner.given) == 3


def test_pauses_within_sentences_are_counted() -> None:
    meter = Meter()
    count_call(meter, "queue", [], 3)
    count_call(meter, "queue", [], 0)
    assert meter.numbers()["counters"]["bargein_voice_underruns"] == {"[]": 3}


def test_a_caller_who_interrupts_ends_the_request() -> None:
    voice = LiveVoice(every_s=0.09)
    line, planner = call([REPLY, SORRY], (2.0, 3.5), (5.4, 6.6), last_s=9.0, voice=voice)
    assert voice.lives[0].abort.wanted
    assert not any(line.heard[int(5.9 * 50) : int(6.6 * 50)])
    assert len(planner.given) == 3


# ------------------------------------------------------------------------------- from the engine's thread


class Server:
    """An engine that sends a piece each time it may."""

    name = "server"

    def __init__(self) -> None:
        self.may = threading.Semaphore(0)
        self.asked: list[str] = []
        self.ended = threading.Event()

    def load(self) -> None: ...

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        pcm = np.zeros(10, np.int16)
        return Utterance(text, pcm, spread(text, 0, 10))

    def pieces(self, text: str, language: str, voice: str, abort: Abort) -> Generator[tuple[Samples, int]]:
        self.asked.append(text)
        try:
            for at in range(0, len(SPEECH), 11025):
                while not self.may.acquire(timeout=0.02):
                    if abort.wanted:
                        raise EngineError("the connection is closed")
                yield SPEECH[at : at + 11025], 22050
        finally:
            self.ended.set()

    def allow(self, pieces: int) -> None:
        for _ in range(pieces):
            self.may.release()


async def begun(voice: Voice, server: Server, text: str, wide: bool = False) -> LiveUtterance:
    """A sentence of which the server has sent a second."""
    server.allow(2)
    said = await voice.utterance(text, wide)
    assert isinstance(said, LiveUtterance)
    return said


async def given_up(said: LiveUtterance, ended: threading.Event) -> None:
    """The only call that says it wants it no more, which ends the request."""
    follows = asyncio.create_task(said.finished())
    await asyncio.sleep(0)
    follows.cancel()
    assert await asyncio.to_thread(ended.wait, 2)


@pytest.mark.parametrize("wide", [False, True])
async def test_the_voice_hands_a_sentence_out_while_it_comes_and_keeps_it(wide: bool) -> None:
    server = Server()
    voice = Voice(server)
    said = await begun(voice, server, "It costs $5.", wide)
    assert said.grows
    assert not server.ended.is_set()
    assert [word.text for word in said.words] == ["It", "costs", "$5."]
    server.allow(9)
    assert await voice.utterance("It costs $5.", wide) is said
    await asyncio.gather(said.finished(), said.finished())
    assert len(said.pcm) == pytest.approx(3 * RATE, abs=samples(100))
    assert said.words[-1].end == pytest.approx(3 * RATE, abs=samples(100))
    await asyncio.sleep(0)
    kept = await voice.utterance("It costs $5.", wide)
    assert (kept.wide is None) is not wide
    assert kept.wide is None or len(kept.wide) == 2 * len(kept.pcm)
    assert np.array_equal(kept.pcm, said.pcm)
    assert kept.words == said.words
    assert server.asked == ["It costs five dollars."]
    assert len((await voice.whole("It costs $5.")).pcm) == len(said.pcm)


async def test_what_nobody_wants_any_more_ends_the_request_and_is_asked_for_again() -> None:
    server = Server()
    voice = Voice(server)
    waits = asyncio.create_task(voice.utterance("Hello there."))
    await asyncio.sleep(0.01)
    waits.cancel()
    assert await asyncio.to_thread(server.ended.wait, 2)
    said = await begun(voice, server, "Hello there.")
    one, two = (asyncio.create_task(said.finished()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait([one])
    assert said.grows  # another call says it
    server.ended.clear()
    two.cancel()
    assert await asyncio.to_thread(server.ended.wait, 2)
    server.allow(9)
    assert len((await voice.whole("Hello there.")).pcm) > 2.9 * RATE
    assert len(server.asked) == 3


async def test_a_request_that_was_ended_teaches_no_pace() -> None:
    class Ending(Server):
        def pieces(self, text: str, language: str, voice: str, abort: Abort) -> Generator[tuple[Samples, int]]:
            try:
                yield from super().pieces(text, language, voice, abort)
            except EngineError:
                return  # as an answer over HTTP whose end is the end of the connection

    server = Ending()
    voice = Voice(server)
    said = await begun(voice, server, "Hello there, how are you today?")
    await given_up(said, server.ended)
    again = await begun(voice, server, "Hello there, how are you today?")
    assert again.expected == said.expected
    server.allow(9)
    await again.finished()


async def test_what_is_on_disk_is_asked_of_no_server(tmp_path: Path) -> None:
    server = Server()
    DiskCache(tmp_path, 1_000_000).put(
        Voice(server)._key("Hello."), Utterance("Hello.", SAID, spread("Hello.", 0, 900))
    )
    voice = Voice(server, cache_dir=tmp_path)
    assert np.array_equal((await voice.whole("Hello.")).pcm, SAID)
    assert not server.asked


def test_a_short_sentence_teaches_no_pace() -> None:
    manner = Manner()
    before = manner.expected("Hello there.")
    manner.took("One.", RATE)
    assert manner.expected("Hello there.") == before
    manner.took("One two three four five six.", 28 * 800)
    assert manner.expected("Hello there.") == 12 * 800


async def test_a_server_that_fails_before_the_first_sound_fails_the_sentence() -> None:
    class Failing(Server):
        def pieces(self, text: str, language: str, voice: str, abort: Abort) -> Generator[tuple[Samples, int]]:
            yield from ()
            raise EngineError("no such voice")

    with pytest.raises(EngineError, match="no such voice"):
        await Voice(Failing()).utterance("Hello there.")


# ------------------------------------------------------------------------------------------- over TCP

PCM = to_pcm(SPEECH).astype("<i2").tobytes()
FORMAT = {"rate": 22050, "width": 2, "channels": 1}


def wyoming(audio: bytes) -> bytes:
    head = {"type": "audio-chunk", "data": FORMAT, "payload_length": len(audio)}
    return (json.dumps(head) + "\n").encode() + audio


def chunk(audio: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(audio), audio)


WAV_HEAD = wav_bytes(np.zeros(0, np.int16)).replace(RATE.to_bytes(4, "little"), (22050).to_bytes(4, "little"))
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n"
PROTOCOLS: dict[str, tuple[Callable[[int], LiveTts], bytes, Callable[[bytes], bytes], bytes]] = {
    "wyoming": (lambda port: WyomingTts(f"tcp://127.0.0.1:{port}"), b"", wyoming, b'{"type": "audio-stop"}\n'),
    "openai": (
        lambda port: OpenAiTts(f"http://127.0.0.1:{port}/v1"),
        HTTP + chunk(WAV_HEAD),
        chunk,
        b"0\r\n\r\n",
    ),
}


class HalfServer(socketserver.TCPServer):
    """Sends half a sentence, then waits until it may go on, or the connection is closed."""

    allow_reuse_address = True

    def __init__(self, head: bytes, encode: Callable[[bytes], bytes], end: bytes) -> None:
        self.may, self.closed = threading.Event(), threading.Event()
        server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(1 << 16)
                self.request.sendall(head + encode(PCM[: len(PCM) // 2]))
                self.request.settimeout(0.02)
                while not server.may.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not self.request.recv(1 << 16):
                            server.closed.set()
                            return
                self.request.sendall(encode(PCM[len(PCM) // 2 :]) + end)

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_half_a_sentence_is_played_while_the_server_makes_the_rest(protocol: str) -> None:
    make, head, encode, end = PROTOCOLS[protocol]
    server = HalfServer(head, encode, end)
    voice = Voice(make(server.server_address[1]), voice="joe")  # type: ignore[arg-type]
    said = await voice.utterance("Hello there.")
    assert isinstance(said, LiveUtterance)
    assert said.grows
    assert 1.2 * RATE < len(said.pcm) < 1.5 * RATE
    server.may.set()
    await said.finished()
    assert len(said.pcm) == pytest.approx(3 * RATE, abs=samples(100))
    server.may.clear()
    said = await voice.utterance("Good bye.")
    assert isinstance(said, LiveUtterance)
    await given_up(said, server.closed)
    server.shutdown()
    server.server_close()


def test_a_stall_is_told_in_one_line() -> None:
    async def main() -> None:
        live = LiveUtterance("a b", lambda last: spread("a b", 0, last), 8000)
        live.arrived(np.ones(4000, np.int16))
        with pytest.raises(EngineError, match="sends nothing for 3 s within a sentence"):
            await live.finished()
        assert asyncio.get_running_loop().time() == STALL_S
        assert live.broken

    virtual_time.run(main())
