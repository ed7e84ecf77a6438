"""What both listeners share."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from ..clock import Clock
from ..config import LOOPBACK as LOOPBACK_PEERS
from ..config import networks

Networks = Sequence[IPv4Network | IPv6Network]
LOOPBACK: Networks = tuple(networks(LOOPBACK_PEERS))
SAID_EVERY_S = 10.0  # between two log lines of the same kind about connections without a call


class Flood:
    """Connections of one kind, for the log: a flood of them must not fill the disk."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._count, self._quiet_until = clock, 0, -math.inf

    def counted(self) -> int:
        """One more. How many there were since the last line; 0 if it is too early for another line."""
        self._count += 1
        now = self._clock.monotonic()
        if now < self._quiet_until:
            return 0
        count, self._count, self._quiet_until = self._count, 0, now + SAID_EVERY_S
        return count


def is_allowed(peer: str, peers: Networks) -> bool:
    """Whether the address of a socket is in one of the networks. Without networks, no address is."""
    address = ip_address(peer.partition("%")[0])  # fe80::1%eth0
    if isinstance(address, IPv6Address) and address.ipv4_mapped:  # an IPv4 peer of a socket that listens on ::
        address = address.ipv4_mapped
    return any(address in network for network in peers)


def listen_error(what: str, section: str, host: str, port: int, error: OSError, key: str = "listen") -> str:
    """One line for a port that cannot be opened."""
    why = os.strerror(error.errno) if error.errno else str(error)
    return f"{what} cannot listen on {host}:{port}: {why}; stop what uses it, or set {section}.{key} to another address"
