"""A voice: texts and WAV files to utterances, off the event loop and cached in memory.

Texts that are known before any call are kept on disk as well. What is made during a call may hold a caller's name or
number, and ends with the process.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from ..core.audio.pcm import RATE
from ..core.audio.utterance import Utterance, spread
from ..errors import EngineError
from .audio import activity, from_pcm, read_wav
from .background import pool
from .base import TextToSpeech
from .voice_cache import DiskCache

MEMORY_BYTES = 64_000_000  # 66 minutes of 8000 Hz x 2 bytes


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
    ) -> None:
        self._tts = tts
        self._language = language
        self._voice = voice
        self._memory: OrderedDict[str, Utterance] = OrderedDict()
        self._memory_bytes = memory_bytes
        self._held_bytes = 0
        self._disk = DiskCache(cache_dir, disk_bytes) if cache_dir is not None and disk_bytes > 0 else None
        self._pool = pool(1, "voice")
        self._making: dict[str, asyncio.Future[Utterance]] = {}

    async def utterance(self, text: str) -> Utterance:
        """Speech for `text`; what was said before costs nothing. Raises EngineError."""
        return await self._spoken(text)

    async def wav(self, path: str | Path, transcript: str = "") -> Utterance:
        """A recording; its words, if given, are laid over its active part by their length. Raises EngineError."""
        path = Path(path)
        try:
            stat = path.stat()
        except OSError:
            raise EngineError(f"{path}: no such WAV file") from None
        key = f"wav\0{path.resolve()}\0{stat.st_mtime_ns}\0{stat.st_size}\0{transcript}"
        return await self._get(key, lambda: recording(path, transcript))

    async def warm(self, texts: Iterable[str]) -> None:
        """Make ready what will be said, so that it starts within a frame when it is; `texts` hold nothing of a caller.

        Raises EngineError.
        """
        for text in dict.fromkeys(texts):
            await self._spoken(text, keep=True)

    def ready(self, text: str) -> bool:
        """Whether `utterance(text)` returns without any work."""
        return self._key(" ".join(text.split())) in self._memory

    def close(self) -> None:
        """Let go of the thread; what it is doing ends on its own."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _spoken(self, text: str, keep: bool = False) -> Utterance:
        text = " ".join(text.split())
        return await self._get(self._key(text), lambda: self._synthesized(text, keep))

    def _key(self, text: str) -> str:
        return "\0".join((self._tts.name, self._voice, self._language, text))

    async def _get(self, key: str, make: Callable[[], Utterance]) -> Utterance:
        """From memory, from a call that is having it made right now, or made; a caller who gives up stops nobody."""
        if key in self._memory:
            self._memory.move_to_end(key)
            return self._memory[key]
        if key not in self._making:
            making = asyncio.get_running_loop().run_in_executor(self._pool, make)
            self._making[key] = making
            making.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(self._making[key])

    def _made(self, key: str, done: asyncio.Future[Utterance]) -> None:
        del self._making[key]
        if done.cancelled() or done.exception() is not None:
            return
        utterance = done.result()
        self._memory[key] = utterance
        self._held_bytes += utterance.pcm.nbytes
        while self._held_bytes > self._memory_bytes and len(self._memory) > 1:
            self._held_bytes -= self._memory.popitem(last=False)[1].pcm.nbytes

    def _synthesized(self, text: str, keep: bool) -> Utterance:
        """In the thread: from disk, or from the engine and then, to keep it, to disk."""
        key = self._key(text)
        held = self._disk.get(key) if self._disk is not None else None
        if held is not None:
            return held
        utterance = self._tts.synthesize(text, self._language, self._voice)
        if keep and self._disk is not None:
            self._disk.put(key, utterance)
        return utterance


def recording(path: Path, transcript: str = "") -> Utterance:
    """A WAV file as an utterance. Raises EngineError."""
    pcm = read_wav(path)
    first, last = activity(from_pcm(pcm), RATE)
    text = " ".join(transcript.split())
    return Utterance(text, pcm, spread(text, first, last))
