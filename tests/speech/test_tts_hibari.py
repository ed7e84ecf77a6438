"""The embedded voice: words as written, timings as heard."""

import subprocess
import sys

import numpy as np
import pytest

from bargein.core.audio.pcm import RATE, dbfs
from bargein.errors import EngineError
from bargein.speech.audio import activity, from_pcm
from bargein.speech.tts_hibari import HibariTts

TEXTS = [
    "The red one costs ten dollars, and the blue one twelve.",
    "That is $10, or 12.50 for 3 items on March 3rd at 10:30 AM.",
    'Dr. Smith lives at No. 5 Main St. He said "hello." Then — he left, 5 km away.',
    "Call 555-1234 or email foo@bar.com & ask for 50% off!",
    "[Kokoro](/kˈOkəɹO/) it's John’s.",
    "Yes",
    "  spaces   are \n folded ",
    "100% * ~ 日本 ...",
    "word " * 150,
]


@pytest.fixture(scope="module")
def tts() -> HibariTts:
    engine = HibariTts()
    engine.load()
    return engine


@pytest.mark.parametrize("text", TEXTS)
def test_every_piece_of_the_text_is_a_word_in_order(tts: HibariTts, text: str) -> None:
    said = tts.synthesize(text)
    assert said.text == " ".join(text.split()) == " ".join(word.text for word in said.words)
    edges = [edge for word in said.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(said.pcm)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_to_say_is_no_audio(tts: HibariTts, text: str) -> None:
    said = tts.synthesize(text)
    assert (said.text, len(said.pcm), said.words) == ("", 0, ())


@pytest.mark.parametrize("text", TEXTS[:4])
def test_it_begins_at_once_at_the_level_of_a_prompt(tts: HibariTts, text: str) -> None:
    said = tts.synthesize(text)
    first, last = activity(from_pcm(said.pcm), RATE)
    assert first <= 0.02 * RATE
    assert len(said.pcm) - last <= 0.2 * RATE
    assert -24 < dbfs(said.pcm[first:last]) < -18
    assert np.abs(said.pcm).max() < 30000


def test_pauses_lie_between_the_words_that_they_part(tts: HibariTts) -> None:
    """A comma makes a silence; by the timings it has to be after the word before it and before the next."""
    said = tts.synthesize("Stop, please. Wait, no. Yes.")
    quiet = activity(from_pcm(said.pcm), RATE)[1]
    assert abs(said.words[-1].end - quiet) <= 0.06 * RATE
    for before, after in zip(said.words, said.words[1:], strict=False):
        if before.text[-1] in ",.":
            gap = said.pcm[before.end + 160 : after.start - 160]
            assert dbfs(gap) < -35
            assert dbfs(said.pcm[after.start : after.start + 800]) > -35


def test_a_number_takes_as_long_as_it_is_spoken(tts: HibariTts) -> None:
    amount = next(word for word in tts.synthesize("It costs $1,250 now.").words if word.text == "$1,250")
    assert amount.end - amount.start > 1.0 * RATE


def test_the_same_text_is_the_same_audio(tts: HibariTts) -> None:
    assert np.array_equal(tts.synthesize("Hello there.").pcm, tts.synthesize("Hello there.").pcm)


def test_what_it_cannot_do_is_one_line(tts: HibariTts) -> None:
    with pytest.raises(EngineError, match="speaks English only"):
        tts.synthesize("Hallo", "de")
    with pytest.raises(EngineError, match="no voice 'nobody': it has heart"):
        tts.synthesize("Hello", "en", "nobody")


LONG_REPLIES = """
import gc
from pathlib import Path
from bargein.speech.tts_hibari import HibariTts

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 10**6

voice = HibariTts()
voice.synthesize("One moment, please.")
before = resident_mb()
for count in (30, 8, 40, 20):
    voice.synthesize("and then we send the blue mug to the address that you gave us " * count)
    gc.collect()
print(resident_mb() - before)
"""


def test_long_replies_leave_little_memory_behind() -> None:
    """In a process of its own: 70 to 130 MB; with the arena of the model's runtime 240 MB."""
    done = subprocess.run([sys.executable, "-c", LONG_REPLIES], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) < 185
