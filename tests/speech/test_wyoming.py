"""Speech servers of the Wyoming protocol, over real TCP. `scripts/test-servers` tests the real ones."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from bargein.config import SpeechConfig
from bargein.core.audio.pcm import RATE
from bargein.errors import EngineError
from bargein.speech import catalog
from bargein.speech.stt_wyoming import WyomingRecognizer
from bargein.speech.tts_wyoming import WyomingTts
from bargein.speech.wyoming import WyomingEvent, WyomingServer

Received = list[tuple[str, dict[str, Any], bytes]]
TONE = (8000 * np.sin(np.arange(22050) / 10)).astype("<i2")
FORMAT = {"rate": 22050, "width": 2, "channels": 1}
INFO = {
    "asr": [{"name": "w", "installed": True, "models": [{"name": "base", "languages": ["en", "de"]}]}],
    "tts": [{"name": "p", "installed": True, "voices": [{"name": "joe", "languages": ["en_US"]}]}],
}


def event(kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> bytes:
    """As the package `wyoming` writes it: the data beside the line."""
    more = json.dumps(data).encode() if data else b""
    head: dict[str, Any] = {"type": kind, "version": "1.10.2"}
    head |= {"data_length": len(more)} if more else {}
    head |= {"payload_length": len(payload)} if payload else {}
    return json.dumps(head).encode() + b"\n" + more + payload


@contextmanager
def server(answer: Callable[[Received], bytes | None]) -> Iterator[str]:
    """Asks `answer` after each event; None waits for the next one, and b"" closes."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            received: Received = []
            while line := self.rfile.readline():
                head = json.loads(line)
                data = json.loads(self.rfile.read(head.get("data_length") or 0) or b"{}")
                payload = self.rfile.read(head.get("payload_length") or 0)
                received.append((head["type"], head.get("data", {}) | data, payload))
                if (bytes_ := answer(received)) is not None:
                    self.wfile.write(bytes_)
                    if not bytes_:
                        return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"tcp://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()


def engine(received: Received) -> bytes | None:
    """A server that understands and speaks."""
    match received[-1][0]:
        case "describe":
            return event("info", INFO)
        case "audio-stop":
            return event("transcript", {"text": " Two blue mugs. ", "language": "en"})
        case "synthesize":
            parts = [event("audio-chunk", FORMAT, part.tobytes()) for part in np.array_split(TONE, 5)]
            return event("audio-start", FORMAT) + b"".join(parts) + event("audio-stop", {"timestamp": 1})
    return None


async def heard(url: str, model: str = "") -> str:
    recognizer = WyomingRecognizer(url, model)
    recognizer.load()
    stream = recognizer.stream("en-GB", ("mug",))
    stream.feed(TONE.astype(np.int16))
    return (await stream.final()).text


async def test_words_of_a_turn() -> None:
    seen: list[Received] = []

    def answer(received: Received) -> bytes | None:
        seen.append(received)
        return engine(received)

    with server(answer) as url:
        assert await heard(url, "base") == "Two blue mugs."
    sent = seen[-1]
    assert [kind for kind, _, _ in sent if kind != "audio-chunk"] == ["transcribe", "audio-start", "audio-stop"]
    assert sent[0][1] == {"language": "en", "name": "base"}
    assert sent[1][1] == {"rate": 16000, "width": 2, "channels": 1}
    samples = sum(len(payload) for _, _, payload in sent) // 2
    assert abs(samples - 2 * len(TONE)) < 1600


def test_a_voice() -> None:
    seen: list[Received] = []

    def answer(received: Received) -> bytes | None:
        seen.append(received)
        return engine(received)

    with server(answer) as url:
        said = WyomingTts(url).synthesize("Two blue mugs.", "en", "joe:2")
        assert [word.text for word in said.words] == ["Two", "blue", "mugs."]
        assert 0.9 * RATE < len(said.pcm) < 1.2 * RATE
        assert seen[-1][-1][1] == {"text": "Two blue mugs.", "voice": {"name": "joe", "speaker": "2"}}
        engine_ = WyomingTts(url)
        for _ in range(2):
            engine_.synthesize("Two.", "en-US")
            assert seen[-1][-1][1]["voice"] == {"language": "en-US"}
        assert sum(received[-1][0] == "describe" for received in seen) == 1
        assert not len(WyomingTts(url).synthesize("...").pcm)


