"""The decoder's weights of a Whisper model that CTranslate2 has converted, as int8 rows with a scale each."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .int8_rows import Floats, Rows

TYPES = ("<f4", "i1", "<i2", "<i4", "<f2")  # CTranslate2's DataType


class Norm(NamedTuple):
    """A layer norm (d,)."""

    gamma: Floats
    beta: Floats


class Layer(NamedTuple):
    """One layer of the decoder. `into` makes queries, keys and values of the text, `asks` the queries to the speech."""

    before_text: Norm
    into: Rows
    out: Rows
    before_speech: Norm
    asks: Rows
    speech: Rows  # keys and values of the encoder's output
    heard: Rows
    before_wide: Norm
    wide: Rows
    narrow: Rows


class DecoderWeights(NamedTuple):
    """All of it. `vocabulary` is the embedding of each token, and what tells the next one."""

    heads: int
    places: Floats  # (448, d), added to the tokens at these places
    layers: tuple[Layer, ...]
    last: Norm
    vocabulary: Rows


def read_decoder(model: Path) -> DecoderWeights:
    """Of `model.bin`. Raises KeyError or OSError if it is no Whisper model of CTranslate2."""
    with open(model, "rb") as file:
        values = _variables(file)

    def rows(name: str) -> Rows:
        matrix, factor = values[f"{name}/weight"], values.get(f"{name}/weight_scale")
        bias = values.get(f"{name}/bias", np.zeros(len(matrix), np.float32)).astype(np.float32)
        if matrix.dtype == np.int8:
            return Rows.of(matrix, (1 / values[f"{name}/weight_scale"]).astype(np.float32), bias)
        wide = matrix.astype(np.float32) / (
            1 if factor is None else factor.astype(np.float32)
        )  # int16 has one for all rows
        scale = np.maximum(np.abs(wide).max(axis=1), 1e-9) / 127
        return Rows.of(np.rint(wide / scale[:, None]).astype(np.int8), scale, bias)

    def norm(name: str) -> Norm:
        return Norm(values[f"{name}/gamma"].astype(np.float32), values[f"{name}/beta"].astype(np.float32))

    layers: list[Layer] = []
    while f"decoder/layer_{len(layers)}/ffn/linear_0/weight" in values:
        at = f"decoder/layer_{len(layers)}"
        layers.append(
            Layer(
                norm(f"{at}/self_attention/layer_norm"),
                rows(f"{at}/self_attention/linear_0"),
                rows(f"{at}/self_attention/linear_1"),
                norm(f"{at}/attention/layer_norm"),
                rows(f"{at}/attention/linear_0"),
                rows(f"{at}/attention/linear_1"),
                rows(f"{at}/attention/linear_2"),
                norm(f"{at}/ffn/layer_norm"),
                rows(f"{at}/ffn/linear_0"),
                rows(f"{at}/ffn/linear_1"),
            )
        )
    places = values["decoder/position_encodings/encodings"].astype(np.float32)
    heads = int(values["decoder/num_heads"])
    return DecoderWeights(heads, places, tuple(layers), norm("decoder/layer_norm"), rows("decoder/embeddings"))


def _variables(file: BinaryIO) -> Mapping[str, NDArray[Any]]:
    """The variables of the decoder in a file of CTranslate2's binary format, version 6."""

    def number(format: str) -> int:
        value: int = struct.unpack(f"<{format}", file.read(struct.calcsize(f"<{format}")))[0]
        return value

    def text() -> str:
        return file.read(number("H"))[:-1].decode()

    number("I"), text(), number("I")  # versions of the format and of the model
    found: dict[str, NDArray[Any]] = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = number("B"), number("I")
        if kind >= len(TYPES):
            raise KeyError(f"{name} has a type that is not read here")
        if name.startswith("decoder/"):
            found[name] = np.frombuffer(file.read(size), TYPES[kind]).reshape(shape)
        else:
            file.seek(size, 1)
    return found
