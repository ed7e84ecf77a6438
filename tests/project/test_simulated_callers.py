"""What the load benchmarks measure with: an agent that talks on, and recordings that begin with a voice."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, samples
from bargein.dialogue.flow import load
from bargein.dialogue.flow.model import SPECIAL
from bargein.speech.audio import write_wav

BENCH = Path(__file__).parents[2] / "scripts" / "bench"


@pytest.fixture(scope="module")
def callers() -> ModuleType:
    sys.path.insert(0, str(BENCH))
    return importlib.import_module("callers")


def test_the_agent_says_its_recording_again_whatever_happens(callers: ModuleType, tmp_path: Path) -> None:
    write_wav(tmp_path / "talk.wav", np.tile(np.array([1000, -1000], np.int16), 800))
    (tmp_path / "talk.yaml").write_text(callers.endless(tmp_path / "talk.wav"))
    flow = load(tmp_path / "talk.yaml")
    for name, step in flow.steps.items():
        assert Path(step.lines[0].wav) == tmp_path / "talk.wav"
        leads_to = {*step.on.values(), step.failed}
        assert leads_to <= set(flow.steps) - {name} - set(SPECIAL)


def test_callers_say_speech_whose_onset_is_certain_from_there_on(callers: ModuleType, tmp_path: Path) -> None:
    noise, voice = np.full(samples(400), 900, np.int16), np.full(samples(600), 9000, np.int16)
    rows = ["file,class,onset_s,onset_unc_ms"]
    for name, kind, unsure_ms in (("sure", "speech", 10), ("unsure", "speech", 60), ("cough", "nonspeech", 0)):
        write_wav(tmp_path / f"{name}.wav", np.concatenate([noise, voice]))
        rows.append(f"{name}.wav,{kind},0.4,{unsure_ms}")
    assert len(callers.spoken(tmp_path)) == 3
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    (one,) = callers.spoken(tmp_path)
    assert one.name == "sure"
    assert one.onset_s == pytest.approx(0.03)
    whole = np.concatenate(one.frames)
    assert len(whole) == -(-samples(630) // FRAME_SAMPLES) * FRAME_SAMPLES
    assert whole[0] == 0
    assert whole[samples(25)] * 5 < whole[samples(35)]


def test_each_recording_is_drawn_once_before_any_comes_again(callers: ModuleType) -> None:
    deck = callers.Deck([callers.Recording([], 0.0, str(number)) for number in range(7)])
    drawn = [deck.draw().name for _ in range(14)]
    assert sorted(drawn[:7]) == sorted(drawn[7:]) == sorted(set(drawn))
