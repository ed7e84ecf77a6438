"""The files that ship with the package: flows, language files and trained weights."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

FLOWS = Path(str(resources.files(__name__) / "flows"))
LANGUAGES = Path(str(resources.files(__name__) / "languages"))
WEIGHTS = Path(str(resources.files(__name__) / "weights"))
