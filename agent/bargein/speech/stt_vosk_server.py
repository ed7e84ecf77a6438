"""Speech to text by a vosk-server: recognizers on other machines.

The protocol (alphacep/vosk-server, websocket/asr_server.py): the client sends a text frame {"config": {...}}, then
binary frames of 16-bit audio. The server answers each with one text frame: {"partial": ...}, or at the end of a segment
{"result": [...], "text": ...}. It answers the text frame {"eof" : 1}, spelt exactly so, with the last result.

A connection carries one turn, because the server makes one recognizer for each connection. If a connection breaks, the
stream sends the turn again from its beginning over a new connection. The time limit of the request stays the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from ..core.audio.pcm import RATE, Pcm, to_bytes
from ..core.turns.transcript import Transcript
from ..errors import EngineError
from .listing import EngineListing
from .stt_vosk import transcript

DEFAULT_URL = "ws://127.0.0.1:2700"
EOF = '{"eof" : 1}'
BLOCK_SAMPLES = 1600  # 200 ms per message
CONNECT_S = 2.0
ANSWER_S = 3.0  # how long partial and final wait; then they return the words so far
ATTEMPTS = 3
RETRY_S = 0.1
LONGEST_SAMPLES = 120 * RATE  # kept for another attempt; the rest of a longer turn is not recognized


def listings() -> list[EngineListing]:
    """One entry: the models of the server."""
    note = f"a vosk-server: speech.stt_model is its address, {DEFAULT_URL} if empty"
    return [EngineListing("recognizer", "vosk-server", "URL", ("*",), note=note)]


class VoskServerRecognizer:
    """Engine `vosk-server`. `url`: ws://HOST:PORT or wss://. The model of the server sets the language."""

    name = "vosk-server"

    def __init__(self, url: str = "", answer_s: float = ANSWER_S, grammar: bool = False) -> None:
        self.url = url or DEFAULT_URL
        self.grammar = grammar  # recognize the hints only: see VoskRecognizer
        self.answer_s = answer_s

    def load(self) -> None:
        """Check the address. Raises EngineError. This does not connect: a server may start later."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise EngineError(f"speech.stt_model '{self.url}' is not the address of a vosk-server: ws://HOST:2700")

    def check(self, language: str) -> None:
        """The model of the server sets the language, so every language is accepted."""

    def stream(self, language: str, hints: Sequence[str] = ()) -> VoskServerStream:
        """A stream for one turn; connects at once."""
        return VoskServerStream(self.url, hints if self.grammar else (), self.answer_s)


class VoskServerStream:
    """One turn of the caller on one connection. `feed` only queues the audio. A task sends and reads."""

    def __init__(self, url: str, hints: Sequence[str], answer_s: float) -> None:
        self._url = url
        self._hints = hints
        self._answer_s = answer_s
        self._audio: list[Pcm] = []
        self._samples = 0
        self._segments: list[list[tuple[str, float]]] = []
        self._partial = ""
        self._answered = 0  # samples that the server has answered
        self._flush = 0  # samples whose words somebody waits for
        self._ending = False
        self._ended = False
        self._failure = ""
        self._news = asyncio.Condition()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def feed(self, pcm: Pcm) -> None:
        """Append 8 kHz samples."""
        if self._samples < LONGEST_SAMPLES:
            self._audio.append(pcm)
            self._samples += len(pcm)
            self._wake.set()

    async def partial(self) -> Transcript:
        """The words so far, once the server has answered all audio, or after the time limit."""
        self._flush = self._samples
        wanted = self._samples
        return await self._answer(lambda: self._answered >= wanted or self._ended)

    async def final(self) -> Transcript:
        """The whole turn. Raises EngineError if the server cannot be reached."""
        self._ending = True
        result = await self._answer(lambda: self._ended)
        self.cancel()
        return Transcript(result.text, result.confidence, result.speech, True)

    def cancel(self) -> None:
        """Close the connection without waiting."""
        self._task.cancel()

    async def _answer(self, ready: Any) -> Transcript:
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._answer_s), self._news:
                await self._news.wait_for(lambda: ready() or self._failure or self._task.done())
        if self._failure and not self._segments and not self._partial:
            raise EngineError(self._failure)
        rest = [(word, 0.8) for word in self._partial.split()]
        return transcript([word for segment in self._segments for word in segment] + rest, False)

    async def _run(self) -> None:
        reason = ""
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(CONNECT_S):
                    connection = await connect(self._url, open_timeout=None, compression=None, max_size=1 << 20)
                async with connection:
                    await self._converse(connection)
                return
            except (OSError, WebSocketException, ValueError, KeyError, TypeError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                await asyncio.sleep(RETRY_S * (attempt + 1))
        async with self._news:
            self._failure = f"no words from the vosk-server at {self._url}: {reason or 'it does not answer'}"
            self._news.notify_all()

    async def _converse(self, connection: ClientConnection) -> None:
        """Send all audio from the beginning of the turn. Read one answer for each message."""
        self._segments, self._partial, sent = [], "", 0
        config: dict[str, Any] = {"sample_rate": RATE, "words": 1}
        if self._hints:
            config["phrase_list"] = [*(hint.lower() for hint in self._hints), "[unk]"]
        await connection.send(json.dumps({"config": config}))
        while True:
            waiting = self._samples - sent
            if waiting >= BLOCK_SAMPLES or (waiting and (self._ending or self._flush > sent)):
                audio = np.concatenate(self._audio)
                self._audio = [audio]
                await connection.send(to_bytes(audio[sent:]))
                sent = len(audio)
                await self._read(connection, sent, False)
            elif self._ending:
                await connection.send(EOF)
                await self._read(connection, sent, True)
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _read(self, connection: ClientConnection, sent: int, last: bool) -> None:
        async with asyncio.timeout(self._answer_s):
            answer = json.loads(await connection.recv())
        if not isinstance(answer, dict):
            raise ValueError("this is not a vosk-server")
        async with self._news:
            if "partial" in answer:
                self._partial = str(answer["partial"])
            else:
                words = answer.get("result") or [{"word": word} for word in str(answer.get("text", "")).split()]
                self._segments.append([(str(word["word"]), float(word.get("conf", 1.0))) for word in words])
                self._partial = ""
            self._answered, self._ended = sent, last
            self._news.notify_all()
