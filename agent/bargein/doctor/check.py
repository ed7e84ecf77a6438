"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. `remedy` says what to do; "" if there is nothing to do."""

    name: str
    status: Status
    text: str
    remedy: str = ""


def ok(name: str, text: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name, "ok", text)


def failed(name: str, error: Exception) -> Check:
    """A check that ended with a UserError, which says what is wrong, then a semicolon or colon, then how to fix it."""
    text = str(error)
    wrong, _, remedy = text.rpartition("; " if "; " in text else ": ")
    return Check(name, "fail", wrong or text, remedy if wrong else "")
