"""Which network addresses a message may be sent to: public ones, and hosts that the deployment names.

A server that posts to any address somebody types would let them reach what only it can reach: its own
machine, its neighbours, the cloud's metadata. So a name is resolved once, every address that it has is
looked at, and the connection is made to an address that was looked at, whatever the name says later.
"""

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}
LONGEST = 2000  # characters of an address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Ranges through which another network is reached, whatever they may lead to.
TUNNELS = tuple(
    ipaddress.ip_network(one) for one in ("2002::/16", "2001::/32", "64:ff9b:1::/48", "fec0::/10")
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(ValueError):
    """Nothing may be sent there; the message says why."""


@dataclass(frozen=True)
class Target:
    """Where a message goes: what the address says, and the one network address it was found to be."""

    scheme: str
    host: str
    port: int
    path: str  # with its query
    ip: str = ""

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str, *, allowed: Collection[str]) -> Target:
    """The parts of an address that messages might be sent to; nothing is looked up.

    Args:
        allowed: hosts that the deployment names, for which plain HTTP and private addresses are fine.

    Raises:
        Forbidden: no address, not HTTPS, or with a name and password inside.
    """
    if len(url) > LONGEST or any(not char.isprintable() or char.isspace() for char in url):
        raise Forbidden("This is no address.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as problem:
        raise Forbidden("This is no address.") from problem
    if parts.scheme not in PORTS or not host:
        raise Forbidden("An address begins with https:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise Forbidden("Leave name and password out of the address: the signature says who is calling.")
    try:
        host = host if ":" in host else host.encode("idna").decode("ascii")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        path.encode("ascii")
    except UnicodeError as problem:
        raise Forbidden("This is no address.") from problem
    if parts.scheme != "https" and host not in allowed:
        raise Forbidden("Messages are sent over https:// only.")
    if "%" in host or port == 0:
        raise Forbidden("This is no address.")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def resolve(url: str, *, allowed: Collection[str]) -> Target:
    """Where to connect: the address is looked up once, and each network address of it checked.

    Raises:
        Forbidden: see `read`, or one of its network addresses is not public.
        OSError: the name cannot be looked up.
    """
    target = read(url, allowed=allowed)
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    ips = list(dict.fromkeys(str(one[4][0]) for one in found))
    if target.host not in allowed:
        for ip in ips:
            if not is_public(ip):
                named = ip if ip == target.host else f"{target.host} is {ip}, which"
                raise Forbidden(f"{named} is not a public address.")
    if not ips:
        raise OSError(f"{target.host} has no address")
    return Target(target.scheme, target.host, target.port, target.path, ips[0])


def is_public(text: str) -> bool:
    """Whether an IP address can be reached by everybody: neither this machine, nor a private or shared
    network, nor link-local (where clouds keep their metadata), nor a group, nor a way into one of those."""
    try:
        ip: Address = ipaddress.ip_address(text)
    except ValueError:  # with a zone, or nothing known
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if any(ip in network for network in TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified
