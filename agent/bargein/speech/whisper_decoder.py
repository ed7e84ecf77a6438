"""The model of the recognizer `whisper` at work: one piece of speech in, its words out. It blocks.

Whisper takes 30 s of audio, and most of its time goes into encoding silence. A caller's turn is short: we encode a
window that is two seconds longer than the speech, and append the encoder's output for silence, which we compute once.
The result is as accurate as with 30 s. A short window alone makes the decoder say everything twice, because it sees no
end; `without_echo` removes what is left of that.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio.pcm import RATE, WIDE_RATE, Pcm
from ..core.turns.transcript import SoundProbabilities
from ..data.trained import load_weights
from ..errors import EngineError
from .audio import Samples, from_pcm, levelled, resample, with_upper
from .whisper_digit_sounds import (
    digit_scores,
    digit_sounds,
    digits_alike,
    each_levelled,
    likeliest,
    pooled_digits,
    sure_digits,
)  # fmt: skip
from .whisper_digits import best_reading, by_sound, digits_or_words, readings_of, told_apart
from .whisper_ending import ended, ending_log_odds, last_sounds, without_runaway
from .whisper_greedy import GreedyDecoder, Tokens, with_silence
from .whisper_model import BUNDLED, open_model
from .whisper_overlaps import OVERLAP_WINDOW_S, overlap_probabilities, pooled_start, window
from .whisper_sounds import MODEL_RATE, VECTORS_A_SECOND, pooled, sound_probabilities
from .whisper_stream import loud_part
from .whisper_text import Decoded, believable, without_echo
from .whisper_weights import read_decoder

WINDOW_S = 8.0  # encoded at most
AFTER_S = 2.0  # of the window is silence after the speech; 1 loses words (35.0 % against 33.0 % wrong on calls)
LEAD_S = 0.2  # silence before the first sound, which the model expects
EDGE_S = 0.05  # of the margin around what is loud, what is left out when the sound itself is judged
TOKENS_A_SECOND = 14  # half of it in effect, faster than anybody talks; it stops a runaway decoder
SPARE_TOKENS = 8
LONGEST_PROMPT = 100  # tokens of it
HEARD_S = 15  # seconds of encoded audio that the decoder sees, speech and silence
SURE = -0.2  # log probability of a token above which hints are not tried
# With hints, of 232 phrases 76 % are decoded once. Words wrong 31.7 %, as with both decodings of every phrase; of 197
# noises and backchannels one more has words.
SURELY_WORD, SURE_PROMPTED = 0.8, -0.5

MANNER = {"en": "Hello? Yes, please. No, not that one. Okay, stop. Sorry, what?"}  # how callers talk


@dataclass(frozen=True, slots=True)
class _Sounds:
    """What the bundled model's encoder says of a piece of speech; see `Transcript`."""

    kinds: SoundProbabilities | None = None
    ended: float | None = None

    @property
    def surely_word(self) -> bool:
        return self.kinds is not None and self.kinds.word >= SURELY_WORD

    def of(self, words: Decoded) -> Decoded:
        """The words with it."""
        return replace(words, sound_probabilities=self.kinds, ended=self.ended)


