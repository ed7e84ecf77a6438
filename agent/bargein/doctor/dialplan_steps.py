"""What Asterisk's console prints about its dialplan, as steps."""

from __future__ import annotations

import re

from .call import AgentExtension


def dialplan_steps(shown: str) -> list[tuple[AgentExtension, str]]:
    """Each step of `dialplan show`: where it is, and its application with data."""
    steps: list[tuple[AgentExtension, str]] = []
    context = exten = ""
    for line in shown.splitlines():
        if found := re.match(r"\[ Context '([^']+)'", line):
            context, exten = found[1], ""
        elif found := re.match(r"\s+(?:'([^']+)' \(CID match '[^']*'\) =>|'([^']+)' =>)?\s*(?:\[\S+\]\s*)?(.*)", line):
            exten = found[1] or found[2] or exten
            if context and exten:
                steps.append((AgentExtension(context, exten), found[3]))
    return steps
