"""The log of calls in a database: the only place that holds SQL.

`Reader` asks, `Store` also writes. A url is `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.
"""

from .maintenance import Pruned, prune, try_to_write, vacuum
from .reader import Range, Reader
from .rows import Call, LoggedInterruption, LoggedTurn
from .stats import Spread, Stats
from .writer import Store

__all__ = [
    "Call", "LoggedInterruption", "LoggedTurn", "Pruned", "Range", "Reader", "Spread", "Stats", "Store",
    "prune", "try_to_write", "vacuum",
]  # fmt: skip
