"""Whisper's decoder, one token at a time, on one core.

A step multiplies with each weight once (`int8_rows`). CTranslate2 takes several times as long, because it is made for
many sequences at once.

Attention to the speech needs no keys and values of it: (query x keys) x speech is the same as query x (keys x speech),
and cheaper for the few tokens of a phrase. Those of the silence behind it are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .int8_rows import Floats, times, unlocked
from .whisper_weights import DecoderWeights, Layer, Norm

EACH = 10  # places of silence that one stands for


class Tokens(NamedTuple):
    """Which tokens mean something: those that may never be written or not at the beginning, the end, a noise."""

    never: NDArray[np.int64]
    not_first: NDArray[np.int64]
    end: int
    no_speech: int


class Written(NamedTuple):
    """The likeliest tokens, their log probability in total with that of the end if it came, and P(no speech).

    logits: (vocabulary,) of each step, the end's included.
    """

    tokens: list[int]
    log_probability: float
    no_speech: float
    logits: list[Floats]


class Heard(NamedTuple):
    """What the decoder attends to: the encoder's output (places, d), and the logarithm of how many places each is."""

    places: Floats
    log_count: Floats
    columns: Floats  # (d, places): the same again, which halves the time of a product with it

    @classmethod
    def of(cls, places: Floats, counts: Floats) -> Heard:
        """`counts`: (places,)."""
        return cls(places, np.log(counts), np.ascontiguousarray(places.T))


