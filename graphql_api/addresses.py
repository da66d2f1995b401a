"""Who a client is by address: what attempts and streams are counted under."""

from __future__ import annotations

import functools
import ipaddress

from starlette.requests import HTTPConnection

# Whoever has one IPv6 address has the whole network behind it.
IPV6_PREFIX = 64
UNKNOWN = "unknown"


def client_address(connection: HTTPConnection) -> str:
    """Return the address of a client as text: an IPv4 address, or the /64 network of an IPv6 address.

    It is the peer of the connection. What X-Forwarded-For says stands in for it where the peer is a proxy of
    LAB_TUTOR_TRUSTED_PROXIES, and nowhere else.
    """
    return _address(connection.client.host if connection.client else "")


@functools.lru_cache(4_096)
def _address(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host or UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
