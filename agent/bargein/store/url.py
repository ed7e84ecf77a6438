"""Database URLs. The only place that builds or parses one, and free of SQLAlchemy: commands must start fast.

`sqlite:///FILE` names a file, relative or absolute. A `%` in its name is percent-encoded, and so is a `?` that options
could follow: `?a=b`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

SQLITE = "sqlite:///"
_OPTIONS = re.compile(r"\?(?:\w+=.*)?\Z", re.DOTALL)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def sqlite_url(file: str | Path) -> str:
    """The URL of an SQLite file, whatever characters its name has."""
    if str(file) == ":memory:":  # that URL is of a database in memory
        file = f"./{file}"
    return SQLITE + str(file).replace("%", "%25").replace("?", "%3f")


def database_url(db: str) -> str:
    """The URL for the option `--db`: the name of a file, or a URL."""
    is_url = SCHEME.match(db) is not None and not os.path.exists(db)
    return db if is_url else sqlite_url(db)


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for a database in memory and for any other kind."""
    if not url.startswith(SQLITE):
        return None
    name = unquote(_OPTIONS.sub("", url.removeprefix(SQLITE)), errors="surrogateescape")
    return None if name in ("", ":memory:") else Path(name)


def sqlite_uri(file: Path) -> str:
    """The file as SQLite's own URI, which takes every name that the file system takes."""
    return "file://" + quote(os.fsencode(os.path.abspath(file)))
