"""The voice engine kokoro: on a model that hums, and for real (scripts/test-kokoro)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bargein.config import SpeechConfig
from bargein.errors import EngineError
from bargein.speech import catalog, tts_kokoro
from bargein.speech.installable import MODELS, installed
from bargein.speech.tts_kokoro import KokoroTts

FRAMES = 4  # of each phoneme; 10 of silence at each end
TEXTS = {
    "en": "That is $10, on March 3rd. Thank you!",
    "es-MX": "¿Cuántas tazas quiere? Tenemos dos.",
    "fr": "Bonjour, votre commande est prête.",
    "it": "Buongiorno, l'ordine è pronto.",
    "pt": "Bom dia, o seu pedido está pronto.",
}


class Letters:
    """A language in which each letter is a phoneme, and "5" is two words."""

    languages: list[str]

    def phonemize(self, text: str, language: str) -> str:
        self.languages = [language]
        return text.lower().replace("5", "fi ve")

    def known(self, phonemes: str) -> str:
        return phonemes

    def tokenize(self, phonemes: str) -> list[int]:
        return [ord(c) for c in phonemes]


class Hum:
    """Sound for letters, silence for the rest."""

    asked: list[int]

    def run(self, outputs: None, given: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        tokens = given["tokens"][0]
        self.asked = [*getattr(self, "asked", []), len(tokens)]
        assert given["style"].shape == (1, 256)
        assert given["style"][0, 0] == len(tokens) - 3  # row n - 1 is for n phonemes
        durations = np.array([[10, *[FRAMES] * (len(tokens) - 2), 10]], np.float32)
        loud = np.repeat([chr(token).isalpha() for token in tokens], durations[0].astype(int) * 600)
        return np.sin(np.arange(len(loud)) / 8).astype(np.float32) * loud * 0.3, durations


@pytest.fixture
def hum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hum:
    """A model in the place of the real one."""
    monkeypatch.setenv("BARGEIN_MODELS", str(tmp_path))
    (tmp_path / "kokoro" / "voices").mkdir(parents=True)
    (tmp_path / "kokoro" / "model.onnx").write_bytes(b"")
    styles = np.repeat(np.arange(510, dtype="<f4")[:, None], 256, axis=1)
    for voice in ("af_heart", "ff_siwis"):
        styles.tofile(tmp_path / "kokoro" / "voices" / f"{voice}.bin")
    model = Hum()
    monkeypatch.setattr(tts_kokoro, "_opened", lambda path: (Letters(), model))
    return model


def test_words_have_the_times_of_the_model(hum: Hum) -> None:
    said = KokoroTts().synthesize("Hello, 5 of them", "fr")
    assert [word.text for word in said.words] == ["Hello,", "5", "of", "them"]
    phoneme = FRAMES * 200  # samples of 8 kHz
    starts = [(word.start - said.words[0].start) / phoneme for word in said.words]
    assert starts == pytest.approx([0, 7, 13, 16], abs=0.1)
    lengths = [(word.end - word.start) / phoneme for word in said.words]
    assert lengths == pytest.approx([5, 5, 2, 4], abs=0.1)
    assert said.words[0].start == 80
    assert len(said.pcm) - said.words[-1].end == pytest.approx(960, abs=10)


def test_a_long_text_is_spoken_in_pieces(hum: Hum) -> None:
    text = "seven letters " * 60
    said = KokoroTts().synthesize(text)
    assert len(hum.asked) == 2
    assert max(hum.asked) <= 512
    assert [word.text for word in said.words] == text.split()
    edges = [edge for word in said.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)


def test_what_is_not_there_is_one_line(hum: Hum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not len(KokoroTts().synthesize("...").pcm)
    with pytest.raises(EngineError, match="kokoro does not speak 'de': it speaks en, es, fr, it, pt"):
        KokoroTts().synthesize("Hallo", "de")
    with pytest.raises(EngineError, match="no voice 'nobody': there is af_heart, ff_siwis"):
        KokoroTts().synthesize("Hello", "en", "nobody")
    monkeypatch.setenv("BARGEIN_MODELS", str(tmp_path / "none"))
    with pytest.raises(EngineError, match="bargein engines install kokoro"):
        KokoroTts().load()


def test_it_comes_before_espeak_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalog.configured(SpeechConfig(tts="kokoro")).name == "kokoro"
    assert catalog.engine_for("kokoro", "it") == "kokoro"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: object())
    monkeypatch.setattr(tts_kokoro, "installed", lambda name: Path("/here"))
    assert not [listing.missing for listing in tts_kokoro.listings() if listing.missing]
    monkeypatch.setattr(catalog, "FALLBACKS", ("kokoro", "espeak"))
    assert catalog.engine_for("hibari", "pt") == "kokoro"


@pytest.mark.parametrize("language", TEXTS)
def test_the_real_model_speaks(language: str) -> None:
    if importlib.util.find_spec("kokoro_onnx") is None or installed("kokoro") is None:
        pytest.skip("OPTIONAL, NO KOKORO: scripts/test-kokoro tests it")
    text = TEXTS[language]
    said = KokoroTts().synthesize(text, language)
    assert [word.text for word in said.words] == text.split()
    edges = [edge for word in said.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert 0.5 < len(said.pcm) / 8000 < 6
    assert len(said.pcm) - said.words[-1].end < 1600


def test_what_is_installed_are_all_voices_of_its_languages() -> None:
    files = MODELS["kokoro"].files
    assert {f"voices/{voice}.bin" for _, _, voice in tts_kokoro.LANGUAGES.values()} < set(files)
    assert len(files) == 38
