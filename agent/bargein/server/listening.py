"""What both listeners share."""

from __future__ import annotations


def listen_error(what: str, section: str, host: str, port: int, error: OSError) -> str:
    """One line for a port that cannot be listened on."""
    return (
        f"{what} cannot listen on {host}:{port}: {error.strerror or error}; "
        f"stop what uses it, or set {section}.listen to another address"
    )
