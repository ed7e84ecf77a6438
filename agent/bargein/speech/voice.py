"""A voice: texts and WAV files to utterances, off the event loop and cached in memory.

Texts that are known before any call are kept on disk as well. What is made during a call may hold a caller's name or
number: it is kept in a smaller part of memory and ends with the process. With `wide`, utterances also have their speech
at 16 kHz, for calls that hear it.

A call waits for its voice for a limited time. While an engine does not return, further texts fail at once. A text that
nobody wants any more, as the caller talks on, is not made if its turn has not come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.audio.pcm import RATE, WIDE, WIDE_RATE, samples
from ..core.audio.utterance import Utterance, spread
from ..errors import EngineError
from .audio import activity, fitted, from_pcm, read_wav, widened
from .background import pool
from .base import Downloads, TextToSpeech
from .live import UNWANTED, Arriving, LiveTts, LiveUtterance, Manner, Speech
from .speaking import Reading, SpeakableTts
from .trim import LEAD_MS, TAIL_MS
from .voice_cache import DiskCache

log = logging.getLogger(__name__)

MEMORY_BYTES = 64_000_000  # 66 minutes of 8000 Hz x 2 bytes, 22 with 16 kHz: what is known in advance
RECENT_BYTES = 8_000_000  # 8 minutes: what was made in calls
LIMIT_S = 5.0  # for one text; a sentence takes 0.05 s (hibari) to 2 s (kokoro)
LIMITS = 3  # for a text that waits behind others
PREPARE = "Hello."  # the first text: it loads the model
AT_16_KHZ = "\0wide"  # the end of a key


@dataclass(slots=True, eq=False)
class _Making:
    """An utterance that is being made, or waits for the thread. `wanted`: how many wait for it."""

    work: Future[Any]
    done: asyncio.Future[Utterance]  # all of it
    ready: asyncio.Future[Utterance | LiveUtterance]  # enough to be played
    live: LiveUtterance | None = None
    wanted: int = 0


class Voice:
    """A TTS engine in one language and voice, with one thread, and its caches. Calls share it."""

    def __init__(
        self,
        tts: TextToSpeech,
        language: str = "en",
        cache_dir: Path | None = None,
        voice: str = "",
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = 256_000_000,
        recent_bytes: int = RECENT_BYTES,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._engine = tts
        self._tts = SpeakableTts(tts)
        self._language = language
        self._voice = voice
        self._known = _Memory(memory_bytes)
        self._recent = _Memory(min(memory_bytes, recent_bytes))
        self._disk = DiskCache(cache_dir, disk_bytes) if cache_dir is not None and disk_bytes > 0 else None
        self._pool = pool(1, "voice")
        self._limit_s = limit_s
        self._manner = Manner()
        self._making: dict[str, _Making] = {}
        self._stuck: asyncio.Future[Utterance] | None = None  # the work that a call no longer waits for
        self._progress = 0  # texts that were made, and pieces that came
        self._spoke = False

    async def utterance(self, text: str, wide: bool = False) -> Utterance | LiveUtterance:
        """Speech for `text`; what was said before costs nothing. Raises EngineError, also when it takes too long.

        The speech of a server may still come while it is played: then await its `finished()`.
        """
        text = " ".join(text.split())
        key = self._key(text, wide)
        found = self._found(key)
        if found is not None:
            return found
        if self._stuck is not None and not self._stuck.done():
            raise EngineError(f"the voice engine {self._tts.name} does not return; it is tried again when it does")
        reading = Reading.of(text, self._language)
        making = self._make(key, lambda: self._synthesized(text, False, wide), self._recent, reading)
        for _ in range(LIMITS):
            progress = self._progress
            try:
                await asyncio.wait([making.ready], timeout=self._limit_s)
            except asyncio.CancelledError:
                self._given_up(key, making)
                raise
            if making.ready.done():
                return making.ready.result()
            if self._progress == progress:  # it is not that other texts come first
                break
        self._stuck = making.done
        if making.live is not None:
            making.live.give_up("it takes too long")
        raise EngineError(f"the voice engine {self._tts.name} does not return within {self._limit_s:g} s")

    async def whole(self, text: str) -> Utterance:
        """Speech for `text`, all of it. Raises EngineError."""
        said = await self.utterance(text)
        if isinstance(said, LiveUtterance):
            await said.finished()
            return Utterance(said.text, said.pcm, said.words)
        return said

    async def wav(self, path: str | Path, transcript: str = "", wide: bool = False) -> Utterance:
        """A recording; its words, if given, are laid over its active part by their length. Raises EngineError."""
        path = Path(path)
        try:
            stat = path.stat()
        except OSError:
            raise EngineError(f"{path}: no such WAV file") from None
        key = f"wav\0{path.resolve()}\0{stat.st_mtime_ns}\0{stat.st_size}\0{transcript}{AT_16_KHZ if wide else ''}"
        found = self._found(key)
        if found is not None:
            return found
        return await asyncio.shield(self._make(key, lambda: recording(path, transcript, wide), self._known).done)

    async def warm(self, texts: Iterable[str], wide: bool = False) -> None:
        """Make ready what will be said, so that it starts within a frame when it is; `texts` hold nothing of a caller.

        Waits as long as it takes: the engine may have to fetch its model. Raises EngineError.
        """
        for text in dict.fromkeys(" ".join(text.split()) for text in texts):
            key = self._key(text, wide)
            if self._known.get(key) is None:
                making = self._make(key, lambda text=text: self._synthesized(text, True, wide), self._known)  # type: ignore[misc]
                await asyncio.shield(making.done)
        self._spoke = True

    def prepared(self) -> bool:
        """Whether it speaks now, without a download in the middle of a call. If not, the download begins."""
        if self._spoke or not isinstance(self._engine, Downloads):
            return True
        if self._engine.ready(self._language, self._voice):
            return True
        making = self._make(self._key(PREPARE), lambda: self._synthesized(PREPARE, True), self._known)
        making.done.add_done_callback(_tell)
        return False

    def ready(self, text: str) -> bool:
        """Whether `utterance(text)` returns without any work."""
        return self._found(self._key(" ".join(text.split()))) is not None

    def close(self) -> None:
        """Release the thread. Its current work ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _key(self, text: str, wide: bool = False) -> str:
        return "\0".join((self._tts.name, self._voice, self._language, text)) + (AT_16_KHZ if wide else "")

    def _found(self, key: str) -> Utterance | None:
        """In memory. What is there at 16 kHz is there at 8 kHz."""
        keys = (key,) if key.endswith(AT_16_KHZ) else (key + AT_16_KHZ, key)
        return next((found for k in keys for memory in (self._known, self._recent) if (found := memory.get(k))), None)

    def _on_disk(self, key: str) -> Utterance | None:
        """In a thread, since it reads a file."""
        return self._disk.get(key) if self._disk is not None else None

    def _make(
        self, key: str, make: Callable[[], Utterance], memory: _Memory, reading: Reading | None = None
    ) -> _Making:
        """What another call is having made right now, or made for this one. Whoever gives up stops nobody else.

        With a `reading`, a server's speech may be played while it comes.
        """
        making = self._making.get(key)
        if making is None or (making.live is not None and making.live.broken):
            engine = self._engine
            if reading is not None and isinstance(engine, LiveTts) and any(map(str.isalnum, reading.spoken)):
                making = self._receive(engine, reading, key)
            else:
                work = self._pool.submit(make)
                done = asyncio.wrap_future(work)
                making = _Making(work, done, done)  # type: ignore[arg-type]
            made = self._making[key] = making
            making.done.add_done_callback(lambda done: self._made(key, made, memory))
        making.wanted += 1
        return making

    def _receive(self, engine: LiveTts, reading: Reading, key: str) -> _Making:
        """Ask a server for a sentence, and hand it out as it comes."""
        loop, wide = asyncio.get_running_loop(), key.endswith(AT_16_KHZ)
        live = LiveUtterance(reading.written, reading.lay, self._manner.expected(reading.spoken), wide)

        def receive() -> int:
            loop.call_soon_threadsafe(live.asked)
            if (held := self._on_disk(key)) is not None:
                loop.call_soon_threadsafe(arrived, (held.pcm, held.wide))
                return max(0, len(held.pcm) - samples(TAIL_MS))
            arriving = Arriving(self._manner, wide)
            with closing(engine.pieces(reading.spoken, self._language, self._voice, live.abort)) as pieces:
                for piece, rate in pieces:
                    speech = arriving.add(piece, rate)
                    if len(speech[0]):
                        loop.call_soon_threadsafe(arrived, speech)
            if live.abort.wanted:  # then some answers end as if they were whole
                raise EngineError(UNWANTED)
            rest, last = arriving.end()
            loop.call_soon_threadsafe(arrived, rest)
            self._manner.took(reading.spoken, last)
            return last

        def arrived(speech: Speech) -> None:
            self._progress += 1
            live.arrived(*speech)

        async def whole() -> Utterance:
            try:
                return live.whole(await asyncio.wrap_future(work))
            except EngineError as error:
                live.failed(error)
                raise
            except BaseException as error:
                live.failed(EngineError(f"the speech server's answer cannot be read ({type(error).__name__})"))
                raise

        async def ready() -> Utterance | LiveUtterance:
            await live.begun()
            return live if live.grows else await done

        work = self._pool.submit(receive)
        done = asyncio.ensure_future(whole())
        begun = asyncio.ensure_future(ready())
        begun.add_done_callback(lambda begun: begun.cancelled() or begun.exception())  # it is told by whoever waits
        return _Making(work, done, begun, live)

    def _given_up(self, key: str, making: _Making) -> None:
        """A caller no longer waits. What the thread has begun is finished and kept; a server's sentence is not."""
        making.wanted -= 1
        if making.wanted:
            return
        if making.work.cancel():
            self._making.pop(key, None)
        if making.live is not None:
            making.live.give_up(UNWANTED)

    def _made(self, key: str, making: _Making, memory: _Memory) -> None:
        if self._making.get(key) is making:
            del self._making[key]
        if making.done.cancelled():
            return
        self._progress += 1
        if making.done.exception() is None:
            memory.put(key, making.done.result())
            self._spoke = self._spoke or not key.startswith("wav\0")

    def _synthesized(self, text: str, keep: bool, wide: bool = False) -> Utterance:
        """In the thread: from disk, or from the engine and then, to keep it, to disk."""
        key = self._key(text, wide)
        held = self._on_disk(key)
        if held is not None:
            return held
        said = self._tts.synthesize(text, self._language, self._voice)
        utterance = begun_at_once(widened(said) if wide else said)
        if keep and self._disk is not None:
            self._disk.put(key, utterance)
        return utterance


