"""A real Asterisk, run from scripts/install-asterisk's folder with the dialplans of asterisk-conf/."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from bargein.pbx.dialplan import Plan, render
from bargein.pbx.tell import LOGS

REPOSITORY = Path(__file__).parents[2]
SHIPPED = REPOSITORY / "asterisk-conf"
# every module reads one, and most are content with nothing
EMPTY = ("acl", "ccss", "features", "geolocation", "http", "pjproject", "stasis", "statsd", "udptl")
BOOT_S = 60.0
RTP_PORTS = 400


def installed() -> Path:
    """Where Asterisk is, or would be."""
    return Path(os.environ.get("BARGEIN_ASTERISK") or REPOSITORY / "var" / "asterisk").resolve()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nothing uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _without_queue(text: str) -> str:
    """A dialplan whose queue does not exist, at extensions that begin with 9: 700 is 9700."""
    text = text.replace("support", "suport").replace("400", "499").replace("bargein-", "lost-")
    text = text.replace("Gosub(bargein,", "Gosub(lost,").replace(
        "GosubIf(${DIALPLAN_EXISTS(bargein,s,1)}?bargein", "GosubIf(${DIALPLAN_EXISTS(lost,s,1)}?lost"
    )
    text = text.replace("[bargein]", "[lost]").replace("[from-internal-custom]", "[from-internal]")
    text = "\n".join(
        line for line in text.splitlines() if not line.startswith(("#include", "BARGEIN_HOURS", "[globals]"))
    )
    return text.replace("exten => 7", "exten => 97") + "\n"


class Asterisk:
    """`start`, then call `sip_port`. The dialplans ask for an agent at `agi_port`, failover also at `agi_port_2`."""

    def __init__(self, home: Path) -> None:
        self.sip_port = free_port(socket.SOCK_DGRAM)
        self.member_port = free_port(socket.SOCK_DGRAM)
        self.ami_port = free_port()
        self.agi_port = free_port()
        self.agi_port_2 = free_port()
        self._home = home
        self._run = Path(tempfile.mkdtemp(prefix="bargein-pbx-"))  # short: a Unix socket's path ends at 107 bytes
        self._process: subprocess.Popen[bytes]
        self.log_of_start = ""  # what it has logged until it was up

    def start(self) -> None:
        """Write the configuration and wait until it is fully up. Raises RuntimeError with the end of its log."""
        for folder in ("etc", "run", "log", "log/cdr-csv", "log/cel-custom", "db", "spool", "var"):
            (self._run / folder).mkdir()
        self._configure()
        command = [str(self._home / "asterisk"), "-C", str(self._run / "etc/asterisk.conf"), "-f", "-n"]
        with open(self._run / "log/console", "wb") as console:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        give_up = time.monotonic() + BOOT_S
        while "fully booted" not in self.cli("core waitfullybooted"):
            if self._process.poll() is not None or time.monotonic() > give_up:
                tail = (self._run / "log/console").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Asterisk does not start:\n{tail}")
            time.sleep(0.1)
        self.log_of_start = self.log()

    def stop(self) -> None:
        """End it, and remove what it wrote."""
        self.cli("core stop now")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._run, ignore_errors=True)

    @property
    def console(self) -> str:
        """The program to ask it with, as `bargein doctor --asterisk` takes it."""
        return f"{self._home / 'asterisk'} -C {self._run / 'etc/asterisk.conf'}"

    def cli(self, command: str) -> str:
        """A console command's output."""
        arguments = [*self.console.split(), "-rx", command]
        return subprocess.run(arguments, capture_output=True, text=True, errors="replace", check=False).stdout

    async def originate(self, channel: str, context: str, exten: str, **variables: str) -> None:
        """Call `channel`, and when it answers run the extension: AMI's Originate as outbound.conf tells it."""
        fields = {"Action": "Originate", "Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}
        lines = [*fields.items(), ("Async", "true"), *(("Variable", "=".join(v)) for v in variables.items())]
        text = "Action: Login\r\nUsername: test\r\nSecret: test\r\nEvents: off\r\n\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ami_port)
        writer.write(text.encode())
        async with asyncio.timeout(5):
            await reader.readuntil(b"successfully queued")
        writer.close()

    def log(self) -> str:
        """All that it has logged."""
        return (self._run / "log/full").read_text(errors="replace")

    @property
    def logs(self) -> Path:
        """The folder of its own logs: cdr-csv/Master.csv, cel-custom/Master.csv, queue_log."""
        return self._run / "log"

    def messages(self, mailbox: str) -> Path:
        """The folder of the new messages of a mailbox."""
        return self._run / "spool/voicemail/default" / mailbox / "INBOX"

    def _configure(self) -> None:
        rtp = free_port(socket.SOCK_DGRAM)
        first = rtp - rtp % 2 if rtp < 65535 - RTP_PORTS else rtp - RTP_PORTS
        values = {
            "@RUN@": self._run,
            "@INSTALLED@": self._home,
            "@MULTIARCH@": (self._home / "multiarch").read_text().strip(),
            "@SIP@": self.sip_port,
            "@AMI@": self.ami_port,
            "@MEMBER@": self.member_port,
            "@RTP_FIRST@": first,
            "@RTP_LAST@": first + RTP_PORTS,
            "10.0.0.11:4573": f"127.0.0.1:{self.agi_port}",
            "10.0.0.12:4573": f"127.0.0.1:{self.agi_port_2}",
            "127.0.0.1:4573": f"127.0.0.1:{self.agi_port}",
        }
        etc = self._run / "etc"
        (self._run / "var/moh").mkdir()
        music = 4000 * np.sin(2 * np.pi * 500 * np.arange(5 * 8000) / 8000)
        (self._run / "var/moh/music.sln").write_bytes(music.astype("<i2").tobytes())
        files = {f"{name}.conf": "" for name in EMPTY}
        files |= {path.name: path.read_text() for path in sorted((Path(__file__).parent / "etc").glob("*.conf"))}
        shipped = {path.name: path.read_text() for path in sorted(SHIPPED.glob("*.conf"))}
        files["bargein-modules.conf"] = shipped.pop("modules.conf")
        files |= shipped
        files["extension-dial.conf"] = render(Plan("701", "support", app="dial"))
        files["extension-record.conf"] = render(Plan("702", "support", record=True))
        files["extension-logs.conf"] = render(Plan("704", "screen", logs=LOGS))
        files["extension-warm.conf"] = render(Plan("705", "screen", warm="music", back="callback", patience_s=3))
        files["extension-voicemail.conf"] = render(Plan("707", "screen", voicemail="100@default"))
        files["extension-no-mailbox.conf"] = render(Plan("708", "screen", voicemail="no-such@default"))
        files["extension-onward.conf"] = render(
            Plan("*73", "support", dialogue="night", variables=("ACCOUNT",), onward="survey,start,1")
        )
        files["extension-nowhere.conf"] = render(Plan("*74", "support", onward="no-such-place,start,1"))
        with_queue = [text for text in (*shipped.values(), files["extension-dial.conf"]) if "exten =>" in text]
        files["lost.conf"] = "".join(map(_without_queue, with_queue))
        for name, text in files.items():
            for placeholder, value in values.items():
                text = text.replace(placeholder, str(value))
            (etc / name).write_text(text)
