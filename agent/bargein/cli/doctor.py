"""`bargein doctor`: what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict

import click

from ..config import Config
from ..core.language.neutral import neutral
from ..doctor.checks import Check, examine, flow_queues
from ..doctor.pbx import examine_pbx
from ..errors import UserError
from ..store import database_url
from .options import log_options
from .terminal import Screen, to_json, write

COLORS = {"ok": "32", "warn": "33", "fail": "31"}


@click.command("doctor")
@click.option("--asterisk", "pbx", is_flag=False, flag_value="", metavar="[WHERE]", help="Look at the PBX as well: "
              "HOST:PORT of its AMI (user and secret in BARGEIN_AMI_USER and BARGEIN_AMI_SECRET), else the path of its "
              "program (asterisk).")  # fmt: skip
@click.option("--exten", metavar="EXTEN[@CONTEXT]", help="Extension for the test call, if several lead to the agent.")
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@log_options
def doctor_command(pbx: str | None, exten: str | None, as_json: bool, config_path: str | None, db: str | None) -> None:
    """Check this machine, the configuration, and with --asterisk the PBX.

    One line a check: ok, warn or fail, and how to mend it. Exit code 1 if a check fails; a warning is none. With
    --asterisk a call is placed to the agent's extension and hung up; it is in the log as any other call.

    \b
    Example:
      bargein doctor
    """
    checks = asyncio.run(_run(pbx, exten, config_path, db, quiet=as_json))
    if as_json:
        write([to_json([asdict(check) for check in checks])])
    if any(check.status == "fail" for check in checks):
        sys.exit(1)


async def _run(pbx: str | None, exten: str | None, config_path: str | None, db: str | None, quiet: bool) -> list[Check]:
    screen = Screen.of_stdout()
    checks: list[Check] = []

    def done(check: Check) -> None:
        checks.append(check)
        if not quiet:
            write(_lines(check, screen))

    url = database_url(db) if db else None
    async for check in examine(config_path, url):
        done(check)
    if pbx is not None:
        config = _config(config_path)
        where = config.fastagi.listen
        async for check in examine_pbx(pbx, exten, where, url or config.store.url, named=flow_queues(config)):
            done(check)
    return checks


def _config(config_path: str | None) -> Config:
    try:
        return Config.load(config_path)
    except UserError:  # told by the check of the configuration
        return Config()


def _lines(check: Check, screen: Screen) -> list[str]:
    status = screen.paint(f"{check.status:4}", COLORS[check.status])
    line = f"{status}  {check.name:15} {neutral(check.text)}"
    return [line, f"{'':22}{screen.dim('→')} {neutral(check.remedy)}"] if check.remedy else [line]
