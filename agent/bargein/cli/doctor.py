"""`bargein doctor`: what is wrong, and how to fix it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config import Config
from ..core.language.neutral import neutral
from ..errors import UserError
from .log import as_url
from .options import json_option, log_options
from .terminal import Screen, folded, to_json, write

if TYPE_CHECKING:
    from ..doctor.check import Check

COLORS = {"ok": "32", "warn": "33", "fail": "31"}
INDENT = 22  # the text of a check


@click.command("doctor")
@click.option("--asterisk", "pbx", is_flag=False, flag_value="", metavar="[WHERE]", help="Check the PBX as well. "
              "WHERE is HOST:PORT of its AMI (user and secret in BARGEIN_AMI_USER and BARGEIN_AMI_SECRET), or the path "
              "of its program (default: asterisk).")  # fmt: skip
@click.option("--exten", metavar="EXTEN[@CONTEXT]", help="Extension for the test call, if several reach the agent.")
@json_option
@log_options
def doctor_command(pbx: str | None, exten: str | None, as_json: bool, config_path: Path | None, db: str | None) -> None:
    """Check this machine, the configuration, and with --asterisk the PBX.

    Each check is one line, ok, warn or fail, and how to fix it. The exit code is 1 if a check fails; warnings do not
    count. With --asterisk, doctor calls the agent's extension and hangs up, then calls again and measures the line. The
    log shows these calls like any other.

    \b
    Example:
      bargein doctor
    """
    checks = asyncio.run(_run(pbx, exten, config_path, db, quiet=as_json))
    if as_json:
        write([to_json([asdict(check) for check in checks])])
    if any(check.status == "fail" for check in checks):
        sys.exit(1)


async def _run(
    pbx: str | None, exten: str | None, config_path: Path | None, db: str | None, quiet: bool
) -> list[Check]:
    from ..doctor.checks import examine, flow_queues
    from ..doctor.pbx import examine_pbx

    screen = Screen.of_stdout()
    checks: list[Check] = []

    def done(check: Check) -> None:
        checks.append(check)
        if not quiet:
            write(_lines(check, screen))

    url = as_url(db) if db is not None else None
    async for check in examine(str(config_path) if config_path else None, url):
        done(check)
    if pbx is not None:
        config = _config(config_path)
        where = config.fastagi.listen
        async for check in examine_pbx(pbx, exten, where, url or config.store.url, named=flow_queues(config)):
            done(check)
    return checks


def _config(config_path: Path | None) -> Config:
    try:
        return Config.load(config_path)
    except UserError:  # the check of the configuration reports it
        return Config()


def _lines(check: Check, screen: Screen) -> list[str]:
    first, *more = folded(f"{check.status:4}  {check.name:15} {neutral(check.text)}", screen.width, INDENT)
    remedy = folded(f"→ {neutral(check.remedy)}", screen.width - INDENT, 2) if check.remedy else []
    painted = screen.paint(first[:4], COLORS[check.status]) + first[4:]
    return [painted, *more, *(f"{'':{INDENT}}{line}" for line in remedy)]
