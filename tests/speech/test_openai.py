"""Speech servers of OpenAI's protocol, over real HTTP."""

from __future__ import annotations

import io
import json
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from bargein.config import SpeechConfig
from bargein.core.audio.pcm import RATE
from bargein.errors import EngineError
from bargein.speech import catalog
from bargein.speech.stt_openai import OpenAiRecognizer, decoded, wav_bytes
from bargein.speech.tts_openai import OpenAiTts, read_audio

Answer = tuple[int, str, bytes]
TONE = (8000 * np.sin(np.arange(24000) / 10)).astype("<i2")


def wav(rate: int = 24000, size: int | None = None) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(TONE.tobytes())
    data = bytearray(out.getvalue())
    if size is not None:
        data[40:44] = size.to_bytes(4, "little")
    return bytes(data)


@contextmanager
def server(answer: Callable[[str, bytes], Answer]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, kind, data = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None: ...

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}/v1"
    finally:
        listener.shutdown()
        listener.server_close()


async def heard(url: str) -> Any:
    engine = OpenAiRecognizer(url, "whisper-1")
    engine.load()
    stream = engine.stream("en", ("mug",))
    stream.feed(TONE.astype(np.int16))
    return await stream.final()


async def test_words_of_a_turn() -> None:
    seen: list[tuple[str, bytes]] = []

    def answer(path: str, body: bytes) -> Answer:
        seen.append((path, body))
        return (
            200,
            "application/json",
            json.dumps({"text": " Two blue mugs. ", "segments": [{"avg_logprob": -0.1}]}).encode(),
        )

    with server(answer) as url:
        assert (await heard(url)).text == "Two blue mugs."
    path, body = seen[0]
    assert path == "/v1/audio/transcriptions"
    assert b"RIFF" in body
    assert b'name="language"\r\n\r\nen' in body


async def test_a_server_that_knows_plain_json_only() -> None:
    def answer(path: str, body: bytes) -> Answer:
        if b"verbose_json" in body:
            return 400, "application/json", b'{"error": {"message": "response_format verbose_json is not compatible"}}'
        return 200, "application/json", b'{"text": "Two blue mugs."}'

    with server(answer) as url:
        assert (await heard(url)).text == "Two blue mugs."


async def test_a_server_that_fails_is_one_line() -> None:
    refusing = server(lambda path, body: (401, "text/plain", b"no such key"))
    with refusing as url, pytest.raises(EngineError, match="answers 401: no such key"):
        await heard(url)
    with pytest.raises(EngineError, match="cannot be reached"):
        await heard("http://127.0.0.1:9/v1")
    with pytest.raises(EngineError, match="is not an address"):
        OpenAiRecognizer("nonsense").load()


def test_answers_as_servers_write_them() -> None:
    assert decoded("plain text\n").text == "plain text"
    assert decoded('{"text": "a", "segments": [{"avg_logprob": -0.5, "no_speech_prob": 0.7}]}').no_speech == 0.7
    assert decoded('{"text": null, "segments": null}').text == ""


@pytest.mark.parametrize("size", [None, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_voice(size: int | None) -> None:
    seen: list[dict[str, Any]] = []

    def answer(path: str, body: bytes) -> Answer:
        seen.append(json.loads(body))
        return 200, "audio/wav", wav(size=size)

    with server(answer) as url:
        said = OpenAiTts(url).synthesize("Two blue mugs.", voice="nova")
    assert [word.text for word in said.words] == ["Two", "blue", "mugs."]
    assert 0.9 * RATE < len(said.pcm) < 1.2 * RATE
    assert (seen[0]["input"], seen[0]["voice"]) == ("Two blue mugs.", "nova")


def test_a_server_that_knows_neither_streaming_nor_wav() -> None:
    seen: list[dict[str, Any]] = []

    def answer(path: str, body: bytes) -> Answer:
        seen.append(json.loads(body))
        if "stream" in seen[-1]:
            return 400, "application/json", b'{"error": {"message": "Unrecognized request argument supplied: stream"}}'
        if seen[-1]["response_format"] == "wav":
            return 400, "application/json", b'{"error": {"message": "response_format wav is not supported"}}'
        return 200, "audio/pcm", TONE.tobytes()

    with server(answer) as url:
        engine = OpenAiTts(url)
        assert engine.synthesize("Two blue mugs.").words
        engine.synthesize("Two blue mugs.")
    assert [(each.get("stream"), each["response_format"]) for each in seen] == [
        (True, "wav"),
        (None, "wav"),
        (None, "pcm"),
        (None, "pcm"),
    ]


def test_what_a_server_quotes_is_not_told() -> None:
    def answer(path: str, body: bytes) -> Answer:
        reason = json.dumps({"detail": f"cannot say {json.loads(body)['input']!r}, see stream"})
        return 422, "application/json", reason.encode()

    with server(answer) as url, pytest.raises(EngineError, match="answers 422: no reason given here") as caught:
        OpenAiTts(url).synthesize("Dear Mr Smith.", voice="joe")
    assert "Smith" not in str(caught.value)


def test_a_server_that_breaks_off_before_the_first_sound_is_asked_why() -> None:
    def answer(path: str, body: bytes) -> Answer:
        return (200, "audio/wav", b"") if "stream" in json.loads(body) else (500, "text/plain", b"no such voice")

    with server(answer) as url, pytest.raises(EngineError, match=r"answers 500: no such voice \(the voice is 'alloy'"):
        OpenAiTts(url).synthesize("Two blue mugs.")


def test_audio_as_servers_send_it() -> None:
    for data, at in ((TONE.tobytes(), 24000), (wav(16000), 16000), (wav_bytes(TONE.astype(np.int16)), RATE)):
        for size in (1, 7, 1000, len(data)):
            pieces = list(read_audio(data[begin : begin + size] for begin in range(0, len(data), size)))
            assert {rate for _, rate in pieces} == {at}
            assert np.array_equal(np.concatenate([piece for piece, _ in pieces]) * 32768, TONE)
    for bad in (b"ID3\x04 mp3", b"RIFF\0\0\0\0WAVE", b"\xff\xfb"):
        with pytest.raises(EngineError):
            list(read_audio([bad]))


def test_it_can_be_configured() -> None:
    speech = SpeechConfig(stt="openai", stt_url="http://h/v1", tts="openai", tts_url="http://h/v1")
    assert catalog.recognizer(speech).name == "openai"
    assert catalog.configured(speech).name == "openai"
    assert catalog.engine_for("openai", "de") == "openai"
