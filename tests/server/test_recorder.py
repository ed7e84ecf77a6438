from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import wave
from collections.abc import Callable
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
    assert np.all(both[: 4 * 160, 0] == 4000)  # what came first was spoken before the recording began
    assert not both[4 * 160 :, 0].any()
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


def test_a_disk_that_is_full_ends_the_recording_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording = WavRecorder(tmp_path / "call.wav")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for _ in range(50 * 10):  # 320 kB
            recording.near(LOUD)
            recording.far(LOUD)
        recording.end()
        wait_until_written()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(caplog.records) == 1
    _, far = both_legs(recording.path)
    assert 8000 < len(far) <= 25_000
    assert np.all(far == LOUD[0])


def both_legs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(str(path)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def tone(frame: int) -> np.ndarray:
    """A frame that can be told from every other."""
    return np.full(160, frame + 1, np.int16)


def record(tmp_path: Path, arrivals: list[list[int]]) -> np.ndarray:
    """Which frame of the line is heard in each frame of the recording, -1 for silence; `arrivals` is by tick."""
    recording = WavRecorder(tmp_path / "call.wav")
    for frames in arrivals:
        recording.far(LOUD)
        for frame in frames:
            recording.near(tone(frame))
    recording.end()
    wait_until_written()
    near, _ = both_legs(recording.path)
    return near[80::160].astype(int) - 1


def test_after_a_hiccup_of_the_network_the_caller_is_where_he_was(tmp_path: Path) -> None:
    arrivals = [[n] for n in range(100)]
    arrivals += [[] for _ in range(15)]
    arrivals += [list(range(100, 116))]
    arrivals += [[n] for n in range(116, 200)]
    assert list(record(tmp_path, arrivals)) == list(range(200))


def test_a_burst_may_come_over_some_ticks(tmp_path: Path) -> None:
    arrivals = [[n] for n in range(100)]
    arrivals += [[] for _ in range(15)]
    arrivals += [[100 + 3 * n, 101 + 3 * n, 102 + 3 * n] for n in range(8)]
    arrivals += [[n] for n in range(124, 200)]
    found = list(record(tmp_path, arrivals))
    assert found[:123] == list(range(123))
    assert found[123:] == list(range(123, 199))[: len(found) - 123]


def test_after_a_muted_phone_the_caller_is_where_he_speaks(tmp_path: Path) -> None:
    arrivals: list[list[int]] = [[n] for n in range(50)]
    arrivals += [[] for _ in range(200)]
    arrivals += [[n] for n in range(50, 150)]
    found = list(record(tmp_path, arrivals))
    assert found == [*range(50), *[-1] * 200, *range(50, 150)]


def test_jitter_leaves_no_holes(tmp_path: Path) -> None:
    arrivals: list[list[int]] = [[n] for n in range(50)]
    for n in range(50, 150, 2):
        arrivals += [[], [n, n + 1]]
    found = list(record(tmp_path, arrivals))
    assert found == list(range(150))


def test_a_recording_can_be_played_while_it_is_made(tmp_path: Path) -> None:
    """A kill at any moment leaves a file that plays up to the last second."""
    recording = WavRecorder(tmp_path / "call.wav")
    for number in range(500):
        recording.far(LOUD // 2)
        recording.near(LOUD)
        if number % 50 == 49:
            wait_until_written()
            near, far = both_legs(recording.path)
            assert len(far) >= (number + 1) * 160 - 8000
            assert far.all()
            assert near[160:].all()
    recording.end()


def test_a_disk_that_hangs_ends_the_recording_and_takes_no_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs: list[Callable[[], None]] = []
    recording = WavRecorder(tmp_path / "call.wav", jobs.append)
    for _ in range(50 * 60):
        recording.near(LOUD)
        recording.far(LOUD)
    assert len(jobs) < 50
    assert [record.getMessage() for record in caplog.records] == [
        f"recording: {recording.path}: the disk does not keep up; the recording ends here"
    ]
    recording.end()
    for job in jobs:  # it answers again
        job()
    assert 9 * 8000 < len(both_legs(recording.path)[0]) <= 10 * 8000


KILLED = """
import os, sys, time
from pathlib import Path
import numpy as np
from bargein.server.recorder import WavRecorder, wait_until_written
recording = WavRecorder(Path(sys.argv[1]))
for _ in range(500):
    recording.far(np.full(160, 7, np.int16))
    recording.near(np.full(160, 7, np.int16))
wait_until_written()
os.kill(os.getpid(), 9)
"""


def test_a_kill_costs_less_than_a_second(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "agent")}
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "call.wav")], env=env, check=False)
    assert len(both_legs(tmp_path / "call.wav")[0]) > 500 * 160 - 8000
