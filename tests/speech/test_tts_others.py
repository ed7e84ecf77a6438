"""Piper and eSpeak where they are installed, Coqui on a fake of its package, and the choice among them."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from bargein.config import SpeechConfig
from bargein.core.audio.pcm import RATE, dbfs
from bargein.core.audio.utterance import Utterance
from bargein.errors import EngineError, UserError
from bargein.speech import catalog
from bargein.speech.audio import activity, from_pcm
from bargein.speech.listing import EngineListing
from bargein.speech.tts_coqui import CoquiTts
from bargein.speech.tts_espeak import EspeakTts, library
from bargein.speech.tts_hibari import HibariTts
from bargein.speech.tts_piper import PiperTts, voices

TEXT = "That is $10, or 12.50 for 3 items on March 3rd at 10:30 AM. Thank you — bye!"


def sound(said: Utterance, text: str) -> None:
    assert said.text == text == " ".join(word.text for word in said.words)
    edges = [edge for word in said.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert 0 <= edges[0] <= edges[-1] <= len(said.pcm)
    first, last = activity(from_pcm(said.pcm), RATE)
    assert first < 0.03 * RATE
    assert abs(said.words[-1].end - last) < 0.1 * RATE
    assert -25 < dbfs(said.pcm) < -17
    assert np.abs(said.pcm).max() < 30000


@pytest.mark.slow
def test_piper_speaks_with_the_timing_of_its_words() -> None:
    if importlib.util.find_spec("piper") is None or "en_US-joe-medium" not in voices():
        pytest.skip("NO PIPER: pip install 'bargein[engines-test]' to test it")
    piper = PiperTts()
    sound(piper.synthesize(TEXT), TEXT)
    said = piper.synthesize("Stop, please. Wait.")
    for before, after in zip(said.words, said.words[1:], strict=False):
        if before.text[-1] in ",.":
            assert dbfs(said.pcm[before.end + 200 : after.start - 200]) < -30
    with pytest.raises(EngineError, match="no piper voice for language 'ko' here"):
        piper.synthesize("x", "ko")
    with pytest.raises(EngineError, match="no piper voice 'nobody' here"):
        piper.synthesize("x", "en", "nobody")


@pytest.mark.parametrize(
    ("text", "language"), [(TEXT, "en"), ("Der rote Becher kostet 12,50 €, möchten Sie ihn?", "de-DE"), ("Hola", "es")]
)
def test_espeak_speaks_many_languages_with_the_timing_of_its_words(text: str, language: str) -> None:
    if library() is None:
        pytest.skip("NO ESPEAK: apt install espeak-ng, or pip install 'bargein[engines-test]', to test it")
    sound(EspeakTts().synthesize(text, language), text)


def test_espeak_has_one_line_for_a_voice_that_is_none() -> None:
    if library() is None:
        pytest.skip("NO ESPEAK: apt install espeak-ng, or pip install 'bargein[engines-test]', to test it")
    with pytest.raises(EngineError, match="espeak has no voice 'nosuchvoice'"):
        EspeakTts().synthesize("x", "en", "nosuchvoice")


class FakeCoqui:
    """What `TTS.api.TTS` gives: a list of floats at the model's rate."""

    made: list[str]

    def __init__(self, model_name: str, progress_bar: bool) -> None:
        if "none" in model_name:
            raise ValueError("no such model\nmany lines")
        type(self).made.append(model_name)
        self.is_multi_speaker = self.is_multi_lingual = "multi" in model_name
        self.speakers = ["Ana", "Bo"]
        self.synthesizer = types.SimpleNamespace(output_sample_rate=22050)
        self.asked: dict[str, str] = {}

    def tts(self, text: str, **more: str) -> list[float]:
        assert set(more) == ({"speaker", "language"} if self.is_multi_lingual else set())
        assert more.get("speaker", "Bo") in self.speakers
        silence = np.zeros(4000)
        tone = 0.2 * np.sin(np.arange(2000 * len(text)) * 2 * np.pi * 500 / 22050)
        return np.concatenate([silence, tone, silence]).tolist()


