"""Rows on disk that the database does not have yet. They survive the end of the process, however it ends.

A directory `DIR/RUN` belongs to one run of one process, which holds a lock on it. Each file in it is a batch: a row a
line, `["TABLE", {"column": value}]`, in the order of writing. The kernel releases the lock of a process that is
killed, so the next start knows which runs are over, and takes their batches over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

Row = tuple[str, dict[str, Any]]  # the table's name, and the columns

LOCK = "lock"
SUFFIX = ".rows"


@dataclass(frozen=True, slots=True)
class DeadRun:
    """A run whose process is over, with the batches that it left, in order. We hold its lock."""

    name: str
    directory: Path
    batches: Sequence[Path]
    lock: int


class Spool:
    """The batches of this run. Without a directory, or when it cannot be used, nothing is ever saved.

    At most `limit_bytes` are on disk.
    """

    def __init__(self, directory: Path | None, limit_bytes: int) -> None:
        self.run = uuid.uuid4().hex
        self._directory = directory
        self._limit = limit_bytes
        self._own: Path | None = None
        self._lock: int | None = None
        self._next = 1
        self._bytes = 0

    def open(self) -> list[DeadRun]:
        """Make this run's directory, and take over the directories of runs that have ended, the oldest first."""
        if self._directory is None:
            return []
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            hidden = self._directory / f".{self.run}"  # nobody may see it before it is locked
            hidden.mkdir(mode=0o700)
            self._lock = _locked(hidden / LOCK)
            self._own = hidden.rename(self._directory / self.run)
        except OSError as error:
            log.error("store: no spool in %s: %s; rows wait in memory only", self._directory, error.strerror)
            return []
        return self._dead_runs(self._directory)

    def _dead_runs(self, directory: Path) -> list[DeadRun]:
        found = []
        for path in _oldest_first(directory):
            lock = _locked(path / LOCK, make=False) if path != self._own else None
            if lock is None:
                continue
            batches = sorted(path.glob(f"*{SUFFIX}"))
            self._bytes += sum(batch.stat().st_size for batch in batches)
            found.append(DeadRun(path.name, path, batches, lock))
        return found

    def save(self, rows: Iterable[Row], onto: Path | None = None) -> Path | None:
        """Write a batch to disk, at the end of `onto` or as a new file. None if there is no room for it."""
        if self._own is None:
            return None
        data = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode()
        if self._bytes + len(data) > self._limit:
            return None
        path = onto or self._own / f"{self._next:09d}{SUFFIX}"
        try:
            _append(path, data)
        except OSError:
            return None
        self._bytes += len(data)
        self._next += onto is None
        return path

    def load(self, path: Path) -> list[Row]:
        """The rows of a batch. A line that was cut off is left out: its process was killed while it wrote it."""
        rows: list[Row] = []
        with contextlib.suppress(FileNotFoundError), path.open(encoding="ascii", errors="replace") as file:
            for line in file:
                try:
                    table, row = json.loads(line)
                    rows.append((str(table), dict(row)))
                except (ValueError, TypeError):
                    log.error("store: a row in %s is damaged and left out", path)
        return rows

    def remove(self, path: Path) -> None:
        """The database has this batch."""
        with contextlib.suppress(OSError):
            self._bytes -= path.stat().st_size
            path.unlink()

    def remove_run(self, run: DeadRun) -> None:
        """The database has all of this run."""
        shutil.rmtree(run.directory, ignore_errors=True)
        self.release(run)

    def release(self, run: DeadRun) -> None:
        """Release the lock. The next start takes over what is left."""
        os.close(run.lock)

    def close(self) -> None:
        """Delete everything but the batches that the database does not have."""
        if self._own is not None and not any(self._own.glob(f"*{SUFFIX}")):
            shutil.rmtree(self._own, ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty: another process uses it
                self._own.parent.rmdir()
        if self._lock is not None:
            os.close(self._lock)
        self._own = self._lock = None


def _oldest_first(directory: Path) -> list[Path]:
    """The runs in a directory. Another process may remove its own meanwhile."""
    ages: list[tuple[float, Path]] = []
    for path in directory.iterdir():
        with contextlib.suppress(OSError):
            if not path.name.startswith("."):
                ages.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(ages)]


def _locked(path: Path, *, make: bool = True) -> int | None:
    """An open file that holds the lock; None if it cannot be had: another process has it, or has just removed it."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
    except FileNotFoundError:
        return None
    except OSError as error:
        if make:
            raise
        log.error("store: rows may be left in %s, which cannot be opened: %s", path.parent, error.strerror)
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), os.stat(path)):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _append(path: Path, data: bytes) -> None:
    """Write all of `data` or nothing. It outlives the process at once, and a power cut once it is on the disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(file).st_size
        written = 0
        try:
            while written < len(data):
                written += os.write(file, data[written:])
            os.fdatasync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, before)
            raise
    finally:
        os.close(file)
