"""What a model writes, in pieces of any size: the same result, in time in proportion."""

from __future__ import annotations

import time
from random import Random

import pytest

from bargein.dialogue.model_text import ModelText

from .test_model_calls import CALLS, NO_CALLS
from .test_model_text import SPOKEN


@pytest.mark.parametrize("number", range(8))
def test_the_pieces_in_which_text_comes_make_no_difference(number: int) -> None:
    random = Random(number)
    texts = [*SPOKEN, *CALLS, *NO_CALLS]
    for _ in range(60):
        text = random.choice(["", " ", "\n", "\n\n"]).join(random.sample(texts, 2))
        at = random.randrange(len(text))
        text = text[:at] + random.choice("(){}[]<>|=:,\"'` \n.*") + text[at + random.randint(0, 2) :]
        found = []
        for size in (1, 3, 7, len(text)):
            reader = ModelText(known=lambda name: name == "go", called=lambda name: name.endswith("go"))
            said = [sentence for at in range(0, len(text), size) for sentence in reader.feed(text[at : at + size])]
            found.append((said + reader.rest(), reader.tools))
        assert found == found[:1] * 4, text


@pytest.mark.parametrize(
    "unit", ["</think>", "go()", "go(", "word", "word ", "<a ", "* ", "[a](", "User: x\n", "{'a':"]
)
def test_text_in_one_piece_takes_time_in_proportion(unit: str) -> None:
    times = []
    for count in (2_000, 8_000):
        begun = time.process_time()
        reader = ModelText(called=lambda name: name == "go")
        reader.feed(unit * count)
        reader.rest()
        times.append(time.process_time() - begun)
    assert times[1] < 10 * times[0] + 0.2


def test_it_takes_time_in_proportion() -> None:
    begun = time.process_time()
    reader = ModelText(called=lambda name: name == "go")
    said = [sentence for _ in range(20_000) for sentence in reader.feed("word <")]
    assert 200 < len(said) < 400
    assert time.process_time() - begun < 5
    reader = ModelText(called=lambda name: name == "go")
    for unit in (" ", "{", '{ "', "[ ", '\n{"name":', "[TOOL_CALLS]"):
        reader.feed(unit * 20_000)
    assert time.process_time() - begun < 5
