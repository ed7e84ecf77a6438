"""A PostgreSQL server of our own, where this machine has the program."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))


class Cluster:
    """A server on a free port. It does not run as root."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.databases = 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(directory, self.user)
        self.run("initdb", "-D", f"{directory}/data", "-A", "trust", "-U", "bargein", "--no-sync")
        self.start()
        self.url = f"postgresql://bargein@127.0.0.1:{self.port}/postgres"

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        self.databases += 1
        name = f"calls{self.databases}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bargein", name)
        return self.url.replace("/postgres", f"/{name}")

    def run(self, program: str, *words: str) -> None:
        command = [str(FOUND[-1].parent / program), *words]
        subprocess.run(command, user=self.user, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", f"{self.directory}/data", "-o", options, "-l", f"{self.directory}/log", "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.directory}/data", "-m", "immediate", "-w", "stop")