class WhisperDecoder:
    """A loaded model for `phrases` at a time, and a sound beside them. `model`: as for `WhisperRecognizer`.

    `encoded_s` and `tokens` count what was encoded, in s, and decoded so far.

    Raises EngineError with one line that says what to install.
    """

    def __init__(self, model: str, phrases: int = 1) -> None:
        self.encoded_s, self.tokens = 0.0, 0
        self._model = model
        self._whisper, folder = open_model(model, phrases + 1)
        try:
            weights = read_decoder(folder / "model.bin")
        except (KeyError, OSError, ValueError, struct.error) as error:
            raise EngineError(f"{folder / 'model.bin'}: {error}: convert the model with --quantization int8") from None
        self._greedy = GreedyDecoder(weights)
        self._tokens: dict[str, tuple[Any, Tokens]] = {}
        self._silence = self._encoded_silence()  # the encoder's output for 30 s of silence, (1, 1500, d)
        if model == BUNDLED:
            for name in ("whisper_sounds", "whisper_ending", "whisper_digits", "whisper_overlaps"):
                load_weights(name)  # now, and not in the first call
        # Likewise what Numba compiles or loads.
        self._written(self._silence[:, :50], np.zeros(0, np.int16), self.languages[0])
        self.tokens = 0

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes that the model understands."""
        return tuple(self._whisper.supported_languages)

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """Recognize up to `LONGEST_S` of speech; blocks. `upper`: see `PieceRecognizer`.

        Hints are a prompt, and a prompt makes words of any noise. So words with a prompt are taken alone only if the
        sound is surely a word; else only if they are likelier than those without, and there are some without.
        """
        encoded, sounds = self._heard(pcm, upper)
        prompt, hinted = self._prompt(language, hints), None
        if prompt and sounds.surely_word:
            hinted = sounds.of(self._written(encoded, pcm, language, prompt))
            if hinted.log_probability > SURE_PROMPTED and believable(hinted):
                return hinted
        free = sounds.of(self._written(encoded, pcm, language))
        if not prompt or not believable(free) or free.log_probability > SURE:
            return free
        return _likelier(free, hinted or sounds.of(self._written(encoded, pcm, language, prompt)))

    def _prompt(self, language: str, hints: Sequence[str]) -> Sequence[int]:
        """The tokens that hints are to the decoder; none without hints."""
        if not hints:
            return ()
        text = f" {MANNER.get(language, '')} {', '.join(hints).capitalize()}."
        prompt: list[int] = self._tokenizer(language).encode(text)
        return prompt[-LONGEST_PROMPT:]

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded:
        """Recognize one group of digits, or other words if they are likelier; blocks."""
        tokenizer = self._tokenizer(language)
        if self._model != BUNDLED:
            encoded, free = self._free(pcm, language)
            return digits_or_words(free, best_reading(readings_of(self._whisper, encoded, tokenizer), free), len(pcm))
        spans, speech = self._digit_sounds(pcm)
        scores = digit_scores(pooled_digits(speech[0], spans, LEAD_S))
        if sure := sure_digits(scores, spans):
            return by_sound(sure)
        _, free = self._free(pcm, language)
        readings = readings_of(self._whisper, self._shown(speech), tokenizer)
        if digits_alike(scores, spans):
            return told_apart(free, likeliest(scores, readings))
        return digits_or_words(free, best_reading(readings, free), len(pcm))

    def _digit_sounds(self, pcm: Pcm) -> tuple[list[tuple[int, int]], NDArray[np.floating]]:
        spans = digit_sounds(pcm)
        return spans, self._window(each_levelled(pcm, spans), RATE)

    def _tokenizer(self, language: str) -> Any:
        return self._tokens_of(language)[0]

    def _tokens_of(self, language: str) -> tuple[Any, Tokens]:
        """The tokenizer, and which tokens mean something. Kept: both cost a millisecond."""
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        if language not in self._tokens:
            multilingual = self._whisper.model.is_multilingual
            tokenizer = Tokenizer(self._whisper.hf_tokenizer, multilingual, task="transcribe", language=language)
            never = np.array(get_suppressed_tokens(tokenizer, [-1]))
            not_first = np.array([*tokenizer.encode(" "), tokenizer.eot])
            self._tokens[language] = tokenizer, Tokens(never, not_first, tokenizer.eot, tokenizer.no_speech)
        return self._tokens[language]

    def _free(self, pcm: Pcm, language: str) -> tuple[Any, Decoded]:
        """What the decoder sees of the speech, and what it makes of it without a prompt."""
        encoded, sounds = self._heard(pcm)
        return self._shown(encoded), sounds.of(self._written(encoded, pcm, language))

    def _heard(self, pcm: Pcm, upper: Pcm | None = None) -> tuple[NDArray[np.floating], _Sounds]:
        """The encoder's output for the speech, and what it says of it.

        The words gain from what is above 4 kHz. The judges of the sound have learned from the telephone, so they get
        the speech without it: it is encoded twice.
        """
        wide = None if upper is None else self._window(levelled(with_upper(pcm, upper), WIDE_RATE), WIDE_RATE)
        if self._model != BUNDLED:
            return self._encoded(pcm) if wide is None else wide, _Sounds()
        speech = self._encoded(pcm)
        sounds = _Sounds(sound_probabilities(_pooled(speech, pcm)), ended(_last_sounds(speech, pcm)))
        return speech if wide is None else wide, sounds

    def pooled(self, pcm: Pcm) -> NDArray[np.float32] | None:
        """The features of the loud part of `pcm`, for `whisper_sounds`. None if nothing is loud. Blocks."""
        loud = loud_part(pcm)
        return _pooled(self._encoded(loud), loud) if len(loud) else None

    def last_sounds(self, pcm: Pcm) -> NDArray[np.float32] | None:
        """What `ended` goes by, likewise."""
        loud = loud_part(pcm)
        return _last_sounds(self._encoded(loud), loud) if len(loud) else None

    def pooled_digits(self, pcm: Pcm) -> NDArray[np.float32]:
        """What `digit_scores` goes by, for each sound of a dictated group. Blocks."""
        spans, speech = self._digit_sounds(pcm)
        return pooled_digits(speech[0], spans, LEAD_S)

    def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        """What an overlap is, by its beginning, see `SoundRecognizer`. None without the bundled model. Blocks."""
        return overlap_probabilities(self.pooled_start(pcm)) if self._model == BUNDLED else None

    def pooled_start(self, pcm: Pcm) -> NDArray[np.float32]:
        """What `overlap_probabilities` goes by. Blocks."""
        features = self._whisper.feature_extractor(window(pcm), padding=0)[:, : int(OVERLAP_WINDOW_S * 100)]
        self.encoded_s += OVERLAP_WINDOW_S
        return pooled_start(np.asarray(self._whisper.encode(features))[0], len(pcm))

    def _encoded(self, pcm: Pcm) -> NDArray[np.floating]:
        """The encoder's output for speech in its window, 50 vectors a second: (1, 150 to 400, d)."""
        return self._window(levelled(from_pcm(pcm), RATE), RATE)

    def _window(self, x: Samples, rate: int) -> NDArray[np.floating]:
        speech = resample(x, rate, MODEL_RATE)
        window_s = min(WINDOW_S, np.ceil(len(speech) / MODEL_RATE) + AFTER_S)
        audio = np.zeros(int(window_s * MODEL_RATE), np.float32)
        first = int(LEAD_S * MODEL_RATE)
        audio[first : first + len(speech)] = speech[: len(audio) - first]
        features = self._whisper.feature_extractor(audio, padding=0)[:, : int(window_s * 100)]
        self.encoded_s += float(window_s)
        return np.asarray(self._whisper.encode(features))

    def _shown(self, encoded: NDArray[np.floating]) -> Any:
        """What the decoder of digits sees: speech and the silence after it, a ctranslate2 StorageView (1, 750, d)."""
        import ctranslate2

        whole = self._silence[:, : HEARD_S * VECTORS_A_SECOND].copy()
        whole[:, : encoded.shape[1]] = encoded
        return ctranslate2.StorageView.from_array(whole)

    def _written(self, encoded: NDArray[np.floating], pcm: Pcm, language: str, before: Sequence[int] = ()) -> Decoded:
        """The words of speech, given the encoder's output for it. `before`: tokens of a prompt."""
        tokenizer, meaning = self._tokens_of(language)
        prompt = self._whisper.get_prompt(tokenizer, list(before), without_timestamps=True)
        longest = SPARE_TOKENS + int(TOKENS_A_SECOND * len(pcm) / RATE)
        limit = min((len(prompt) + longest) // 2, longest)
        heard = with_silence(encoded[0], self._silence[0, : HEARD_S * VECTORS_A_SECOND])
        written = self._greedy.written(heard, prompt, prompt.index(tokenizer.sot), limit, meaning)
        tokens = written.tokens
        self.tokens += len(tokens)
        score = written.log_probability / (len(tokens) + 1)  # the end of the text counts as a token
        whole = tokenizer.decode(tokens).strip()
        text = without_echo(whole if len(tokens) < limit else without_runaway(whole))
        ending = ending_log_odds(written.logits, tokens, tokenizer) if text == whole else None
        return Decoded(text, score, written.no_speech, ending=ending)

    def _encoded_silence(self) -> Any:
        """What the encoder makes of 30 s of digital silence."""
        features = self._whisper.feature_extractor(np.zeros(30 * MODEL_RATE, np.float32), padding=0)[:, :3000]
        return np.asarray(self._whisper.encode(features))


def _likelier(free: Decoded, hinted: Decoded | None) -> Decoded:
    """The words without hints, or those with them."""
    if hinted is None or hinted.log_probability <= free.log_probability or not believable(hinted):
        return free
    listing = len(hinted.text.split()) > len(free.text.split()) + 1  # it goes on with the list of hints
    return free if listing else replace(hinted, no_speech=free.no_speech)


def _pooled(encoded: NDArray[np.floating], loud: Pcm) -> NDArray[np.float32]:
    """Of the encoder's output for `loud`, without the margin around it."""
    return pooled(encoded[0], LEAD_S + EDGE_S, LEAD_S + len(loud) / RATE - EDGE_S)


def _last_sounds(encoded: NDArray[np.floating], loud: Pcm) -> NDArray[np.float32]:
    """The same, of its end."""
    return last_sounds(encoded[0], LEAD_S + len(loud) / RATE - EDGE_S)
