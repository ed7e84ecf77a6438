"""The log of calls in a database: the only place that holds SQL.

`Reader` asks, `Store` also writes. A URL is `sqlite:///FILE` or `postgresql://USER@HOST/NAME`. `database_url` and
`CallFilter` come without SQLAlchemy, which takes longer to load than a command should: the other names load it when
they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .filters import EVERY_CALL, EVERYTHING, CallFilter, CallSort, InterruptionSort
from .privacy import Privacy
from .url import database_url, sqlite_file, sqlite_url

if TYPE_CHECKING:
    from .callbacks import keep
    from .maintenance import Forgotten, Kept, Pruned, forget, prune, try_to_write, vacuum, withhold
    from .reader import Reader
    from .rows import Call, LoggedCallback, LoggedInterruption, LoggedTurn, WholeCall
    from .stats import CutWord, HourCount, Spread, Stats
    from .writer import Store

__all__ = [
    "EVERYTHING", "EVERY_CALL", "Call", "CallFilter", "CallSort", "CutWord", "Forgotten", "HourCount",
    "InterruptionSort", "Kept", "LoggedCallback", "LoggedInterruption", "LoggedTurn", "Privacy", "Pruned", "Reader",
    "Spread", "Stats", "Store", "WholeCall", "database_url", "forget", "keep", "prune", "sqlite_file", "sqlite_url",
    "try_to_write", "vacuum", "withhold",
]  # fmt: skip

_HOME = {
    "callbacks": ("keep",),
    "maintenance": ("Forgotten", "Kept", "Pruned", "forget", "prune", "try_to_write", "vacuum", "withhold"),
    "reader": ("Reader",),
    "rows": ("Call", "LoggedCallback", "LoggedInterruption", "LoggedTurn", "WholeCall"),
    "stats": ("CutWord", "HourCount", "Spread", "Stats"),
    "writer": ("Store",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
