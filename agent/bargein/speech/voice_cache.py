"""A cache of synthesized speech on disk. It survives restarts. At its size limit it evicts the least recently used.

Each utterance is one file, named by the hash of its key. Files are replaced atomically, so several processes can share
a directory. A damaged file, or a file of another key, is deleted, and the speech is made again. If the cache cannot
write, because the disk is full or read-only, calls go on without it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import numpy as np

from ..core.audio.utterance import Utterance, Word

log = logging.getLogger(__name__)

MAGIC = b"bargein2"
HEADER = struct.Struct("<8sII")  # magic, CRC-32 of the rest, size of the JSON before the samples in bytes
SUFFIX = ".utt"


class DiskCache:
    """Utterances by key in one directory. The methods block: call them in a thread."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._held_bytes: int | None = None  # None: not counted yet
        self._off = False

    def get(self, key: str) -> Utterance | None:
        """The utterance, or None if it is not in the cache."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        utterance = unpack(data, key)
        with suppress(OSError):
            if utterance is None:
                path.unlink()
            else:
                os.utime(path)  # the time of the last use
        return utterance

    def put(self, key: str, utterance: Utterance) -> None:
        """Store the utterance. At the size limit, evict the oldest ones."""
        if self._off:
            return
        data = pack(key, utterance)
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self._directory, suffix=".part", delete=False) as file:
                try:
                    file.write(data)
                    file.flush()
                    os.replace(file.name, self._path(key))
                except BaseException:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            self._off = True
            log.warning("speech is not cached in %s: %s", self._directory, error.strerror)
            return
        self._held_bytes = None if self._held_bytes is None else self._held_bytes + len(data)
        if self._held_bytes is None or self._held_bytes > self._max_bytes:
            self._evict()

    def _evict(self) -> None:
        """Evict down to 90 % of the limit, so that not every `put` has to list the directory."""
        files = []
        for path in self._directory.iterdir():
            with suppress(OSError):  # another process may evict at the same time
                if path.suffix in (SUFFIX, ".part"):
                    stat = path.stat()
                    files.append((stat.st_mtime, stat.st_size, path))
        held = sum(size for _, size, _ in files)
        if held > self._max_bytes:
            for _, size, path in sorted(files):
                if held <= self._max_bytes * 9 // 10:
                    break
                with suppress(OSError):
                    path.unlink()
                held -= size
        self._held_bytes = held

    def _path(self, key: str) -> Path:
        return self._directory / (hashlib.sha256(key.encode()).hexdigest()[:40] + SUFFIX)


def pack(key: str, utterance: Utterance) -> bytes:
    """The file: a header, the JSON of key, text and words, then the samples.

    If those at 16 kHz come behind them, the JSON also says how many there are at 8 kHz.
    """
    words = [(word.text, word.start, word.end) for word in utterance.words]
    count = [] if utterance.wide is None else [len(utterance.pcm)]
    meta = json.dumps([key, utterance.text, words, *count]).encode()
    samples = utterance.pcm if utterance.wide is None else np.concatenate([utterance.pcm, utterance.wide])
    body = meta + samples.astype("<i2").tobytes()
    return HEADER.pack(MAGIC, crc32(body), len(meta)) + body


def unpack(data: bytes, key: str) -> Utterance | None:
    """The utterance in `data`. None if the data are damaged or belong to another key."""
    if len(data) < HEADER.size:
        return None
    magic, checksum, size = HEADER.unpack_from(data)
    body = data[HEADER.size :]
    if magic != MAGIC or crc32(body) != checksum:
        return None
    held, text, words, *count = json.loads(body[:size])
    if held != key:
        return None
    pcm = np.frombuffer(body[size:], "<i2").astype(np.int16)
    narrow, wide = (pcm[: count[0]], pcm[count[0] :]) if count else (pcm, None)
    return Utterance(text, narrow, tuple(Word(*word) for word in words), wide)
