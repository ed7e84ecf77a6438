from __future__ import annotations

import stat
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bargein.core.turns.records import Interruption
from bargein.server.recorder import WavRecorder, wait_until_written
from tests.fakes import LOUD

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def row() -> Interruption:
    return Interruption(
        "c-1", "c", 0, "", 40, 60, 80, 75, 20, 35, "", "", "", "", 0, "", kind="correct", resolution="replanned"
    )


def test_both_legs_and_the_marks(tmp_path: Path) -> None:
    recording = WavRecorder.begin(str(tmp_path), "call", NOW)
    for i in range(10):
        if i < 5:  # then the phone is muted
            recording.near(np.concatenate([LOUD, LOUD]) if i % 2 == 0 else LOUD[:0])
        recording.far(LOUD // 2)
    recording.mark(row())
    recording.end()
    wait_until_written()
    path = recording.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path == tmp_path / "2026/11/22/call.wav"
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 1600)
        both = np.frombuffer(file.readframes(1600), "<i2").reshape(-1, 2)
    assert np.all(both[: 6 * 160, 0] == 4000)
    assert not both[6 * 160 :, 0].any()
    assert np.all(both[:, 1] == 2000)
    data = path.read_bytes()
    assert b"cue " in data
    assert b"correct replanned\0" in data
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


def test_a_relative_directory_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recording = WavRecorder.begin("recordings", "call", NOW)
    recording.end()
    wait_until_written()
    assert recording.path == tmp_path / "recordings/2026/11/22/call.wav"


def test_a_disk_that_fails_is_one_line_and_no_more(tmp_path: Path, caplog) -> None:
    (tmp_path / "file").write_text("")
    recording = WavRecorder.begin(str(tmp_path / "file"), "call", NOW)
    recording.far(LOUD)
    recording.end()
    wait_until_written()
    assert len(caplog.records) == 1
