"""A day that is said with the time of a call back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bargein.core.turns.records import CallInfo
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import call_of

FLOWS = Path(str(find("callback"))).parent
SAID = {
    "en": "tomorrow at 3 pm",
    "de": "morgen um 15 Uhr",
    "es": "mañana a las 15",
    "fr": "demain à 15 heures",
    "it": "domani alle 15",
    "nl": "morgen om 15 uur",
    "pt": "amanhã às 15 horas",
}


async def called(language: str, *said: str) -> TextCall:
    flow = load(FLOWS / ("" if language == "en" else language) / "callback.yaml")
    info = CallInfo("1", caller="+15550100", variables={"returned": "1"})
    call = call_of(flow, info=info, now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    await call.start()
    yes = load_language(language).lists["plain_yes"][0]
    for words in (next(iter(flow.slots["choice"].choices["callback"].phrases)), yes, *said):
        await call.says(words)
    return call


@pytest.mark.parametrize("language", SAID)
async def test_a_day_beside_the_time_is_promised(language: str) -> None:
    call = await called(language, SAID[language])
    assert "29" in call.last.text
    promise = call.planner.progress.callback
    assert promise is not None
    assert promise.wanted == "2026-11-29 15:00"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["at 3 pm"], "15:00"),
        (["at 3 pm", "no, tomorrow"], "2026-11-29 15:00"),
        (["tomorrow at 3 pm", "no, on Monday"], "2026-11-30 15:00"),
        (["tomorrow at 3 pm", "as soon as possible"], ""),
    ],
)
async def test_it_may_be_left_out_and_changed(said: list[str], wanted: str) -> None:
    promise = (await called("en", *said)).planner.progress.callback
    assert promise is not None
    assert promise.wanted == wanted


@pytest.mark.parametrize("said", ["yesterday at 3 pm", "Monday or Tuesday at 3 pm", "next week at 3 pm"])
async def test_a_day_in_doubt_is_asked_for_again(said: str) -> None:
    call = await called("en", said)
    assert "And at what time?" in call.last.text
    assert "at" not in call.planner.progress.slots
