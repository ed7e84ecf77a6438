"""Whisper's decoder: it writes what CTranslate2's writes."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from numpy.typing import NDArray

from bargein.core.audio.pcm import RATE
from bargein.speech import int8_rows
from bargein.speech.audio import from_pcm, resample
from bargein.speech.tts_hibari import HibariTts
from bargein.speech.whisper_decoder import WhisperDecoder
from bargein.speech.whisper_greedy import GreedyDecoder, Heard, Tokens, Written, with_silence
from bargein.speech.whisper_model import BUNDLED, open_model
from bargein.speech.whisper_stream import loud_part
from bargein.speech.whisper_weights import read_decoder

PLACES, LIMIT = 750, 20
TEXTS = ("stop", "how much is the green mug", "can I talk to a person please")


class Model:
    """The bundled model, with both decoders."""

    def __init__(self) -> None:
        self.whisper, folder = open_model(BUNDLED, 1)
        self.decoder = GreedyDecoder(read_decoder(folder / "model.bin"))
        self.tokenizer = Tokenizer(self.whisper.hf_tokenizer, False, task="transcribe", language="en")
        never = np.array(get_suppressed_tokens(self.tokenizer, [-1]))
        not_first = np.array([*self.tokenizer.encode(" "), self.tokenizer.eot])
        self.meaning = Tokens(never, not_first, self.tokenizer.eot, self.tokenizer.no_speech)
        self.silence = self.encoded(np.zeros(30 * RATE, np.int16), 30)

    def encoded(self, pcm: NDArray[np.int16], seconds: int) -> NDArray[np.float32]:
        audio = np.zeros(16000 * seconds, np.float32)
        speech = resample(from_pcm(pcm), RATE, 16000)
        audio[3200 : 3200 + len(speech)] = speech[: len(audio) - 3200]
        features = self.whisper.feature_extractor(audio, padding=0)[:, : 100 * seconds]
        return np.asarray(self.whisper.encode(features))[0]

    def prompt(self, before: str) -> list[int]:
        text = self.tokenizer.encode(before) if before else []
        prompt: list[int] = self.whisper.get_prompt(self.tokenizer, text, without_timestamps=True)
        return prompt

    def written(self, heard: Heard, before: str = "") -> Written:
        prompt = self.prompt(before)
        return self.decoder.written(heard, prompt, prompt.index(self.tokenizer.sot), LIMIT, self.meaning)

    def by_ctranslate2(self, speech: NDArray[np.float32], before: str) -> Any:
        import ctranslate2

        whole = self.silence[:PLACES].copy()
        whole[: len(speech)] = speech
        result = self.whisper.model.generate(
            ctranslate2.StorageView.from_array(whole[None]),
            [self.prompt(before)],
            beam_size=1,
            max_length=2 * LIMIT,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self.meaning.never.tolist(),
        )
        return result[0]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


@cache
def said(text: str) -> NDArray[np.int16]:
    return loud_part(HibariTts().synthesize(text).pcm)


@pytest.mark.parametrize("before", ["", " Hello? Yes, please. Green mug, blue mug."])
@pytest.mark.parametrize("text", TEXTS)
def test_it_writes_what_ctranslate2_writes(model: Model, text: str, before: str) -> None:
    speech = model.encoded(said(text), 4)
    ours, theirs = (
        model.written(with_silence(speech, model.silence[:PLACES]), before),
        model.by_ctranslate2(speech, before),
    )
    assert ours.tokens == theirs.sequences_ids[0]
    assert ours.log_probability / len(ours.tokens) == pytest.approx(theirs.scores[0], abs=0.1)
    assert ours.no_speech == pytest.approx(theirs.no_speech_prob, abs=0.05)
    assert len(ours.logits) == len(ours.tokens) + 1


def test_a_tenth_of_the_silence_is_as_good_as_all_of_it(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_rows, "HERE", False)  # bytes are coarser than what is compared
    speech = model.encoded(said(TEXTS[1]), 4)
    whole = model.silence[:PLACES].copy()
    whole[: len(speech)] = speech
    some = with_silence(speech, model.silence[:PLACES])
    assert len(some.places) < PLACES / 2
    every = model.written(Heard.of(whole, np.ones(PLACES, np.float32)))
    assert model.written(some).tokens == every.tokens
    assert model.written(some).log_probability == pytest.approx(every.log_probability, abs=0.05)


def test_tokens_of_a_prompt_are_as_if_they_had_come_one_by_one(model: Model) -> None:
    heard = with_silence(model.encoded(said(TEXTS[1]), 4), model.silence[:PLACES])
    prompt = model.prompt(" Hello? Yes, please.")
    first, second = ([np.zeros((2, 30, 384), np.float32) for _ in range(4)] for _ in range(2))
    together = model.decoder._step(prompt, 0, first, heard, len(prompt))
    alone = np.concatenate([model.decoder._step([token], at, second, heard) for at, token in enumerate(prompt)])
    np.testing.assert_allclose(together, alone, atol=0.01)


def test_it_stops_at_the_limit(model: Model) -> None:
    heard = with_silence(model.encoded(said(TEXTS[1]), 4), model.silence[:PLACES])
    written = model.decoder.written(heard, model.prompt(""), 0, 3, model.meaning)
    assert len(written.tokens) == len(written.logits) == 3


def test_the_first_caller_does_not_wait_for_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(GreedyDecoder, "written", lambda *_: calls.append(1) or Written([], 0.0, 0.0, []))
    assert WhisperDecoder(BUNDLED).tokens == 0
    assert calls


def test_a_model_may_have_floats_or_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {"embeddings/weight": (9, 8), "position_encodings/encodings": (5, 8)}
    for name in ("layer_norm", *(f"layer_0/{part}/layer_norm" for part in ("self_attention", "attention", "ffn"))):
        shapes |= {f"{name}/gamma": (8,), f"{name}/beta": (8,)}
    for name, rows in (("self_attention", (24, 8)), ("attention", (8, 16, 8)), ("ffn", (32, 8))):
        for at, count in enumerate(rows):
            columns = 32 if (name, at) == ("ffn", 1) else 8
            shapes |= {
                f"layer_0/{name}/linear_{at}/weight": (count, columns),
                f"layer_0/{name}/linear_{at}/bias": (count,),
            }
    floats = {f"decoder/{name}": rng.normal(size=shape).astype("<f4") for name, shape in shapes.items()}
    small: dict[str, NDArray[Any]] = dict(floats)
    for name, value in floats.items():
        if name.endswith("/weight"):
            scale = (127 / np.abs(value).max(axis=1)).astype("<f4")
            small |= {name: np.rint(value * scale[:, None]).astype("i1"), f"{name}_scale": scale}
    heads = {"decoder/num_heads": np.array(2, "<i2")}
    write_model(tmp_path / "floats", floats | heads | {"encoder/conv1/bias": np.zeros(3, "<f4")})
    write_model(tmp_path / "bytes", small | heads)
    first, second = read_decoder(tmp_path / "floats"), read_decoder(tmp_path / "bytes")
    whole: dict[str, NDArray[Any]] = dict(floats)  # int16 has one factor for all rows
    for name, value in floats.items():
        if name.endswith("/weight"):
            factor = np.array(1023 / np.abs(value).max(), "<f4")
            whole |= {name: np.rint(value * factor).astype("<i2"), f"{name}_scale": factor}
    write_model(tmp_path / "whole", whole | heads)
    third = read_decoder(tmp_path / "whole")
    np.testing.assert_allclose(third.layers[0].narrow.scale, first.layers[0].narrow.scale, rtol=0.01)
    assert first.heads == second.heads == 2
    assert len(first.layers) == 1
    np.testing.assert_array_equal(first.vocabulary.weights, second.vocabulary.weights)
    np.testing.assert_allclose(first.layers[0].narrow.scale, second.layers[0].narrow.scale, rtol=1e-5)
    product = first.layers[0].wide.weights * first.layers[0].wide.scale[:, None]
    np.testing.assert_allclose(product, floats["decoder/layer_0/ffn/linear_0/weight"], atol=0.02)


def test_a_model_of_another_type_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model", {"decoder/num_heads": np.array(2, "<f8")})
    with pytest.raises(KeyError, match="decoder/num_heads has a type that is not read here"):
        read_decoder(tmp_path / "model")


def write_model(path: Path, values: dict[str, NDArray[Any]]) -> None:
    """A file as CTranslate2 writes it."""

    def text(words: str) -> bytes:
        return struct.pack("<H", len(words) + 1) + words.encode() + b"\0"

    kinds = {"<f4": 0, "|i1": 1, "<i2": 2, "<f8": 9}
    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(values))]
    for name, value in values.items():
        shape = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        parts += [text(name), shape, struct.pack("<BI", kinds[value.dtype.str], value.nbytes), value.tobytes()]
    path.write_bytes(b"".join(parts))
