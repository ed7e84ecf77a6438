"""What the tests of flows share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bargein.core.turns.records import CallInfo
from bargein.dialogue.flow import Flow, FlowPlanner
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

LIST = "We have the red mug for ten dollars, the green mug for twelve dollars, and the blue mug for fifteen dollars."
RED = "One red mug for ten dollars."
BLUE = "One blue mug for fifteen dollars."
SEND = "We will send it to the address that we have on file, and it should arrive on Friday."
PAY = "How would you like to pay, by card or on delivery?"


def call_of(flow: Flow, **options: Any) -> TextCall:
    info = options.pop("info", CallInfo("call-1"))
    return TextCall(FlowPlanner(flow, info, load_language(flow.language), **options))


def write(tmp_path: Path, text: str, name: str = "flow.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path
