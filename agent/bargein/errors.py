"""Errors that a person can fix."""

from __future__ import annotations


class UserError(Exception):
    """One line that says what is wrong and how to fix it; exit 1, or 2 for wrong usage (a bad config or flow)."""

    exit_code = 1

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class EngineError(UserError):
    """An engine cannot do its work; the message is one line that says what is wrong and how to fix it."""
