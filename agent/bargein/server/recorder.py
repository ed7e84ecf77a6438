"""A call as a stereo WAV: the caller's line on the left, the agent on the right, interruptions as cue points."""

from __future__ import annotations

import contextlib
import io
import logging
import queue
import struct
import threading
import wave
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from ..clock import Clock
from ..config import BOOLEANS, Config
from ..core.audio.pcm import RATE, SAMPLES_PER_MS, Pcm
from ..core.turns.records import CallInfo, Interruption
from .line_timing import HOLD_SAMPLES, LineTiming

log = logging.getLogger(__name__)

# With HOLD_SAMPLES this is what a crash loses at most: less than a second.
WRITE_SAMPLES = 3 * RATE // 10
MOST_PENDING_SAMPLES = 10 * RATE  # of one call; if the disk falls further behind, the recording ends


class _DiskWriter:
    """One thread writes for all calls: a disk is fastest with one writer. A disk that hangs does not delay the end of
    the process."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` after the earlier jobs."""
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
                self._thread.start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            self._jobs.get()()


_disk = _DiskWriter()


class WavRecorder:
    """Takes both legs as they pass and writes them off the event loop. `end` closes the file.

    The file can be played at any time, up to the last second. A disk that fails or hangs ends the recording with one
    line in the log; the call goes on.
    """

    def __init__(self, path: Path, submit: Callable[[Callable[[], None]], None] = _disk.submit) -> None:
        self.path = path
        self._submit = submit
        self._line = LineTiming()
        self._sent: list[Pcm] = []
        self._now = self._taken = 0  # samples sent, and how many of them were given to the disk
        self._marks: dict[str, tuple[int, str]] = {}
        self._raw: io.FileIO
        self._file: wave.Wave_write | None = None
        self._pending = 0  # samples that the disk has not taken yet
        self._lock = threading.Lock()
        self._over = False
        submit(self._open)

    @classmethod
    def begin(cls, directory: str, call_id: str, now: datetime) -> WavRecorder:
        """A file `directory/2026/11/22/CALL.wav`; its path is absolute, so that it is found from anywhere."""
        return cls(Path(directory).absolute() / now.strftime("%Y/%m/%d") / f"{call_id}.wav")

    def near(self, pcm: Pcm) -> None:
        """Audio from the line, of any size."""
        if not self._over:
            self._line.add(pcm, self._now)

    def far(self, pcm: Pcm) -> None:
        """The samples that we send; they are the clock of the recording."""
        if self._over:
            return
        self._sent.append(pcm)
        self._now += len(pcm)
        if self._now - self._taken >= WRITE_SAMPLES + HOLD_SAMPLES:
            self._give(self._now - HOLD_SAMPLES)

    def mark(self, row: Interruption) -> None:
        """An interruption, where the caller began."""
        self._marks[row.id] = (row.onset_ms * SAMPLES_PER_MS, f"{row.kind} {row.resolution}")

    def end(self) -> None:
        """Close the file when all is written."""
        self._line.finish()
        if not self._over:
            self._give(self._now)
        marks = dict(self._marks)
        self._submit(lambda: self._close(marks))

    def _give(self, until: int) -> None:
        """Give both legs up to the time `until` to the disk."""
        count = until - self._taken
        sent = np.concatenate(self._sent) if self._sent else np.zeros(0, np.int16)
        both = np.stack([self._line.take(until, self._now), sent[:count]], axis=1)
        self._sent, self._taken = [sent[count:]], until
        with self._lock:
            self._pending += count
            behind = self._pending > MOST_PENDING_SAMPLES
        if behind:
            log.error("recording: %s: the disk does not keep up; the recording ends here", self.path)
            self._over, self._sent, self._line = True, [], LineTiming()
            return
        data = both.astype("<i2").tobytes()
        self._submit(lambda: self._write(data, count))

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o640)  # it holds two voices: only owner and group may read it
            self._raw = self.path.open("wb", buffering=0)  # written data outlives the process
            self._file = wave.open(self._raw, "wb")  # noqa: SIM115 - closed by _shut
            self._file.setnchannels(2)
            self._file.setsampwidth(2)
            self._file.setframerate(RATE)
        except OSError as error:
            log.error("recording: %s cannot be written: %s; the call is not recorded", self.path, error.strerror)

    def _write(self, data: bytes, samples: int) -> None:
        """Audio, then the header's lengths, so that the file can be played from now on."""
        try:
            if self._file is not None:
                self._file.writeframes(data)
        except OSError as error:
            log.error("recording: %s: %s; the recording ends here", self.path, error.strerror)
            with contextlib.suppress(OSError):
                self._shut()
        with self._lock:
            self._pending -= samples

    def _close(self, marks: dict[str, tuple[int, str]]) -> None:
        if self._file is None:
            return
        try:
            self._shut()
            if marks:
                _append_cues(self.path, sorted(marks.values()))
        except OSError as error:
            log.error("recording: %s could not be finished: %s", self.path, error.strerror)

    def _shut(self) -> None:
        """`wave` leaves a file that it did not open to us."""
        assert self._file is not None
        wav, self._file = self._file, None
        with contextlib.closing(self._raw):
            wav.close()


def recording_of(info: CallInfo, config: Config, clock: Clock) -> WavRecorder | None:
    """The recording of a call, if the configuration or the dialplan (`start?record=yes`, `record=no`) wants one."""
    wanted = BOOLEANS.get(info.variables.get("record", "").lower(), config.recording.enabled)
    if not config.privacy.audio or not wanted:
        return None
    return WavRecorder.begin(config.recording.directory, info.id, clock.utc())


def wait_until_written(timeout_s: float | None = None) -> bool:
    """Block until all recordings that have ended are on disk; False when they are not within `timeout_s`."""
    done = threading.Event()
    _disk.submit(done.set)
    return done.wait(timeout_s)


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
