"""Import this before the project: a Python without it gives way to the one of .venv, which is set up if missing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

if any(find_spec(name) is None for name in ("numpy", "webrtcvad", "jellyfish")):
    python = subprocess.check_output([Path(__file__).parent / "python"], text=True).strip()
    os.execv(python, [python, *sys.argv])
