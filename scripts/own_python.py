"""Import this before the project. It sets the path, and hands over to the Python in .venv where packages are missing.

The path gets the source root, the repository (for `tests`) and scripts/training. A missing .venv is set up.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent

if any(find_spec(name) is None for name in ("numpy", "webrtcvad", "jellyfish")):
    python = subprocess.check_output([SCRIPTS / "python"], text=True).strip()
    os.execv(python, [python, *sys.argv])

sys.path[:0] = [str(ROOT / "agent"), str(ROOT), str(SCRIPTS / "training")]
