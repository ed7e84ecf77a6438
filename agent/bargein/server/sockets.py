"""Reads the sockets of all calls together. A wake-up of the event loop for each frame would cost too much."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable


class Sockets:
    """`read` reads from each socket that has something. With `watch` the event loop calls it as soon as one has."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: asyncio.AbstractEventLoop | None = None

    def add(self, sock: int, receive: Callable[[], None]) -> None:
        """`receive` reads from the socket once. It does not wait, and raises nothing."""
        self._selector.register(sock, selectors.EVENT_READ, receive)

    def remove(self, sock: int) -> None:
        """Before the socket is closed."""
        self._selector.unregister(sock)

    def read(self) -> None:
        """Read from each socket that has something."""
        for key, _ in self._selector.select(0):
            key.data()

    def watch(self, at_once: bool) -> None:
        """Whether the event loop is to read. It is asked to watch the selector, which is itself a file."""
        loop = asyncio.get_running_loop()
        if at_once and self._watched is None:
            loop.add_reader(self._selector.fileno(), self.read)
            self._watched = loop
        elif not at_once and self._watched is not None:
            self._watched.remove_reader(self._selector.fileno())
            self._watched = None
