"""The embedded recognizer on speech that the embedded voice makes, and on what is no speech."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

from bargein.core.audio.pcm import RATE, Pcm, samples
from bargein.core.turns.overlap import OverlapSettings
from bargein.core.turns.second_opinion import ASKED_MS, BEFORE_SAMPLES
from bargein.errors import EngineError
from bargein.speech.audio import activity, from_pcm
from bargein.speech.stt_whisper import WhisperRecognizer, WhisperStream
from bargein.speech.tts_hibari import HibariTts
from bargein.speech.voice import begun_at_once
from bargein.speech.whisper_decoder import WhisperDecoder
from bargein.speech.whisper_model import BUNDLED
from bargein.speech.whisper_stream import loud_part
from bargein.speech.whisper_text import Decoded, believable, without_echo


@pytest.fixture(scope="module")
def recognizer() -> WhisperRecognizer:
    engine = WhisperRecognizer()
    engine.load()
    return engine


@pytest.fixture(scope="module")
def tts() -> HibariTts:
    return HibariTts()


def fed(recognizer: WhisperRecognizer, pcm: Pcm, hints: tuple[str, ...] = ()) -> WhisperStream:
    stream = recognizer.stream("en-US", hints)
    for at in range(0, len(pcm), 160):
        stream.feed(pcm[at : at + 160])
    return stream


def plain(text: str) -> str:
    return re.sub(r"[^a-z' ]", "", text.lower()).strip()


@pytest.mark.parametrize(
    "text",
    [
        "actually skip that",
        "how much is the green mug",
        "can I talk to a person",
        "wait a second",
        "stop",
        "never mind",
    ],
)
async def test_phrases_are_recognized(recognizer: WhisperRecognizer, tts: HibariTts, text: str) -> None:
    words = await fed(recognizer, tts.synthesize(text).pcm).final()
    assert plain(words.text) == text.lower()
    assert words.final
    assert words.confidence > 0.4
    assert words.speech > 0.5


@pytest.mark.parametrize("speed", [1.0, 1.4, 1.8])
@pytest.mark.parametrize(
    "text",
    [
        "I would like to know whether you could help me with that",
        "I'd like to order two of the blue ones and have them sent to my office by Friday if that is possible",
    ],
)
async def test_fast_callers_keep_their_last_words(recognizer: WhisperRecognizer, text: str, speed: float) -> None:
    words = await fed(recognizer, HibariTts(speed=speed).synthesize(text).pcm).final()
    assert plain(words.text) == text.lower()


@pytest.mark.parametrize("noise", ["nothing", "silence", "hiss", "hum", "click", "blip"])
async def test_what_is_no_speech_has_no_words(recognizer: WhisperRecognizer, noise: str) -> None:
    at = np.arange(2 * RATE)
    pcm = {
        "nothing": np.zeros(0),
        "silence": np.zeros(2 * RATE),
        "hiss": np.random.default_rng(1).standard_normal(2 * RATE) * 300,
        "hum": 2000 * np.sin(2 * np.pi * 50 * at / RATE),
        "click": np.where(at == RATE, 20000, 0),
        "blip": np.where((at > RATE) & (at < RATE + 400), 9000 * np.sin(at), 0),
    }[noise].astype(np.int16)
    assert (await fed(recognizer, pcm).final()).text == ""


async def test_partial_results_come_while_the_caller_talks(recognizer: WhisperRecognizer, tts: HibariTts) -> None:
    said = tts.synthesize("Can you tell me the price of the green mug?")
    half = said.words[5].end
    stream = fed(recognizer, said.pcm[:half])
    first = await stream.partial()
    assert plain(first.text).startswith("can you tell me")
    assert not first.final
    stream.feed(said.pcm[half:])
    assert plain((await stream.final()).text) == "can you tell me the price of the green mug"


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_silence_after_the_words_costs_nothing(recognizer: WhisperRecognizer, tts: HibariTts) -> None:
    """The endpoint waits in silence; the words of the last partial result are those of the turn."""
    stream = fed(recognizer, tts.synthesize("the blue one please").pcm)
    stream.feed(np.zeros(2400, np.int16))
    before = await stream.partial()
    stream.feed(np.zeros(4000, np.int16))
    loop = asyncio.get_running_loop()
    start = loop.time()
    after = await stream.final()
    assert after.text == before.text
    assert loop.time() - start < 0.02


async def test_a_long_turn_is_recognized_to_its_end(recognizer: WhisperRecognizer, tts: HibariTts) -> None:
    sentences = [
        "I would like to change my order from last week.",
        "The address has changed because we moved to another city.",
        "Please send it to the new office near the station.",
        "And tell the driver to call before coming.",
    ]
    pcm = np.concatenate([np.concatenate([tts.synthesize(s).pcm, np.zeros(2400, np.int16)]) for s in sentences])
    assert len(pcm) > 10 * RATE
    words = plain((await fed(recognizer, pcm).final()).text).split()
    expected = plain(" ".join(sentences)).split()
    assert sum(word in words for word in expected) / len(expected) > 0.85
    assert len(words) < 1.2 * len(expected)


async def test_a_cancelled_stream_ends_soon_and_harms_no_other(recognizer: WhisperRecognizer, tts: HibariTts) -> None:
    pcm = tts.synthesize("how much is the green mug").pcm
    streams = [fed(recognizer, pcm) for _ in range(4)]
    asked = [asyncio.create_task(stream.final()) for stream in streams]
    await asyncio.sleep(0)
    for stream in streams[:3]:
        stream.cancel()
    answers = await asyncio.gather(*asked)
    assert plain(answers[3].text) == "how much is the green mug"
    streams[0].cancel()


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_the_loop_is_never_held_up(recognizer: WhisperRecognizer, tts: HibariTts) -> None:
    stream = fed(recognizer, tts.synthesize("how much is the green mug").pcm)
    asked = asyncio.create_task(stream.final())
    loop = asyncio.get_running_loop()
    longest, last = 0.0, loop.time()
    while not asked.done():
        await asyncio.sleep(0.001)
        now = loop.time()
        longest, last = max(longest, now - last), now
    assert longest < 0.25  # a decode holds the interpreter for no longer than its numpy parts


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Can I talk to a person? Can", "Can I talk to a person?"),
        ("Can I talk to a person? Can I", "Can I talk to a person?"),
        ("Please slow down. Please slow down.", "Please slow down."),
        ("Computer Computer Computer", "Computer"),
        ("No, no.", "No, no."),
        ("five five", "five five"),
        ("", ""),
    ],
)
def test_what_the_decoder_says_twice_is_said_once(said: str, expected: str) -> None:
    assert without_echo(said) == expected


@pytest.mark.parametrize(
    ("text", "log_probability", "no_speech", "expected"),
    [
        ("The blue one.", -0.3, 0.1, True),
        ("You", -1.0, 0.5, False),
        ("Go", -0.9, 0.5, False),
        ("9", -0.9, 0.5, True),
        ("9", -0.9, 0.7, False),
        ("(coughs)", -0.3, 0.1, False),
        ("Aaaaah!", -0.3, 0.1, False),
    ],
)
def test_what_may_be_words(text: str, log_probability: float, no_speech: float, expected: bool) -> None:
    assert believable(Decoded(text, log_probability, no_speech)) is expected


def test_what_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no Whisper model here \(a directory with model\.bin"):
        WhisperRecognizer(str(tmp_path)).load()
    with pytest.raises(EngineError, match=r"no Whisper model 'enormous': give a directory or one of tiny\.en"):
        WhisperRecognizer("enormous").load()


def test_a_language_that_the_model_does_not_know_is_one_line(recognizer: WhisperRecognizer) -> None:
    with pytest.raises(EngineError, match=r"'tiny\.en' does not understand 'de-DE': set a multilingual one"):
        recognizer.stream("de-DE")


@pytest.mark.parametrize("text", ["Yes.", "Off.", "No, wait.", "The blue one."])
async def test_the_sound_of_words(recognizer: WhisperRecognizer, tts: HibariTts, text: str) -> None:
    sound = (await fed(recognizer, tts.synthesize(text).pcm).final()).sound_probabilities
    assert sound is not None
    assert sound.word > 0.6
    assert sound.word + sound.backchannel + sound.other == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("text", ["Okay.", "Mm-hm.", "Yeah.", "Uh-huh.", "I see."])
async def test_the_sound_of_backchannels(recognizer: WhisperRecognizer, tts: HibariTts, text: str) -> None:
    sound = (await fed(recognizer, tts.synthesize(text).pcm).final()).sound_probabilities
    assert sound is not None
    assert sound.word < OverlapSettings().word_sure


@pytest.mark.parametrize("attack_ms", [5, 60])
async def test_the_sound_of_a_puff(recognizer: WhisperRecognizer, attack_ms: int) -> None:
    puff = np.random.default_rng(2).standard_normal(RATE // 4) * 3000
    puff *= np.minimum(1, np.arange(len(puff)) / (attack_ms * 8)) * np.linspace(1, 0, len(puff)) ** 2
    pcm = np.concatenate([np.zeros(2400), puff, np.zeros(1600)]).astype(np.int16)
    sound = (await fed(recognizer, pcm).final()).sound_probabilities
    assert sound is not None
    assert sound.other > 0.7


def beginning(pcm: Pcm, ms: int) -> Pcm:
    """As the conversation gives it: a little of the line before the sound, and its first `ms`."""
    onset = int(np.flatnonzero(np.abs(pcm) > 500)[0])
    line = np.concatenate([np.zeros(RATE, np.int16), pcm])
    return line[RATE + onset - BEFORE_SAMPLES : RATE + onset + samples(ms)]


@pytest.mark.parametrize("ms", ASKED_MS)
async def test_the_beginning_of_a_sound_tells_what_it_is(
    recognizer: WhisperRecognizer, tts: HibariTts, ms: int
) -> None:
    async def word(text: str) -> float:
        sound = await recognizer.judge_sound(beginning(tts.synthesize(text).pcm, ms))
        assert sound is not None
        return sound.word

    words = [await word(text) for text in ("No, wait.", "Stop.", "The blue one.", "What?")]
    nods = [await word(text) for text in ("Mm-hm.", "Uh-huh.", "Mm.")]
    assert min(words) > max(nods)


def test_a_clear_phrase_is_decoded_once_with_hints(tts: HibariTts) -> None:
    decoder, pcm = WhisperDecoder(BUNDLED), loud_part(tts.synthesize("how much is the green mug").pcm)
    once = decoder.tokens
    free = decoder.decode(pcm, "en", ())
    once = decoder.tokens - once
    hinted = decoder.decode(pcm, "en", ("green mug", "blue mug"))
    assert plain(hinted.text) == plain(free.text) == "how much is the green mug"
    assert decoder.tokens == 2 * once
    assert hinted.sound_probabilities == free.sound_probabilities


async def test_a_process_of_its_own_recognizes_the_same(recognizer: WhisperRecognizer, tts: HibariTts) -> None:
    pcm = tts.synthesize("how much is the green mug").pcm
    separate = WhisperRecognizer(separate=True)
    separate.load()
    try:
        assert separate.languages == recognizer.languages
        apart, here = await fed(separate, pcm).final(), await fed(recognizer, pcm).final()
        assert apart.text == here.text == "How much is the green mug?"
        assert apart.confidence == pytest.approx(here.confidence, abs=0.05)  # fewer threads add in another order
        assert apart.ended == pytest.approx(here.ended, abs=0.3)
        sounds = [await engine.judge_sound(pcm[: samples(360)]) for engine in (separate, recognizer)]
        assert sounds[0] is not None
        assert sounds[1] is not None
        assert sounds[0].word == pytest.approx(sounds[1].word, abs=0.1)
    finally:
        separate.close()


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("four seven one", "4 7 1"),
        ("four oh seven", "4 0 7"),
        ("nine three", "9 3"),
        ("double five two", "double five two"),
    ],
)
async def test_dictated_digits_with_gaps_between_them(
    recognizer: WhisperRecognizer, tts: HibariTts, words: str, digits: str
) -> None:
    gap = np.zeros(RATE // 5, np.int16)
    said = [begun_at_once(tts.synthesize(word)).pcm for word in words.split()]
    stream = recognizer.digits_stream("en")
    for pcm in (gap, *(x for word in said for x in (word[: activity(from_pcm(word), RATE)[1]], gap)), gap):
        stream.feed(pcm)
    assert (await stream.final()).text.lower() == digits


async def test_a_whole_sentence_sounds_more_like_an_end_than_its_beginning(
    recognizer: WhisperRecognizer, tts: HibariTts
) -> None:
    whole = tts.synthesize("I would like to change the date of my booking.").pcm
    ended = [(await fed(recognizer, pcm).final()).ended for pcm in (whole, whole[: len(whole) // 2])]
    assert ended[0] is not None
    assert ended[1] is not None
    assert ended[0] > ended[1]