class WideVoice:
    """A voice for a call that hears 16 kHz."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    async def utterance(self, text: str) -> Utterance | LiveUtterance:
        """See `Voice.utterance`."""
        return await self._voice.utterance(text, wide=True)

    async def wav(self, path: str, text: str = "") -> Utterance:
        """See `Voice.wav`."""
        return await self._voice.wav(path, text, wide=True)


class _Memory:
    """Utterances by key, bounded in bytes of audio; the least recently used goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._utterances: OrderedDict[str, Utterance] = OrderedDict()

    def get(self, key: str) -> Utterance | None:
        found = self._utterances.get(key)
        if found is not None:
            self._utterances.move_to_end(key)
        return found

    def put(self, key: str, utterance: Utterance) -> None:
        self._utterances[key] = utterance
        self._held_bytes += _size(utterance)
        while self._held_bytes > self._most_bytes and len(self._utterances) > 1:
            self._held_bytes -= _size(self._utterances.popitem(last=False)[1])


def _size(utterance: Utterance) -> int:
    return utterance.pcm.nbytes + (0 if utterance.wide is None else utterance.wide.nbytes)


def _tell(done: asyncio.Future[Utterance]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("a voice cannot be prepared: %s", error)


def begun_at_once(utterance: Utterance) -> Utterance:
    """The utterance without the silence that an engine puts before the first sound: a caller waits for it."""
    first, _ = activity(from_pcm(utterance.pcm), RATE)
    cut = max(0, first - samples(LEAD_MS))
    words = tuple(replace(w, start=max(0, w.start - cut), end=max(0, w.end - cut)) for w in utterance.words)
    wide = None if utterance.wide is None else utterance.wide[WIDE * cut :]
    return replace(utterance, pcm=utterance.pcm[cut:], words=words, wide=wide, original=None)


def recording(path: Path, transcript: str = "", wide: bool = False) -> Utterance:
    """A WAV file as an utterance. Raises EngineError."""
    pcm = read_wav(path)
    first, last = activity(from_pcm(pcm), RATE)
    text = " ".join(transcript.split())
    words = spread(text, first, last)
    return Utterance(text, pcm, words, fitted(read_wav(path, WIDE_RATE), pcm) if wide else None)
