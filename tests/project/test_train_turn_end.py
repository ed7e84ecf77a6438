"""What train-turn-end writes gives in a call the log odds that it gave in training."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bargein.core.language.completeness import Signs
from bargein.core.turns.prosody import FEATURES
from bargein.core.turns.turn_end import TurnEndModel, known_of, words_of
from bargein.speech.whisper_ending import ended

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def training() -> ModuleType:
    sys.path[:0] = [str(SCRIPTS), str(SCRIPTS / "training")]
    loader = SourceFileLoader("train_turn_end", str(SCRIPTS / "training" / "train-turn-end"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # a dataclass looks its module up
    loader.exec_module(module)
    return module


def test_a_call_scores_as_the_training_did(training: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    sounds, encoded = rng.standard_normal((60, len(FEATURES))), rng.standard_normal((60, 12))
    signs = [Signs(bool(i % 2), question=bool(i % 3)) for i in range(60)]
    x = np.array([[*known_of(sound, 2.0), *words_of(0.5, sign)] for sound, sign in zip(sounds, signs, strict=True)])
    y = (encoded[:, 0] + sounds[:, 0] > 0).astype(float)
    weights = training.trained(x, encoded, y, np.ones(60))
    training.save(tmp_path / "held", weights, "nothing")
    model = TurnEndModel.of(np.load(tmp_path / "held" / "turn_end.npz"))
    ending = dict(np.load(tmp_path / "held" / "whisper_ending.npz"))
    expected = training.scores("heard", weights, x, encoded)
    assert training.area(expected, y) > 0.9
    for number in range(5):
        told = ended(encoded[number].astype(np.float32), ending)
        log_odds = model.log_odds(sounds[number], 2.0, 0.5, signs[number], told)
        assert log_odds == pytest.approx(expected[number], abs=1e-4)
    words = model.log_odds(sounds[0], 2.0, 0.5, signs[0])
    assert words == pytest.approx(training.scores("words", weights, x, encoded)[0], abs=1e-4)
