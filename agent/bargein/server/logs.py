"""The log on stderr: text for a person, or JSON, one object per line, for a machine. The journal takes both.

No transcript, name or number of a caller is ever logged; a call is named by its id. Two rules keep it so. Only our own
loggers follow the configured level: libraries log URLs and rows at `info` and `debug`, so theirs stay at `warning`. And
of an exception that is no UserError only its type and place are logged: its message may hold what a caller said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from ..config import LogConfig
from ..core.language.neutral import neutral
from ..errors import UserError

log = logging.getLogger(__name__)

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}  # syslog's, sd-daemon(3)


ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Formatter(logging.Formatter):
    """Shows where an exception was raised and its type, never its message."""

    def formatException(self, ei: ExcInfo) -> str:
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            where = "".join(traceback.format_tb(error.__traceback__)).rstrip()
            lines.insert(0, f"{where}\n{type(error).__name__}".lstrip())
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


class TextFormatter(_Formatter):
    """`12:00:01 warning server: text`; in the journal, which has the time, `<4>server: text` (sd-daemon(3))."""

    def __init__(self, journal: bool) -> None:
        super().__init__()
        self.journal = journal

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_short(record.name)}: {neutral(record.getMessage())}"
        if record.exc_info:
            text += f"\n{self.formatException(record.exc_info)}"
        if self.journal:
            return "\n".join(f"<{PRIORITIES.get(record.levelname, 6)}>{line}" for line in text.splitlines())
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        return f"{time} {record.levelname.lower():7} {text}"


class JsonFormatter(_Formatter):
    """`{"time": ..., "level": ..., "logger": ..., "message": ...}` and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in STANDARD and key not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def setup(settings: LogConfig) -> None:
    """Log to stderr as the configuration says. Replaces what was set up before."""
    handler = logging.StreamHandler(sys.stderr)
    journal = "JOURNAL_STREAM" in os.environ
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter(journal))
    level: int = logging.getLevelNamesMapping()[settings.level.upper()]
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("bargein").setLevel(level)
    logging.captureWarnings(True)


def described(error: BaseException) -> str:
    """An error for the log: what a UserError says; of any other its type and place."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, UserError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def on_loop_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler. The default one logs the exception's message."""
    error = context.get("exception")
    what = described(error) if error is not None else "no exception"
    log.error("a fault outside of any call: %s; the server goes on", what)


def _short(name: str) -> str:
    """The module's own name: `session` for `bargein.server.session`."""
    return name.rpartition(".")[2] if name.startswith("bargein.") else name
