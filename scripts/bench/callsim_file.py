"""callsim.py as a module: the simulated callers, their lines and the judge that the benchmarks of hearing share."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any


def loaded(path: Path) -> Any:
    """The module. Exits with one line if there is no such file."""
    if not path.is_file():
        sys.exit(f"{path}: no such file; --callsim is callsim.py")
    spec = importlib.util.spec_from_file_location("callsim", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["callsim"] = module  # its dataclasses look it up
    spec.loader.exec_module(module)
    return module


def keep_held_out(corpus: Any, held_out: Callable[[dict[str, str]], bool]) -> None:
    """Leave in a `callsim.Corpus` only the rows that no training has seen, and print how many of each class."""
    corpus.rows = [row for row in corpus.rows if held_out(row)]
    kept = Counter(row["class"] for row in corpus.rows)
    print("held out: " + ", ".join(f"{count} {name}" for name, count in sorted(kept.items())))
