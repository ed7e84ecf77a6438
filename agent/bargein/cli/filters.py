"""Options that choose calls: the same for every command that reads the log."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..store.filters import FATES, CallFilter
from ..view.choose import OUTCOMES, fate, milliseconds, moment, outcome
from .options import typed

SINCE = "Calls that started at this time or later: 2h, 3d, today, yesterday, 2026-03-01."
NAMES = (
    "since", "until", "queue", "caller", "called", "flow", "outcome", "fate", "interrupted", "longer_than_ms", "step",
    "trunk", "linkedid", "uniqueid", "text",
)  # fmt: skip


OPTIONS = (
    click.option("--since", type=typed(moment), metavar="WHEN", help=SINCE),
    click.option("--until", type=typed(moment), metavar="WHEN", help="Calls that started before this time."),
    click.option("--queue", metavar="NAME", help="Calls of this queue."),
    click.option("--caller", metavar="NUMBER", help="Calls from this number; `+4930*` means every number that begins "
                 "so."),
    click.option("--called", metavar="NUMBER", help="Calls to this number or extension; `7*` as above."),
    click.option("--flow", metavar="NAME", help="Calls that this flow answered."),
    click.option("--outcome", type=typed(outcome), metavar="NAME", help="Calls that ended this way: "
                 f"{', '.join(OUTCOMES)}, in_progress."),
    click.option("--fate", type=typed(fate), metavar="NAME", help=f"What became of the caller: {', '.join(FATES)}."),
    click.option("--interrupted/--not-interrupted", default=None, help="Calls in which the caller interrupted the "
                 "agent, or did not."),
    click.option("--longer-than", "longer_than_ms", type=typed(milliseconds), metavar="TIME", help="Calls that lasted "
                 "longer: 30s, 2m."),
    click.option("--step", metavar="NAME", help="Calls that reached this step of the flow."),
    click.option("--trunk", metavar="NAME", help="Calls from this trunk or phone: PJSIP/trunk; `PJSIP/*` as above."),
    click.option("--linkedid", metavar="ID", help="The call with this id in Asterisk's CDR and CEL."),
    click.option("--uniqueid", metavar="ID", help="The call whose channel has this id in Asterisk's logs."),
    click.option("--text", metavar="WORDS", help="Calls in which someone said all of these words."),
)  # fmt: skip


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one argument, `which: CallFilter`."""

    @wraps(command)
    def filtered(**values: Any) -> Any:
        which = CallFilter(**{name: values.pop(name) for name in NAMES})
        if which.since and which.until and which.until <= which.since:
            raise click.UsageError("--until is not after --since")
        return command(which=which, **values)

    for option in reversed(OPTIONS):
        filtered = option(filtered)
    return filtered
