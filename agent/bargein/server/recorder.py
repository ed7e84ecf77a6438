"""A call as a stereo WAV: the caller's line on the left, the agent on the right, interruptions as cue points."""

from __future__ import annotations

import contextlib
import logging
import struct
import wave
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np

from ..core.audio.pcm import FRAME_SAMPLES, RATE, SAMPLES_PER_MS, Pcm
from ..core.turns.records import Interruption

log = logging.getLogger(__name__)

FLUSH_FRAMES = 250  # 5 s of both legs are 160 KB
LATE_SAMPLES = RATE // 2  # so much of the line may wait for our clock before it is put where it belongs

_writer = ThreadPoolExecutor(1, thread_name_prefix="recording")  # one for all calls: disks like one writer


class WavRecorder:
    """Takes both legs as they pass and writes them off the event loop. `end` closes the file.

    A disk that fails ends the recording with one line in the log; the call goes on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._near: list[Pcm] = []
        self._near_samples = 0
        self._both: list[Pcm] = []
        self._marks: dict[str, tuple[int, str]] = {}
        self._file: wave.Wave_write | None = None
        _writer.submit(self._open)

    @classmethod
    def begin(cls, directory: str, call_id: str, now: datetime) -> WavRecorder:
        """A file `directory/2026/11/22/CALL.wav`; its path is absolute, so that it is found from anywhere."""
        return cls(Path(directory).absolute() / now.strftime("%Y/%m/%d") / f"{call_id}.wav")

    def near(self, pcm: Pcm) -> None:
        """Audio from the line, of any size."""
        self._near.append(pcm)
        self._near_samples += len(pcm)

    def far(self, pcm: Pcm) -> None:
        """The 160 samples that we send; they are the clock of the recording."""
        self._both.append(np.stack([self._take(), pcm], axis=1))
        if len(self._both) >= FLUSH_FRAMES:
            self._flush()

    def mark(self, row: Interruption) -> None:
        """An interruption, where the caller began."""
        self._marks[row.id] = (row.onset_ms * SAMPLES_PER_MS, f"{row.kind} {row.resolution}")

    def end(self) -> None:
        """Close the file when all is written."""
        self._flush()
        _writer.submit(self._close, dict(self._marks))

    def _take(self) -> Pcm:
        """160 samples of the line; silence where it sent nothing."""
        if self._near_samples < FRAME_SAMPLES:
            return np.zeros(FRAME_SAMPLES, np.int16)
        joined = np.concatenate(self._near)
        if len(joined) > LATE_SAMPLES:
            joined = joined[-LATE_SAMPLES:]
        frame, rest = joined[:FRAME_SAMPLES], joined[FRAME_SAMPLES:]
        self._near, self._near_samples = [rest], len(rest)
        return frame

    def _flush(self) -> None:
        frames, self._both = self._both, []
        if frames:
            _writer.submit(self._write, np.concatenate(frames).astype("<i2").tobytes())

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o640)  # two voices: for owner and group only
            self._file = wave.open(str(self.path), "wb")  # noqa: SIM115 - closed by _close
            self._file.setnchannels(2)
            self._file.setsampwidth(2)
            self._file.setframerate(RATE)
        except OSError as error:
            log.error("recording: %s cannot be written: %s; the call is not recorded", self.path, error.strerror)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.writeframesraw(data)
        except OSError as error:
            log.error("recording: %s: %s; it ends here", self.path, error.strerror)
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _close(self, marks: dict[str, tuple[int, str]]) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            if marks:
                _append_cues(self.path, sorted(marks.values()))
        except OSError as error:
            log.error("recording: %s could not be finished: %s", self.path, error.strerror)


def wait_until_written() -> None:
    """Block until all recordings that have ended are on disk."""
    _writer.submit(lambda: None).result()


def _append_cues(path: Path, marks: list[tuple[int, str]]) -> None:
    """Add `cue ` and `LIST adtl labl` chunks (RIFF, 1994 multimedia data standards update): editors show them."""
    cues = struct.pack("<I", len(marks))
    labels = b"adtl"
    for number, (sample, label) in enumerate(marks, 1):
        cues += struct.pack("<II4sIII", number, sample, b"data", 0, 0, sample)
        text = label.encode() + b"\0"
        labels += b"labl" + struct.pack("<II", len(text) + 4, number) + text + b"\0" * (len(text) % 2)
    chunks = b"cue " + struct.pack("<I", len(cues)) + cues + b"LIST" + struct.pack("<I", len(labels)) + labels
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(chunks)
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))
