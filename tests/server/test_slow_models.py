"""A language model that is silent, dribbles, only reasons or stops: each wait is bridged once and has a limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.slow_models import MODELS, SPOKE_S, Endpoint, by_second, call
from tests.server.test_dead_air import Line


@pytest.mark.parametrize("model", ["silent", "reasoning"])
def test_a_model_without_a_word_is_bridged_once_and_fails_after_4_s(tmp_path: Path, model: str) -> None:
    turns, finish = call(tmp_path, Endpoint(MODELS[model]))
    assert turns[0].text == "One moment."
    assert finish is not None
    assert finish.result == "queue"  # the flow's `failed:`, a person by default
    heard = by_second(turns, 12)
    assert heard[1].startswith("One")
    assert sum("One moment." in turn.text and turn.text != "One moment." for turn in turns) <= 1
    apology = turns[1]
    assert 4000 <= apology.started_ms - 3000 <= 5600


def test_a_model_that_dribbles_is_spoken_and_has_a_limit(tmp_path: Path) -> None:
    turns, finish = call(tmp_path, Endpoint(MODELS["dribbling"]), last_s=40.0)
    heard = by_second(turns, 30)
    silent = max(len(run) for run in "".join("x" if words else "-" for words in heard[:20]).split("x"))
    assert silent <= 4
    assert finish is not None
    assert finish.result == "queue"


def test_a_model_that_stops_in_a_sentence_is_not_waited_for(tmp_path: Path) -> None:
    turns, finish = call(tmp_path, Endpoint(MODELS["stopping"]))
    assert " ".join(turn.text for turn in turns).startswith("I have found it.")
    assert finish is not None
    assert finish.result == "queue"


def test_the_model_is_asked_when_the_turn_is_over_or_early_if_configured(tmp_path: Path) -> None:
    asked = {}
    for preemptive in (False, True):
        endpoint = Endpoint(MODELS["quick"])
        (answer,), _ = call(tmp_path, endpoint, last_s=7.0, preemptive=preemptive)
        asked[preemptive] = endpoint.asked[0], answer.waits.wait_ms
        assert len(endpoint.asked) == 1
    assert asked[True][0] < SPOKE_S[1] + 0.3 < asked[False][0]
    assert asked[True][1] is not None
    assert asked[False][1] is not None
    assert asked[True][1] <= asked[False][1] - 200


def test_a_turn_has_at_most_one_request_that_is_not_used(tmp_path: Path) -> None:
    """The caller pauses three times for 0.26 s: a request begins in the first pause only, and once at the end."""
    spans = [(2.0, 2.6), (2.86, 3.4), (3.66, 4.2), (4.46, 5.0)]
    line = Line([any(a <= tick * 0.02 < b for a, b in spans) for tick in range(450)])
    endpoint = Endpoint(MODELS["quick"])
    turns, _ = call(tmp_path, endpoint, line, preemptive=True)
    assert len(endpoint.asked) == 2
    assert turns[0].text == "Here is your answer."


def test_whoever_goes_on_during_a_filler_leaves_it_in_the_log(tmp_path: Path) -> None:
    line = Line([2.0 <= tick * 0.02 < 3.0 or 4.9 <= tick * 0.02 < 5.6 for tick in range(400)])
    turns, _ = call(tmp_path, Endpoint(MODELS["silent"]), line)
    assert turns[0].text == "One moment."
    assert turns[0].heard_text
