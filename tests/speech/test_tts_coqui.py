"""The voice engine coqui for real: a tiny random model, and one that has learned to speak if there is one here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("TTS", reason="OPTIONAL, NO COQUI: scripts/test-coqui tests it")

import torch
from TTS.config.shared_configs import BaseAudioConfig
from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
from TTS.tts.models.vits import Vits
from TTS.tts.utils.languages import LanguageManager
from TTS.tts.utils.speakers import SpeakerManager

from bargein.core.audio.pcm import RATE, samples
from bargein.errors import EngineError
from bargein.speech.audio import first_pause, from_pcm
from bargein.speech.stt_whisper import WhisperRecognizer
from bargein.speech.tts_coqui import CoquiTts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VITS model of 1 MB that has learned nothing, in a directory."""
    return save(tmp_path_factory.mktemp("vits"), 22050, "basic_cleaners")


def save(folder: Path, rate: int, cleaners: str, **more: Any) -> Path:
    torch.manual_seed(0)
    small = VitsArgs(
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=32,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=1,
        num_layers_flow=1,
        upsample_initial_channel_decoder=16,
        resblock_type_decoder="2",
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3]],
        use_sdp=False,
        init_discriminator=False,
        **more,
    )
    audio = BaseAudioConfig(sample_rate=rate)
    made = Vits.init_from_config(VitsConfig(model_args=small, audio=audio, text_cleaner=cleaners, use_phonemes=False))
    made.config.save_json(str(folder / "config.json"))
    torch.save({"model": made.state_dict(), "config": made.config.to_dict()}, folder / "model_file.pth")
    return folder


@pytest.mark.parametrize("text", ["Hello there my friend.", "Yes. We open at nine, not at ten.", "One"])
def test_words_have_the_times_of_the_model(model: Path, text: str) -> None:
    said = CoquiTts().synthesize(text, "en", str(model))
    assert [word.text for word in said.words] == text.split()
    edges = [edge for word in said.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(said.pcm)
    assert all(word.end > word.start for word in said.words)


@pytest.mark.parametrize(
    ("voice", "reason"),
    [
        ("/nowhere", "no coqui model here"),
        ("tts_models/en/nonsense/x", "coqui has no model 'tts_models/en/nonsense/x'; tts --list_models"),
        ("nonsense", "coqui has no model 'nonsense'; tts --list_models"),
        ("vocoder_models/en/ljspeech/hifigan_v2", "coqui has no model"),
        ("tts_models/multilingual/multi-dataset/xtts_v2", "COQUI_TOS_AGREED=1"),
    ],
)
def test_what_goes_wrong_is_one_line(voice: str, reason: str) -> None:
    with pytest.raises(EngineError, match=reason) as caught:
        CoquiTts().synthesize("Hello.", "en", voice)
    assert "\n" not in str(caught.value)


def test_a_damaged_model_is_one_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    (tmp_path / "model_file.pth").write_text("junk")
    with pytest.raises(EngineError, match="coqui cannot load this model") as caught:
        CoquiTts().synthesize("Hello.", "en", str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_failed_download_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(
        EngineError, match=r"'tts_models/en/ljspeech/vits' cannot be fetched \(.{,300}\); see"
    ) as caught:
        CoquiTts().synthesize("Hello.", "en", "tts_models/en/ljspeech/vits")
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err


def test_two_speakers_and_two_languages(tmp_path: Path) -> None:
    folder = tmp_path / "multi"
    folder.mkdir()
    speakers, languages = SpeakerManager(), LanguageManager()
    speakers.name_to_id, languages.name_to_id = {"ana": 0, "bo": 1}, {"en": 0, "fr": 1}
    speakers.save_ids_to_file(str(folder / "speakers.json"))
    languages.save_ids_to_file(str(folder / "languages.json"))
    save(
        folder,
        16000,
        "multilingual_cleaners",
        use_speaker_embedding=True,
        use_language_embedding=True,
        speaker_embedding_channels=8,
        speakers_file=str(folder / "speakers.json"),
        language_ids_file=str(folder / "languages.json"),
    )
    engine = CoquiTts()
    for voice in (str(folder), f"{folder}:bo"):
        said = engine.synthesize("Bonjour mon ami.", "fr-CA", voice)
        assert [word.text for word in said.words] == ["Bonjour", "mon", "ami."]
        assert all(word.end > word.start for word in said.words)
    with pytest.raises(EngineError, match="coqui cannot speak with the model") as caught:
        engine.synthesize("Bonjour.", "fr", f"{folder}:nobody")
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------ a model that has learned to speak

REAL = os.environ.get("BARGEIN_COQUI_MODEL", "")  # its directory, English: TTS_HOME/tts/tts_models--en--ljspeech--vits
TEXT = "Your order is ready on Monday. Please send it to the new address."


@pytest.mark.skipif(not REAL, reason="OPTIONAL, NO COQUI MODEL: set BARGEIN_COQUI_MODEL to the directory of one")
@pytest.mark.parametrize("by", ["directory", "name"])
async def test_a_real_model_is_understood_and_its_words_are_where_they_are_heard(
    monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    folder = Path(REAL)
    voice = REAL
    if by == "name":
        if not folder.name.startswith("tts_models--"):
            pytest.skip("OPTIONAL, NO COQUI MODEL BY NAME: the directory has no name of coqui's")
        monkeypatch.setenv("TTS_HOME", str(folder.parent.parent))
        voice = folder.name.replace("--", "/")
    said = CoquiTts().synthesize(TEXT, "en", voice)
    assert [word.text for word in said.words] == TEXT.split()
    pause = first_pause(from_pcm(said.pcm), RATE, 0.15)
    assert pause is not None
    monday, please = said.words[5], said.words[6]
    assert monday.end <= pause[0] + samples(100)
    assert please.start >= pause[1] - samples(100)
    recognizer = WhisperRecognizer()
    recognizer.load()
    stream = recognizer.stream("en")
    stream.feed(said.pcm)
    heard = (await stream.final()).text.lower().replace(".", "").split()
    assert len(set(TEXT.lower().replace(".", "").split()) - set(heard)) <= 2, heard
