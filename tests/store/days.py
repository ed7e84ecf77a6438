"""Figures of days that are over, beside a store that makes them, too."""

from __future__ import annotations

import asyncio

from bargein.errors import UserError
from bargein.store import Store
from bargein.store.daily import complete_days


async def completed(store: Store) -> int:
    """Make the figures of all days that are over. Returns how many were made here."""
    for _ in range(20):
        try:
            return await complete_days(store._url)
        except UserError:  # SQLite: the store wrote at the same time
            await asyncio.sleep(0.1)
    return await complete_days(store._url)
