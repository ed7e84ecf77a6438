"""Ask an Asterisk: over its manager interface (AMI), or with its command line program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from typing import Protocol, Self

from ..config import parse_address
from ..errors import UserError

TIMEOUT_S = 5.0
FAILURES = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError)
USER, SECRET = "BARGEIN_AMI_USER", "BARGEIN_AMI_SECRET"
WHERE = "--asterisk takes the program's path, often /usr/sbin/asterisk, or HOST:PORT of AMI"


class PbxError(UserError):
    """The PBX does not answer. One line that says why and how to fix it."""


class Pbx(Protocol):
    """Commands of Asterisk's console."""

    where: str

    async def command(self, text: str) -> str:
        """The console's output. Raises PbxError, also for a command that this Asterisk does not have."""

    async def originate(self, channel: str, application: str, data: str) -> None:
        """Call `channel`, and run an application on the line when it answers. Raises PbxError."""

    async def close(self) -> None:
        """Close the connection."""


async def connect(where: str) -> Pbx:
    """`HOST:PORT` is AMI, with user and secret from the environment. Anything else is the program; "" is `asterisk`.

    Raises PbxError.
    """
    try:
        host, port = parse_address(where)
    except ValueError:
        return Console(where or "asterisk")
    return await manager(host, port)


async def manager(host: str, port: int) -> Manager:
    """Log in to AMI with user and secret from the environment. Raises PbxError."""
    return await Manager.connect(host, port, os.environ.get(USER, ""), os.environ.get(SECRET, ""))


class Console:
    """`asterisk -rx COMMAND`. `program` may have arguments: `asterisk -C /etc/other.conf`."""

    def __init__(self, program: str) -> None:
        self.where = program
        try:
            self._words = shlex.split(program)
        except ValueError as error:
            raise PbxError(f"{program}: {error}: {WHERE}") from None

    async def command(self, text: str) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words, "-rx", text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
        except OSError as error:
            raise PbxError(f"{self.where}: {error.strerror}: {WHERE}") from error
        try:
            async with asyncio.timeout(TIMEOUT_S):
                output, _ = await process.communicate()
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise PbxError(f"{self.where}: no answer within {TIMEOUT_S:g} s") from error
        told = output.decode("utf-8", "replace")
        if process.returncode:
            first = told.strip().splitlines()[0] if told.strip() else f"exit code {process.returncode}"
            raise PbxError(f"{self.where}: {first}")
        return _known(told, text, self.where)

    async def originate(self, channel: str, application: str, data: str) -> None:
        await self.command(f"channel originate {channel} application {application} {data}")

    async def close(self) -> None:
        pass


class Manager:
    """AMI: messages of `Key: value` lines, an empty line after each (manager.conf, `write = command,originate`)."""

    def __init__(self, where: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.where = where
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, host: str, port: int, user: str, secret: str) -> Self:
        """Log in. Raises PbxError."""
        where = f"{host}:{port}"
        if not user:
            told = f"set {USER} and {SECRET} in the environment, as in manager.conf"
            raise PbxError(f"{where}: AMI wants a user and a secret: {told}")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection(host, port)
                banner = await reader.readline()
        except (OSError, TimeoutError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no answer"
            raise PbxError(f"{where}: {why}: is `enabled = yes` in manager.conf, and the port right?") from error
        if not banner.startswith(b"Asterisk Call Manager"):
            writer.close()
            raise PbxError(f"{where}: this is not AMI: its port is in manager.conf (5038)")
        manager = cls(where, reader, writer)
        answer = await manager._ask(("Action", "Login"), ("Username", user), ("Secret", secret), ("Events", "off"))
        if "Response: Success" not in answer:
            await manager.close()
            raise PbxError(f"{where}: the login was refused: check {USER}, {SECRET} and `permit` in manager.conf")
        return manager

    async def command(self, text: str) -> str:
        answer = await self._ask(("Action", "Command"), ("Command", text))
        if "Response: Success" not in answer:
            raise PbxError(f"{self.where}: {_message(answer)}: the user needs `write = command,originate`")
        told = "\n".join(line.removeprefix("Output: ") for line in answer if line.startswith("Output:"))
        return _known(told, text, self.where)

    async def originate(self, channel: str, application: str, data: str) -> None:
        answer = await self._ask(
            ("Action", "Originate"), ("Channel", channel), ("Application", application), ("Data", data),
            ("Async", "true"), ("Timeout", "10000"),
        )  # fmt: skip
        if "Response: Success" not in answer:
            raise PbxError(f"{self.where}: {_message(answer)}: the user needs `write = command,originate`")

    async def queues(self) -> list[dict[str, str]]:
        """The fields of an event QueueSummary for each queue. Its user needs no privilege. Raises PbxError."""
        answer = await self._ask(("Action", "QueueSummary"))
        if "Response: Success" not in answer:
            raise PbxError(f"{self.where}: {_message(answer)}: is app_queue loaded?")
        found: list[dict[str, str]] = []
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while "Event: QueueSummaryComplete" not in (lines := await self._message()):
                    if "Event: QueueSummary" in lines:
                        found.append({name: value for name, _, value in (line.partition(": ") for line in lines)})
        except FAILURES as error:
            raise PbxError(f"{self.where}: the connection ended, or no answer came") from error
        return found

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, *fields: tuple[str, str]) -> list[str]:
        """The lines of the response to one action. Events between them are skipped."""
        clean = [f"{name}: {' '.join(value.splitlines())}\r\n" for name, value in fields]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._writer.write("".join([*clean, "\r\n"]).encode())
                while True:
                    lines = await self._message()
                    if any(line.startswith("Response:") for line in lines):
                        return lines
        except FAILURES as error:
            raise PbxError(f"{self.where}: the connection ended, or no answer came") from error

    async def _message(self) -> list[str]:
        """The lines of the next message."""
        lines = []
        while line := (await self._reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n"):
            lines.append(line)
        return lines


def _known(told: str, command: str, where: str) -> str:
    """The console's output. Raises PbxError if it does not know the command."""
    if told.lstrip().startswith("No such command"):
        raise PbxError(f"{where}: it has no command `{command}`; load its module (`module show` lists the modules)")
    return told


def _message(answer: list[str]) -> str:
    told = next((line.removeprefix("Message: ") for line in answer if line.startswith("Message:")), "refused")
    return told.rstrip(".")
