"""What both listeners share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from ..config import LOOPBACK as LOOPBACK_PEERS
from ..config import networks

Networks = Sequence[IPv4Network | IPv6Network]
LOOPBACK: Networks = tuple(networks(LOOPBACK_PEERS))


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
