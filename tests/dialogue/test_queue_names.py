"""Flows that ask who is there for the callers of the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import CallResult, Finish
from bargein.dialogue.flow import load
from bargein.errors import UserError

from .flows import call_of, write

FLOW = """
slots: {wanted: {type: yes_no}}
steps:
  start:
    next:
      - {when: queue.ready == 0 and queue.wait < 10, go: busy}
      - {when: not queue.ready, go: nobody}
      - free
  busy:
    say: "Nobody is free. It takes about {queue.wait} minutes, and {queue.waiting|some} are before you."
    ask: Shall we call you back?
    slot: wanted
    next: free
  nobody: {say: Nobody., hangup: }
  free:
    say:
      - "There are {queue.ready} people."
      - I will get you somebody.
    queue: support
answers:
  - {match: [how long], say: "About {queue.wait} minutes. It is not long."}
"""


async def test_conditions_and_texts_know_the_queue(tmp_path: Path) -> None:
    told = {"queue.ready": "0", "queue.waiting": "2", "queue.wait": "4"}
    call = call_of(load(write(tmp_path, FLOW)), info=CallInfo("1", variables=told))
    await call.start()
    words = "Nobody is free. It takes about 4 minutes, and 2 are before you. Shall we call you back?"
    assert call.last.text == words
    assert (await call.says("how long will it take")).text.startswith("About 4 minutes. It is not long.")


async def test_what_is_not_known_makes_no_condition_true_and_is_not_said(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, FLOW)))
    await call.start()
    assert call.last.text == "I will get you somebody."


async def test_a_sentence_whose_wait_is_not_known_is_left_out(tmp_path: Path) -> None:
    flow = load(write(tmp_path, FLOW.replace(" and queue.wait < 10", "")))
    told = {"queue.ready": "0", "queue.waiting": "0", "queue.wait": ""}
    call = call_of(flow, info=CallInfo("1", variables=told))
    await call.start()
    assert call.last.text == "Nobody is free. Shall we call you back?"
    assert (await call.says("how long will it take")).text.startswith("It is not long.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps:\n  a: {say: 'x {queue.redy}', hangup: }\n", "'ready'"),
        ("steps:\n  a: {ask: 'In {queue.wait} minutes?', menu: [x], next: a}\n", "would not ask"),
    ],
)
def test_the_loader_knows_the_names(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(write(tmp_path, text))


async def test_a_flow_ends_with_voicemail(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, "steps:\n  a: {say: After the tone., voicemail: }\n")))
    await call.start()
    assert call.last.finish == Finish(CallResult.VOICEMAIL)
