"""A planner that plays one recording and then only listens, for measurements and announcements."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..core.language.kinds import Kind
from ..core.turns.records import Situation
from ..core.turns.reply import Listen, Piece, Say
from .base import Progress
from .languages import load as load_language

FOREVER_MS = 3_600_000


class _Fixed:
    """A reply that is known from the start."""

    kind: Kind | None = None

    def __init__(self, *pieces: Piece) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[Piece]:
        for piece in self._pieces:
            yield piece

    def commit(self) -> None:
        """Nothing was decided."""

    def cancel(self) -> None:
        """Nothing is in progress."""


class Monologue:
    """Plays the WAV at `path` to the call from its first frame; says nothing more after an interruption."""

    language = "en"
    voice = ""

    def __init__(self, path: str) -> None:
        self._path = path
        self.phrases = load_language(self.language)

    @property
    def progress(self) -> Progress:
        """The monologue asks nothing."""
        return Progress("monologue")

    def plan(self, situation: Situation) -> _Fixed:
        """The recording at the start of the call, then nothing."""
        listen = Listen(silence_ms=FOREVER_MS)
        return _Fixed(listen) if situation.turns else _Fixed(Say("", step="monologue", wav=self._path), listen)
