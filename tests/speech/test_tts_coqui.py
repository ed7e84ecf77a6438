"""The voice engine coqui for real: a tiny random model, if the package is here (pip install 'bargein[coqui]')."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("TTS", reason="OPTIONAL, NO COQUI: scripts/test-coqui tests it")

import torch
from TTS.config.shared_configs import BaseAudioConfig
from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
from TTS.tts.models.vits import Vits

from bargein.errors import EngineError
from bargein.speech.tts_coqui import CoquiTts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VITS model of 1 MB that has learned nothing, in a directory."""
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
    )
    audio = BaseAudioConfig(sample_rate=22050)
    made = Vits.init_from_config(
        VitsConfig(model_args=small, audio=audio, text_cleaner="basic_cleaners", use_phonemes=False)
    )
    folder = tmp_path_factory.mktemp("vits")
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
        ("tts_models/en/nonsense/x", "there is no such model"),
        ("tts_models/multilingual/multi-dataset/xtts_v2", "COQUI_TOS_AGREED=1"),
    ],
)
def test_what_goes_wrong_is_one_line(voice: str, reason: str) -> None:
    with pytest.raises(EngineError, match=reason) as caught:
        CoquiTts().synthesize("Hello.", "en", voice)
    assert "\n" not in str(caught.value)
