"""Language files: what callers say, and the agent's own sentences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..core.language.phrases import RULES, Phrases, phrases_of
from ..core.language.words import PatternError
from ..data import LANGUAGES
from ..errors import UserError

_NEEDED = ("language", "lead", "backchannels", "answers", "trailing", "negators", "rules", "sayings")


def available() -> list[str]:
    """Codes of the languages that come with the package."""
    return sorted(path.stem for path in LANGUAGES.glob("*.yaml"))


def load(language: str = "en", path: str = "") -> Phrases:
    """The phrases of a language ("en", also "en-GB"), or of the file at `path`. Raises UserError (exit 2)."""
    if path:
        source = Path(path)
        if not source.is_file():
            raise UserError(f"{path}: no such language file", 2)
        return read(source.read_text("utf-8"), path)
    code = language.replace("_", "-").split("-")[0].lower()
    if code not in available():
        raise UserError(f"language {language!r} is not known; there are {', '.join(available())}, or name a file", 2)
    return read((LANGUAGES / f"{code}.yaml").read_text("utf-8"), f"{code}.yaml")


@lru_cache(maxsize=32)
def read(text: str, name: str) -> Phrases:
    """Phrases from the text of a language file called `name`. Raises UserError (exit 2) that says what is wrong."""
    try:
        data: Any = yaml.load(text, yaml.BaseLoader)  # plain text only: a bare yes, no or on is a word here
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise UserError(f"{where}: {getattr(error, 'problem', error)}", 2) from None
    if not isinstance(data, Mapping):
        raise UserError(f"{name}: a language file is a mapping of names to lists", 2)
    if missing := [key for key in _NEEDED if key not in data]:
        raise UserError(f"{name}: {missing[0]!r} is missing", 2)
    if not isinstance(data["rules"], Mapping):
        raise UserError(f"{name}: rules: a mapping of names to lists of patterns", 2)
    if unknown := sorted(set(data["rules"]) - set(RULES)):
        raise UserError(f"{name}: no rule is called {unknown[0]!r}; there are {', '.join(RULES)}", 2)
    try:
        return phrases_of(data)
    except (PatternError, ValueError) as error:
        raise UserError(f"{name}: {error}", 2) from None
