"""The detector's block: many calls together are decided as each alone."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, SILENCE
from bargein.core.detector import block as block_module
from bargein.core.detector.block import DetectorBlock
from bargein.core.detector.speech_detector import SpeechDetector, analyse_together
from bargein.core.detector.vad_frame import VadFrame
from bargein.core.turns.actions import OpenStream
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.settings import ConversationSettings
from bargein.data.trained import load_weights
from bargein.dialogue.languages import load

NOISE = np.random.default_rng(1).normal(0, 300, (50, FRAME_SAMPLES)).astype(np.int16)


def decisions(frames: list[VadFrame]) -> list[tuple[object, ...]]:
    return [(f.onset, f.voiced, round(f.score, 3), round(f.level_dbfs, 2), f.near.tobytes()) for f in frames]


def test_frames_that_are_analysed_together_are_decided_as_each_alone() -> None:
    rng, count = np.random.default_rng(3), 7
    far = (rng.standard_normal((60, FRAME_SAMPLES)) * 3000).astype(np.int16)
    lines = (rng.standard_normal((count, 60, FRAME_SAMPLES)) * rng.uniform(50, 5000, (count, 60, 1))).astype(np.int16)
    lines += (0.3 * np.roll(far, 2, axis=0)).astype(np.int16)
    block = DetectorBlock(load_weights(), 2)  # it grows
    together, alone = (
        [SpeechDetector(block) for _ in range(count)],
        [SpeechDetector(load_weights()) for _ in range(count)],
    )
    got: list[list[VadFrame]] = [[] for _ in range(count)]
    want: list[list[VadFrame]] = [[] for _ in range(count)]
    for t in range(60):
        speaking = [k for k in range(count) if (t + k) % 5]  # a frame is missing now and then
        for k in range(count):
            together[k].push_reference(far[t])
            alone[k].push_reference(far[t])
        analyse_together([together[k] for k in speaking], lines[speaking, t], [0.5] * len(speaking))
        for k in speaking:
            got[k].append(together[k].process(lines[k, t]))
            want[k].append(alone[k].process(lines[k, t]))
    for k in range(count):
        assert decisions(got[k]) == decisions(want[k])


def heard_by(conversations: list[Conversation], lines: np.ndarray, together: bool) -> list[list[object]]:
    """What each conversation does about its line, (calls, frames, 160)."""
    did: list[list[object]] = [[] for _ in conversations]
    for t in range(lines.shape[1]):
        if together:
            detectors = [conversation._caller._detector for conversation in conversations]
            analyse_together(detectors, lines[:, t], [conversation.sensitivity() for conversation in conversations])
        for conversation, line, out in zip(conversations, lines[:, t], did, strict=True):
            for action in [*conversation.on_frame(line), *conversation.on_tick()[1]]:
                audio = getattr(action, "preroll", None) if isinstance(action, OpenStream) else None
                out.append((t, type(action), audio is None or audio.tobytes()))
    return did


def test_a_silent_call_costs_no_decision_in_python_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at = np.arange(60 * FRAME_SAMPLES) / 8000
    buzz = sum(np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 9)) * np.sin(2 * np.pi * 3 * at) ** 2
    voice = (5000 * buzz).astype(np.int16).reshape(-1, FRAME_SAMPLES)
    lines = np.stack([np.concatenate([NOISE // 30, voice, NOISE // 30]) for _ in range(3)])
    block, made = DetectorBlock(load_weights(), 4), []
    monkeypatch.setattr(block_module, "VadFrame", lambda **values: made.append(values) or VadFrame(**values))

    def conversation(detector: SpeechDetector) -> Conversation:
        core = Conversation("c", detector, load("en"), ConversationSettings(sensitivity=1.0))
        core.start()
        return core

    alone = heard_by([conversation(SpeechDetector(load_weights())) for _ in lines], lines, together=False)
    assert len(made) == lines.shape[0] * lines.shape[1]
    made.clear()
    shared = [conversation(SpeechDetector(block)) for _ in lines]
    assert heard_by(shared, lines[:, :50], together=True) == [[], [], []]
    assert not made
    after = heard_by(shared, lines[:, 50:], together=True)
    assert after == [[(t - 50, *rest) for t, *rest in did] for did in alone]
    assert OpenStream in [kind for _, kind, _ in after[0]]


def test_a_row_that_is_used_again_remembers_nothing() -> None:
    block = DetectorBlock(load_weights())
    first = SpeechDetector(block)
    before = decisions([first.process(frame) for frame in NOISE])
    for frame in NOISE:
        first.push_reference(frame)
        first.process(frame[::-1])
    first.close()
    again = SpeechDetector(block)
    assert decisions([again.process(frame) for frame in NOISE]) == before
    assert block.capacity == 1


def test_a_call_costs_less_than_a_fifth_of_a_megabyte_of_detector() -> None:
    block = DetectorBlock(load_weights(), 100)
    assert block.bytes_per_call < 200_000


def test_nothing_is_left_to_be_compiled_in_a_call() -> None:
    block = DetectorBlock(load_weights())
    block.warm()
    detector = SpeechDetector(block)
    compiled = {name: len(part.signatures) for name, part in vars(block_module).items() if hasattr(part, "signatures")}
    for frame in (SILENCE, NOISE[0], np.frombuffer(NOISE[1].tobytes(), np.int16)):
        detector.push_reference(frame)
        detector.process(frame)
    detector.rearm()
    after = {name: len(part.signatures) for name, part in vars(block_module).items() if hasattr(part, "signatures")}
    assert after == compiled