def with_silence(speech: Floats, silence: Floats) -> Heard:
    """The encoder's output for speech (places, d), and where that ends every tenth place of that for silence.

    With each place of the silence, log probabilities differ by 0.002.
    """
    after = silence[len(speech) + EACH // 2 :: EACH]
    counts = np.repeat(np.array([1, EACH], np.float32), (len(speech), len(after)))
    return Heard.of(np.concatenate([speech, after]).astype(np.float32), counts)


class GreedyDecoder:
    """The decoder of a model."""

    def __init__(self, weights: DecoderWeights) -> None:
        self._weights = weights
        self._layers = [_Layer(layer, weights.heads) for layer in weights.layers]

    def written(self, heard: Heard, prompt: Sequence[int], start: int, limit: int, meaning: Tokens) -> Written:
        """Up to `limit` tokens for what is heard. Blocks.

        `start` is where in the prompt the text starts; there the model says whether it hears no speech.
        """
        said = [np.empty((2, len(prompt) + limit, heard.places.shape[1]), np.float32) for _ in self._layers]
        first, logits = self._logits(self._step(prompt, 0, said, heard, len(prompt) - start)[[0, -1]])
        no_speech = float(np.exp(first[meaning.no_speech] - _log_sum(first)))
        tokens: list[int] = []
        steps: list[Floats] = []
        total = 0.0
        while True:
            logits[meaning.never] = -np.inf
            if not tokens:
                logits[meaning.not_first] = -np.inf
            steps.append(logits)
            token = int(logits.argmax())
            total += float(logits[token]) - _log_sum(logits)
            if token == meaning.end:
                break
            tokens.append(token)
            if len(tokens) == limit:
                break
            (logits,) = self._logits(self._step([token], len(prompt) + len(tokens) - 1, said, heard))
        return Written(tokens, total, no_speech, steps)

    def _step(self, tokens: Sequence[int], place: int, said: Sequence[Floats], heard: Heard, wanted: int = 1) -> Floats:
        """What the decoder makes of the last `wanted` tokens, (wanted, d). `place` is that of the first token."""
        vocabulary = self._weights.vocabulary
        chosen = vocabulary.weights[tokens] * vocabulary.scale[tokens, None]
        x = chosen + self._weights.places[place : place + len(tokens)]
        for layer, text in zip(self._layers, said, strict=True):
            x = layer.step(x, text, place, heard, wanted if layer is self._layers[-1] else len(x))
        return x

    def _logits(self, hidden: Floats) -> Floats:
        logits: Floats = times(_normed(hidden, self._weights.last), self._weights.vocabulary)
        return logits


class _Layer:
    """One layer."""

    def __init__(self, weights: Layer, heads: int) -> None:
        self._weights = weights
        self._heads = heads
        d = len(weights.asks.weights)
        keys, values = (weights.speech.weights * weights.speech.scale[:, None]).reshape(2, heads, -1, d)
        self._keys, self._values = keys, np.ascontiguousarray(values.transpose(0, 2, 1))
        self._bias = weights.speech.bias[d:]

    def step(self, x: Floats, text: Floats, place: int, heard: Heard, wanted: int) -> Floats:
        """What it makes of the last `wanted` of the tokens x (n, d) from `place` on.

        `text`: keys and values (2, places, d) of the tokens so far; those of x are added.
        """
        weights, end, d = self._weights, place + len(x), x.shape[1]
        into = times(_normed(x, weights.before_text), weights.into)
        text[0, place:end], text[1, place:end] = into[:, d : 2 * d], into[:, 2 * d :]
        x = x[-wanted:] + times(self._text_heard(into[-wanted:, :d], text[:, :end]), weights.out)
        asks = times(_normed(x, weights.before_speech), weights.asks)
        x = x + times(self._speech_heard(asks, heard), weights.heard)
        done: Floats = x + times(_gelu(times(_normed(x, weights.before_wide), weights.wide)), weights.narrow)
        return done

    def _text_heard(self, asks: Floats, text: Floats) -> Floats:
        """Attention to the text (2, places, d). A token hears what is before it."""
        keys, values = self._of_heads(text[0]), self._of_heads(text[1])
        scores = self._of_heads(asks) @ keys.transpose(0, 2, 1) * np.float32(keys.shape[2] ** -0.5)
        if len(asks) > 1:
            scores[:, np.triu(np.ones(scores.shape[1:], bool), 1 + len(text[0]) - len(asks))] = -np.inf
        heard: Floats = (_shares(scores) @ values).transpose(1, 0, 2).reshape(len(asks), -1)
        return heard

    def _speech_heard(self, asks: Floats, heard: Heard) -> Floats:
        """Attention to the speech."""
        mine = self._of_heads(asks) * np.float32(self._keys.shape[1] ** -0.5)
        wanted = (mine @ self._keys).reshape(-1, asks.shape[1])  # of all heads: one product reads the speech once
        shares = _shares(wanted @ heard.columns + heard.log_count)
        values = (shares @ heard.places).reshape(self._heads, len(asks), -1) @ self._values
        together: Floats = values.transpose(1, 0, 2).reshape(len(asks), -1) + self._bias
        return together

    def _of_heads(self, x: Floats) -> Floats:
        """(n, d) as (heads, n, d / heads)."""
        return x.reshape(len(x), self._heads, -1).transpose(1, 0, 2)


def _normed(x: Floats, norm: Norm) -> Floats:
    out = np.empty_like(x)
    _normalize(x, norm.gamma, norm.beta, out)
    return out


@unlocked
def _normalize(x: Floats, gamma: Floats, beta: Floats, out: Floats) -> None:
    for at in range(len(x)):
        mine, mean, spread = x[at], np.float32(0), np.float32(0)
        for k in range(len(mine)):
            mean += mine[k]
        mean /= np.float32(len(mine))
        for k in range(len(mine)):
            spread += (mine[k] - mean) ** 2
        factor = np.float32(1) / np.sqrt(spread / np.float32(len(mine)) + np.float32(1e-5))
        for k in range(len(mine)):
            out[at, k] = (mine[k] - mean) * factor * gamma[k] + beta[k]


def _gelu(x: Floats) -> Floats:
    """x times the normal distribution's integral up to x; erf by Abramowitz and Stegun 7.1.26."""
    z = np.abs(x) * np.float32(0.70710678)
    t = 1 / (1 + np.float32(0.3275911) * z)
    tail = np.float32(1.061405429) * t
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail = (tail + np.float32(factor)) * t
    tail *= np.exp(-z * z) / 2
    integral: Floats = x * np.where(x > 0, 1 - tail, tail)
    return integral


def _shares(scores: Floats) -> Floats:
    """Softmax over the last axis."""
    likely = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = likely / likely.sum(axis=-1, keepdims=True)
    return shares


def _log_sum(logits: Floats) -> float:
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()))
