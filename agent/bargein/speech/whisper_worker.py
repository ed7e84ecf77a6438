"""The process that recognizes for a `DecoderProcess`: requests on standard input, answers on standard output.

A second opinion is of use for a fraction of a second, so sounds have a thread of their own and wait for no words.
"""

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
from functools import partial
from typing import Any, BinaryIO, Protocol

import numpy as np

from ..clock import SystemClock, cpu_times
from ..core.audio.pcm import Pcm
from ..core.turns.transcript import SoundProbabilities
from ..errors import EngineError
from ..machine import cores
from .whisper_text import Decoded

log = logging.getLogger(__name__)

NICE = 10  # below the thread that starts it, and that is 4 below the server (background.py)
SOUND_S = 1.0  # after which a second opinion is of no use
SWITCH_S = 0.0005  # after which a thread hands the interpreter over
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


class _Answers:
    """What goes to the server. Several threads may write."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._used_s = cpu_times()[1]

    def write(self, message: Message) -> None:
        """An answer, with the CPU time of this process since the last one. If the server is gone, so are we."""
        with self._lock:
            before_s, self._used_s = self._used_s, cpu_times()[1]
            try:
                write_message(self._out, {**message, "cpu_s": self._used_s - before_s})
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


def answer_requests(load: Callable[[], LoadedDecoder], workers: int = 1) -> None:
    """Load, then answer the requests on standard input until it is closed. `workers`: phrases at a time."""
    _end_with_the_server()
    sys.setswitchinterval(SWITCH_S)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a library is not an answer
    answers = _Answers(out)
    try:
        decoder = load()
    except EngineError as error:
        return answers.write({"number": 0, "error": str(error)})
    answers.write({"number": 0, "languages": list(decoder.languages)})
    sounds: _Requests = queue.SimpleQueue()
    phrases: _Requests = queue.SimpleQueue()
    for requests in (sounds, *[phrases] * workers):
        threading.Thread(target=_work, args=(decoder, requests, answers), daemon=True).start()
    while (got := read_message(sys.stdin.buffer)) is not None:
        request = _request(*got)
        (sounds if request.op == "sound" else phrases).put(request)
    os._exit(0)  # nobody waits for what is being recognized


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
    came_at: float  # monotonic, in s


_Requests = queue.SimpleQueue[_Request]


def _work(decoder: LoadedDecoder, requests: _Requests, answers: _Answers) -> None:
    """In a thread."""
    while True:
        answers.write(_answered(decoder, requests.get()))


def _request(told: Message, samples: bytes) -> _Request:
    """Its samples are those at 8 kHz, and behind them those above 4 kHz, if there are any."""
    given = np.frombuffer(samples, "<i2").astype(np.int16)
    pcm, upper = np.split(given, [told.get("samples", len(given))])
    hints = told.get("hints", ())
    high, now = upper if len(upper) else None, SystemClock().monotonic()
    return _Request(told["number"], told["op"], told["language"], hints, pcm, high, now)


def _answered(decoder: LoadedDecoder, request: _Request) -> Message:
    """The answer to a request."""
    try:
        if request.op == "sound":
            late = SystemClock().monotonic() - request.came_at > SOUND_S  # nobody waits for it any more
            sound = None if late else decoder.judge_sound(request.pcm)
            return {"number": request.number, "sound": asdict(sound) if sound is not None else None}
        if request.op == "digits":
            decoded = decoder.decode_digits(request.pcm, request.language)
        else:
            decoded = decoder.decode(request.pcm, request.language, request.hints, request.upper)
    except Exception as error:
        return {"number": request.number, "error": f"{type(error).__name__}: {error}"}
    return {"number": request.number, "decoded": asdict(decoded)}


def _loaded(model: str, phrases: int) -> LoadedDecoder:
    from .whisper_decoder import WhisperDecoder

    return WhisperDecoder(model, phrases)


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICE)
    phrases = min(int(sys.argv[2]), cores())  # two at a time on one core would both come later
    answer_requests(partial(_loaded, sys.argv[1], phrases), phrases)
