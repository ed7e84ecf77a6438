"""The engines `wyoming` and `openai` against real servers, which scripts/test-servers starts."""

from __future__ import annotations

import os
import time

import pytest

from bargein.core.audio.utterance import Utterance
from bargein.errors import EngineError
from bargein.speech.base import Recognizer, TextToSpeech
from bargein.speech.live import LiveUtterance
from bargein.speech.stt_openai import OpenAiRecognizer
from bargein.speech.stt_wyoming import WyomingRecognizer
from bargein.speech.tts_openai import OpenAiTts
from bargein.speech.tts_wyoming import WyomingTts
from bargein.speech.voice import Voice

if not os.environ.get("BARGEIN_SERVERS"):
    pytest.skip("OPTIONAL, NO SPEECH SERVERS: scripts/test-servers tests them", allow_module_level=True)

PIPER, WHISPER = "tcp://127.0.0.1:21200", "tcp://127.0.0.1:21300"
STUDIO, GATEWAY = "http://127.0.0.1:21400/v1", "http://127.0.0.1:21500/v1"
TEXT = "Your order is ready on Monday. Please send it to the new address."
VOICE = "en_US-joe-medium"
VOICES: dict[str, tuple[TextToSpeech, str]] = {
    "wyoming-piper": (WyomingTts(PIPER), ""),
    "wyoming-piper, a voice by name": (WyomingTts(PIPER), VOICE),
    "local-tts-studio": (OpenAiTts(STUDIO), ""),
    "wyoming-openai-gateway": (OpenAiTts(GATEWAY), VOICE),
}
WHOLE = ("local-tts-studio",)  # sends nothing before it has made everything
RECOGNIZERS: dict[str, Recognizer] = {
    "wyoming-faster-whisper": WyomingRecognizer(WHISPER),
    "wyoming-openai-gateway": OpenAiRecognizer(GATEWAY),
}


def said(name: str) -> Utterance:
    engine, voice = VOICES[name]
    engine.load()
    return engine.synthesize(TEXT, "en", voice)


@pytest.mark.parametrize("name", VOICES)
@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_the_first_sound_comes_before_the_server_has_made_the_sentence(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, by_name = VOICES[name]
    voice = Voice(engine, voice=by_name)
    await voice.whole("Hello.")
    text = " ".join([TEXT] * 4)  # Piper makes a sentence in one piece
    begun = time.monotonic()
    said = await voice.utterance(text)
    first_s, came = time.monotonic() - begun, len(said.pcm)
    if isinstance(said, LiveUtterance):
        await said.finished()
    whole_s = time.monotonic() - begun
    with capsys.disabled():
        print(
            f"\n{name}: {came / 8000:.1f} s of speech after {first_s:.2f} s, all {len(said.pcm) / 8000:.1f} s "
            f"after {whole_s:.2f} s",
            end="",
        )
    assert name in WHOLE or first_s < 0.7 * whole_s


async def understood(name: str, speech: Utterance) -> str:
    recognizer = RECOGNIZERS[name]
    recognizer.load()
    recognizer.check("en")
    recognizer.check("pt-BR")
    stream = recognizer.stream("en")
    for at in range(0, len(speech.pcm), 160):
        stream.feed(speech.pcm[at : at + 160])
    return plain((await stream.final()).text)


def plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalpha() or c == " ")


def missed(words: str) -> int:
    """How many words of TEXT are not understood: the voice of Piper is never twice the same."""
    return len(set(plain(TEXT).split()) - set(words.split()))


@pytest.mark.parametrize("voice", VOICES)
async def test_a_voice_is_understood(voice: str) -> None:
    speech = said(voice)
    assert 2.5 < len(speech.pcm) / 8000 < 5
    assert [word.text for word in speech.words] == TEXT.split()
    assert missed(await understood("wyoming-faster-whisper", speech)) <= 2


@pytest.mark.parametrize("recognizer", RECOGNIZERS)
async def test_a_recognizer_understands(recognizer: str) -> None:
    assert missed(await understood(recognizer, said("wyoming-piper"))) <= 2


async def test_digits_and_hints_and_silence() -> None:
    for recognizer in RECOGNIZERS.values():
        stream = recognizer.stream("en", ("order", "mug"))
        stream.feed(WyomingTts(PIPER).synthesize("My order is four seven one nine.").pcm)
        assert "order" in (await stream.partial()).text.lower()
        await stream.final()
        stream = recognizer.stream("en")
        stream.feed(said("wyoming-piper").pcm[:1] * 0)
        assert not (await stream.final()).text


@pytest.mark.parametrize(
    ("engine", "voice", "reason"),
    [
        (WyomingTts(PIPER), "nobody", "answers: an error"),
        (OpenAiTts(GATEWAY), "", r"answers 500: .*set \[speech\] voice"),
        (OpenAiTts(GATEWAY.replace("/v1", "/v2")), VOICE, "answers 404: Not Found"),
    ],
)
def test_what_a_server_refuses_is_one_line(engine: TextToSpeech, voice: str, reason: str) -> None:
    with pytest.raises(EngineError, match=reason) as caught:
        engine.synthesize("Hello.", "en", voice)
    assert "\n" not in str(caught.value)


def test_a_language_without_a_voice_is_refused() -> None:
    with pytest.raises(EngineError, match="no voice for 'xx'"):
        WyomingTts(PIPER).synthesize("Hello.", "xx")
