"""What goes to stderr: text for a person, or JSON, one object a line, for a machine; the journal takes both.

No transcript, name or number of a caller is ever logged; a call is named by its id.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

from ..config import LogConfig
from ..core.language.neutral import neutral

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}  # syslog's, sd-daemon(3)


class TextFormatter(logging.Formatter):
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


class JsonFormatter(logging.Formatter):
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
    """Log to stderr as the configuration says; replaces what was set up before."""
    handler = logging.StreamHandler(sys.stderr)
    journal = "JOURNAL_STREAM" in os.environ
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter(journal))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


def _short(name: str) -> str:
    """The module's own name: `session` for `bargein.server.session`."""
    return name.rpartition(".")[2] if name.startswith("bargein.") else name
