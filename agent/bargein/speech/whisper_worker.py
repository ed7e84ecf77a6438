"""The process that recognizes for a `DecoderProcess`: requests on standard input, answers on standard output."""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np

from ..clock import cpu_times
from ..core.audio.pcm import Pcm
from ..core.turns.transcript import SoundProbabilities
from ..errors import EngineError
from .whisper_text import Decoded

log = logging.getLogger(__name__)

NICE = 10  # below the server: a tenth of the weight of the audio
PR_SET_PDEATHSIG = 1  # linux/prctl.h
HEAD = struct.Struct("<II")  # lengths of the JSON and of the samples after it, in bytes

Message = dict[str, Any]


class LoadedDecoder(Protocol):
    """The model in the process. Its methods block."""

    @property
    def languages(self) -> tuple[str, ...]: ...

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded: ...

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded: ...

    def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None: ...


def write_message(out: BinaryIO, message: Message, samples: bytes = b"") -> None:
    """A message and samples, with their lengths before them."""
    text = json.dumps(message).encode()
    out.write(HEAD.pack(len(text), len(samples)) + text + samples)
    out.flush()


def _answer(out: BinaryIO, message: Message) -> None:
    """A message to the server. If the server is gone, so are we."""
    try:
        write_message(out, message)
    except BrokenPipeError:
        os._exit(0)


def read_message(source: BinaryIO) -> tuple[Message, bytes] | None:
    """The next message and its samples; None at the end."""
    head = source.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    text, samples = HEAD.unpack(head)
    body = source.read(text + samples)
    return (json.loads(body[:text]), body[text:]) if len(body) == text + samples else None


def answer_requests(load: Callable[[], LoadedDecoder]) -> None:
    """Load, then answer the requests on standard input until it is closed."""
    _end_with_the_server()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a library is not an answer
    try:
        decoder = load()
    except EngineError as error:
        return _answer(out, {"number": 0, "error": str(error)})
    _answer(out, {"number": 0, "languages": list(decoder.languages)})
    requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
    threading.Thread(target=_take_requests, args=(requests,), daemon=True).start()
    used_s = cpu_times()[1]
    while (request := requests.get()) is not None:
        answer = _answered(decoder, request)
        before_s, used_s = used_s, cpu_times()[1]
        _answer(out, {**answer, "cpu_s": used_s - before_s})


def _end_with_the_server() -> None:
    """Have the kernel kill this process when the server ends: a stopped process does not see its input closed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    number: int
    op: str  # decode, digits or sound
    language: str
    hints: Sequence[str]
    pcm: Pcm
    upper: Pcm | None


def _take_requests(requests: queue.SimpleQueue[_Request | None]) -> None:
    while (got := read_message(sys.stdin.buffer)) is not None:
        told, samples = got
        requests.put(_request(told, samples))
    os._exit(0)  # nobody waits for what is being recognized


def _request(told: Message, samples: bytes) -> _Request:
    """Its samples are those at 8 kHz, and behind them those above 4 kHz, if there are any."""
    given = np.frombuffer(samples, "<i2").astype(np.int16)
    pcm, upper = np.split(given, [told.get("samples", len(given))])
    hints = told.get("hints", ())
    return _Request(told["number"], told["op"], told["language"], hints, pcm, upper if len(upper) else None)


def _answered(decoder: LoadedDecoder, request: _Request) -> Message:
    """The answer to a request."""
    try:
        if request.op == "sound":
            sound = decoder.judge_sound(request.pcm)
            return {"number": request.number, "sound": asdict(sound) if sound is not None else None}
        if request.op == "digits":
            decoded = decoder.decode_digits(request.pcm, request.language)
        else:
            decoded = decoder.decode(request.pcm, request.language, request.hints, request.upper)
    except Exception as error:
        return {"number": request.number, "error": f"{type(error).__name__}: {error}"}
    return {"number": request.number, "decoded": asdict(decoded)}


def _loaded() -> LoadedDecoder:
    from .whisper_decoder import WhisperDecoder

    return WhisperDecoder(sys.argv[1])


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICE)
    answer_requests(_loaded)