@pytest.fixture
def coqui(monkeypatch: pytest.MonkeyPatch) -> type[FakeCoqui]:
    FakeCoqui.made = []
    package, api = types.ModuleType("TTS"), types.ModuleType("TTS.api")
    api.TTS = FakeCoqui  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "TTS", package)
    monkeypatch.setitem(sys.modules, "TTS.api", api)
    return FakeCoqui


def test_coqui_loads_a_model_for_each_language_once(coqui: type[FakeCoqui], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COQUI_TOS_AGREED", "1")
    tts = CoquiTts()
    sound(tts.synthesize("hello there you"), "hello there you")
    tts.synthesize("again")
    tts.synthesize("Guten Tag", "de-AT")
    tts.synthesize("bonjour", "fr", "tts_models/multilingual/multi-dataset/xtts_v2:Bo")
    assert [name.split("/")[1] for name in coqui.made] == ["en", "de", "multilingual"]
    assert len(tts.synthesize("...").pcm) == 0


def test_coqui_has_one_line_for_what_goes_wrong(coqui: type[FakeCoqui], monkeypatch: pytest.MonkeyPatch) -> None:
    model = "tts_models/en/none/none"
    with pytest.raises(EngineError, match=f"coqui cannot speak with the model '{model}': no such model") as caught:
        CoquiTts().synthesize("x", "en", model)
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "TTS.api", None)
    with pytest.raises(EngineError, match=r"pip install 'bargein\[coqui\]'"):
        CoquiTts().load()


# ------------------------------------------------------------------ the choice


def test_the_configured_engine_speaks_its_languages_and_another_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    listings = {
        "hibari": [EngineListing("voice", "hibari", "heart", ("en-US",))],
        "piper": [EngineListing("voice", "piper", "thorsten", ("de-DE",), missing="get thorsten")],
        "espeak": [EngineListing("voice", "espeak", "", ("*",))],
    }
    monkeypatch.setattr(catalog, "voice_listings", lambda name: listings.get(name, []))
    assert catalog.engine_for("hibari", "en-GB") == "hibari"
    assert catalog.engine_for("hibari", "de") == "espeak"
    listings["piper"] = [EngineListing("voice", "piper", "thorsten", ("de-DE",))]
    assert catalog.engine_for("hibari", "de") == "piper"
    listings["piper"] = [EngineListing("voice", "piper", "thorsten", ("de-DE",), missing="get thorsten")]
    listings["espeak"] = [EngineListing("voice", "espeak", "", ("*",), missing="apt install espeak-ng")]
    with pytest.raises(EngineError, match="no voice for language 'de': get thorsten; or apt install espeak-ng"):
        catalog.engine_for("hibari", "de")


def test_engines_go_by_name() -> None:
    assert isinstance(catalog.tts("hibari"), HibariTts)
    assert catalog.recognizer(SpeechConfig()).name == "whisper"
    assert catalog.recognizer(SpeechConfig(stt="vosk", stt_model="/m")).name == "vosk"
    assert catalog.recognizer(SpeechConfig(stt="vosk-server")).name == "vosk-server"
    with pytest.raises(UserError, match=r"no recognizer 'ear': speech\.stt is one of whisper, vosk") as caught:
        catalog.recognizer(SpeechConfig(stt="ear"))
    assert caught.value.exit_code == 2
    with pytest.raises(UserError, match=r"no voice engine 'mouth': speech.tts is one of hibari, piper"):
        catalog.voice(SpeechConfig(tts="mouth"), "en")


async def test_the_configured_cache_is_used(tmp_path: Path) -> None:
    await catalog.voice(SpeechConfig(cache_dir=str(tmp_path / "c")), "en").warm(["Hello."])
    assert len(list((tmp_path / "c").glob("*"))) == 1
    assert catalog.cache_directory(str(tmp_path)) == tmp_path
