"""The example of docs/embedding.md runs, and the public names are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bargein
from bargein.core.turns.table import State
from bargein.speech.tts_hibari import HibariTts

PAGE = Path(__file__).parents[2] / "docs" / "embedding.md"


def test_the_example_yields_to_a_caller(capsys: pytest.CaptureFixture[str]) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(source, str(PAGE), "exec"), names)
    tts = HibariTts()
    tts.load()
    text = "We have the red mug for ten dollars, the green mug for twelve dollars, and the blue mug for fifteen."
    demo = names["demo"]
    assert callable(demo)
    state = demo(tts.synthesize(text).pcm, text, tts.synthesize("No, the blue one please.").pcm)
    assert state in (State.LISTENING, State.THINKING)
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"other, ignored: heard 'We have.*', cut '\w+,?'", printed[0])
    assert "replanned" in printed[-1]


def test_every_public_name_is_there_and_importing_the_package_loads_nothing() -> None:
    assert all(getattr(bargein, name) is not None for name in bargein.__all__)
    assert sorted(bargein.__all__) == sorted(set(bargein.__all__))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = bargein.nonsense  # type: ignore[attr-defined]
    loaded = "import sys, bargein; print([name for name in ('numpy', 'sqlalchemy', 'click') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_a_mouthful_of_silence_is_no_interruption() -> None:
    detector = bargein.SpeechDetector(bargein.load_weights())
    detector.push_reference(np.zeros(bargein.FRAME_SAMPLES, np.int16))
    assert not detector.process(np.zeros(bargein.FRAME_SAMPLES, np.int16)).onset
