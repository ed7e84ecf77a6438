"""A TOML file as any editor may have saved it, with errors that say what to change."""

from __future__ import annotations

import codecs
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

from ..errors import UserError

# a byte order mark at the start of a file says how it is encoded; longer marks first
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip

HINTS = (  # a pattern of what the parser says, a line break and the line; and what to write instead
    (r"twice|overwrite", "a section or key may stand there once only"),
    ("\n.*[\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb]", 'write plain quotes, as in listen = "127.0.0.1:9092"'),
    (r"\n\s*(?:;|//)", "a comment begins with #"),
    (r"(?:hex value|Unescaped)[^\n]*\n.*\\", r"between single quotes a \ is itself: 'C:\log'"),
    (r"\n\s*\w+\s*:", "write KEY = VALUE"),
    (r"'\\n'[^\n]*\n.*[\"']", "a quote is missing at its end"),
    (r"(?i)\n\s*\w+\s*=\s*(?:true|false|yes|no|on|off)\s*(?:#.*)?$", "write true or false"),
    (r"\n\s*\w+\s*=\s*(?:\d+\.\d+\.|\d+:\d)", 'text stands in quotes, as in listen = "127.0.0.1:9092"'),
    (r"\n\s*\w+\s*=\s*[\d.]+\s*[A-Za-z%]+\s*(?:#.*)?$", "a number has no unit behind it, as in queue = 500"),
    (r"\n\s*\w+\s*=\s*[^\W\d]", 'text stands in quotes, as in level = "info"'),
    (r"\n\s*\w+\s*=.*[;,]\s*$", "nothing may follow the value"),
)

_STRING = re.compile(r"""\"(?:[^"\\]|\\.)*"|'[^']*'""")  # may hold any character, as an emoji of several


class ConfigError(UserError):
    """The configuration is wrong: one line that names the key; exit 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=2)


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of the file. Raises ConfigError, one line that says what to change."""
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}{_hint(str(error), text)}") from error
    except (RecursionError, ValueError) as error:  # a number of thousands of digits is a ValueError
        what = "too many brackets in one another" if isinstance(error, RecursionError) else "a number is too long"
        raise ConfigError(f"{path}: not valid TOML: {what}") from error


def _decoded(data: bytes) -> str:
    """The text of a file as any editor may have saved it, with line ends as `\\n`. Raises ValueError, one line."""
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if b"\0" in data and encoding.startswith("utf-8"):
        raise ValueError("not text: it has zero bytes, as UTF-16 without a byte order mark; save the file as UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"not UTF-8 text in line {line}; save the file as UTF-8") from error
    text = text.lstrip("\ufeff").rstrip("\x1a")  # joined files have several marks, files of DOS a Ctrl-Z
    return re.sub("(?m)^\ufeff", "", text.replace("\r\n", "\n").replace("\r", "\n"))


def _hint(said: str, text: str) -> str:
    """How to fix a common error of the TOML parser; "" for any other."""
    found = re.search(r"at line (\d+)", said)
    line = text.split("\n")[int(found[1]) - 1] if found else ""
    outside = _STRING.sub("", line)
    if unseen := next((c for c in outside if c not in " \t" and unicodedata.category(c) in ("Cc", "Cf", "Zs")), ""):
        name = unicodedata.name(unseen, f"U+{ord(unseen):04X}").lower()
        return f"; the line has a character that is not seen, {name}: write it anew"
    return next((f"; {hint}" for pattern, hint in HINTS if re.search(pattern, f"{said}\n{line}")), "")
