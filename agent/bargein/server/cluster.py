"""Several workers behind one FastAGI port, as one server."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

from ..clock import Clock, SystemClock
from ..config import Config, networks, parse_address
from ..core.turns.records import CallInfo
from .fastagi import FastAgiServer
from .link import Message
from .metrics import MetricsServer
from .registry import Registry
from .supervisor import Supervisor

log = logging.getLogger(__name__)


class Cluster:
    """Call `start`; calls are then served until `drain`. `command` starts a worker, `play` is a WAV for all calls."""

    def __init__(
        self, config: Config, count: int, command: Sequence[str], play: str = "", clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        self.config = config
        self.fastagi: FastAgiServer
        self._metrics: MetricsServer
        registry = Registry(clock, ttl_s=config.fastagi.id_valid_s)
        settings = dict(enumerate(_settings(config, port, count, play) for port in worker_ports(config, count)))
        self.workers = Supervisor(count, command, settings, registry, clock)
        self._registry = registry

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return self.workers.calls

    @property
    def ports(self) -> list[int]:
        """The workers' AudioSocket ports."""
        return self.workers.ports

    @property
    def metrics_port(self) -> int:
        """The port of /metrics, also if 0 was configured."""
        return self._metrics.port

    async def start(self) -> None:
        """Start the workers, then listen for FastAGI. Raises UserError."""
        await self.workers.start()
        for section, peers in (("audiosocket", self.config.audiosocket.peers), ("fastagi", self.config.fastagi.peers)):
            if not peers:
                log.warning("%s.peers is empty: nobody may connect; add the address of your PBX", section)
        sock, agi = self.config.audiosocket, self.config.fastagi
        self.fastagi = FastAgiServer(
            self._registry,
            sock.advertise or sock.listen,
            peers=networks(agi.peers),
            max_connections=agi.max_connections,
            timeout_s=agi.timeout_ms / 1000,
            admit=self.workers.admits,
            place=self._place,
            after=self.workers.after,
            gone=self.workers.gone,
        )
        self._metrics = MetricsServer(self.workers.numbers, self.workers.health)
        try:
            await self.fastagi.start(*parse_address(agi.listen))
            if self.config.server.metrics:
                self._metrics.start(*parse_address(self.config.server.metrics))
        except BaseException:
            await self.workers.close()
            raise

    async def reload(self) -> None:
        """All workers read their flows again. Raises UserError if one cannot."""
        await self.workers.reload()

    async def drain(self) -> None:
        """Take no new calls. Calls in progress may last for `audiosocket.drain_s`."""
        await self.workers.drain(self.config.audiosocket.drain_s)
        await self.fastagi.drain()
        await asyncio.to_thread(self._metrics.close)

    async def _place(self, call_id: str, info: CallInfo) -> int:
        """The port for Asterisk. A proxy between has one port for each worker, in the same order."""
        port = await self.workers.place(call_id, info)
        sock = self.config.audiosocket
        if not sock.advertise:
            return port
        return parse_address(sock.advertise)[1] + port - parse_address(sock.listen)[1]


def worker_ports(config: Config, count: int) -> list[int]:
    """The AudioSocket ports: the configured one and those after it, without FastAGI's. All 0 if it is 0."""
    first, agi = parse_address(config.audiosocket.listen)[1], parse_address(config.fastagi.listen)[1]
    if first == 0:
        return [0] * count
    return [port for port in range(first, first + count + 1) if port != agi][:count]


def _settings(config: Config, port: int, count: int, play: str) -> Message:
    """A worker's settings: its own port, and its share of the calls."""
    host = parse_address(config.audiosocket.listen)[0]
    sock = dataclasses.replace(
        config.audiosocket,
        listen=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        max_calls=-(-config.audiosocket.max_calls // count),
    )
    return {"config": dataclasses.replace(config, audiosocket=sock).values(), "play": play}
