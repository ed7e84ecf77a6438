"""How far a reply is."""

from __future__ import annotations

from dataclasses import dataclass

from .reply import Finish, Listen


@dataclass(slots=True)
class ReplyProgress:
    """The reply that is being planned or played. `ended`: its last segment has arrived."""

    id: int = 0
    ended: bool = False
    finish: Finish | None = None  # the call is over once the reply is played
    listen: Listen | None = None  # what it listens for, until the reply is committed
