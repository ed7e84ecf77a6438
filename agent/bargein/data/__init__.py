"""The files that ship with the package: flows, language files, trained weights, dialplans, systemd units and docs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

FLOWS = Path(str(resources.files(__name__) / "flows"))
LANGUAGES = Path(str(resources.files(__name__) / "languages"))
DIALPLANS = Path(str(resources.files(__name__) / "asterisk-conf"))
SYSTEMD = Path(str(resources.files(__name__) / "systemd"))
WEIGHTS = Path(str(resources.files(__name__) / "weights"))