def test_a_language_that_the_server_does_not_have_is_refused() -> None:
    with server(engine) as url:
        recognizer = WyomingRecognizer(url)
        recognizer.load()
        recognizer.check("de-AT")
        with pytest.raises(EngineError, match="does not understand 'fr'"):
            recognizer.check("fr")
        with pytest.raises(EngineError, match="no voice for 'de'"):
            WyomingTts(url).synthesize("Hallo", "de")


def test_a_server_that_does_not_run_yet_or_does_not_say_takes_every_language() -> None:
    recognizer = WyomingRecognizer("tcp://127.0.0.1:9")
    recognizer.load()
    recognizer.check("fr")
    with server(lambda received: event("info", {"asr": [{"models": None}], "tts": 5})) as url:
        assert WyomingServer("x", url, 5.0).languages("asr") == WyomingServer("x", url, 5.0).languages("tts") == ()
    assert WyomingServer("x", "tcp://127.0.0.1:9", 5.0).languages("asr") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (event("error", {"text": "cannot say: Hi,\nJohn", "code": "X"}), "answers: an error, X; its log says why$"),
        (event("error", {"text": "a", "code": "cannot say: Hi, John"}), "answers: an error; its log says why$"),
        (b"", "closed without an answer"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the Wyoming protocol"),
        (b'{"type": "audio-chunk", "payload_length": 99999999999}\n', "does not speak the Wyoming protocol"),
        (b"[]\n", "does not speak the Wyoming protocol"),
        (event("audio-start", FORMAT | {"width": 4}) + event("audio-stop"), "not 16-bit audio"),
        (event("audio-start", FORMAT) + event("audio-chunk", FORMAT, bytes(9000)) + event("audio-stop"), "silence"),
    ],
)
def test_a_server_that_fails_is_one_line(answer: bytes, reason: str) -> None:
    def handler(received: Received) -> bytes:
        return event("info", INFO) if received[-1][0] == "describe" else answer

    with server(handler) as url, pytest.raises(EngineError, match=reason) as caught:
        WyomingTts(url).synthesize("Hello.")
    assert "\n" not in str(caught.value)


def test_no_server_is_one_line_that_says_where_to_look() -> None:
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9 cannot be reached \(.*speech\.tts_url is right"):
        WyomingTts("tcp://127.0.0.1:9").synthesize("Hello.")
    for url in ("", "http://h:1", "tcp://h:x", "tcp://h:1/v1"):
        with pytest.raises(EngineError, match="is not the address of a Wyoming server: tcp://HOST:PORT"):
            WyomingRecognizer(url).load()


def test_the_time_limit_is_for_the_whole_answer() -> None:
    """A server that sends, but never all of it."""
    times = iter(range(100))

    class Hours:
        """A clock of which an hour passes at each look."""

        def monotonic(self) -> float:
            return 3600.0 * next(times)

    received: list[str] = []
    with server(lambda sent: event("audio-start", FORMAT)) as url:
        slow = WyomingServer("x", url, 7000.0, Hours())  # type: ignore[arg-type]
        with pytest.raises(EngineError, match="takes too long"):
            received += (answer.type for answer in slow.ask([WyomingEvent("describe")]))
    assert received == ["audio-start"]


async def test_a_turn_that_is_given_up_asks_nobody() -> None:
    seen: list[Received] = []

    def answer(received: Received) -> bytes | None:
        seen.append(received)
        return engine(received)

    with server(answer) as url:
        stream = WyomingRecognizer(url).stream("en")
        stream.feed(TONE.astype(np.int16))
        stream.cancel()
        assert (await stream.final()).text == ""
    assert not seen


def test_it_can_be_configured() -> None:
    speech = SpeechConfig(stt="wyoming", stt_url="tcp://h:10300", tts="wyoming", tts_url="tcp://h:10200")
    assert catalog.recognizer(speech).name == "wyoming"
    assert catalog.configured(speech).name == "wyoming"
    assert catalog.engine_for("wyoming", "de") == "wyoming"
