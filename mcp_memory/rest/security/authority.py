"""Names of servers as requests give them: parsed strictly, compared in one form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

REMEMBERED: Final = 1024
"""Texts whose meaning is kept: nearly all requests come with the same few."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?)(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<rest>[^/?#@\\]+)")


@dataclass(frozen=True, slots=True)
class Authority:
    """A host, in small letters, without brackets or a dot at its end; and the port, if one was said."""

    name: str
    port: int | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether it can only be this machine."""
        return self.name == "localhost" or is_loopback(self.name)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a web page comes from."""

    scheme: str
    name: str
    port: int

    def is_of(self, host: Authority) -> bool:
        """Whether a page of this origin came from that host. TLS may end before us, so the scheme is the page's."""
        return (self.name, self.port) == (host.name, host.port or DEFAULT_PORTS[self.scheme])


@lru_cache(maxsize=REMEMBERED)
def parse_authority(text: str) -> Authority | None:
    """A host with or without a port; None for anything else: user names, lists, paths, white space."""
    found = _AUTHORITY.fullmatch(text.lower()) if text.isascii() else None
    if found is None:
        return None
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port <= 65_535:
        return None
    if found["six"] is None:
        return Authority(found["name"], port)
    try:
        return Authority(IPv6Address(found["six"]).compressed, port)
    except AddressValueError:
        return None


@lru_cache(maxsize=REMEMBERED)
def parse_origin(text: str) -> Origin | None:
    """An origin of http or https; None for anything else, `null` too."""
    found = _ORIGIN.fullmatch(text.lower()) if text.isascii() else None
    authority = parse_authority(found["rest"]) if found else None
    if found is None or authority is None:
        return None
    scheme = found["scheme"]
    return Origin(scheme, authority.name, authority.port or DEFAULT_PORTS[scheme])


@lru_cache(maxsize=REMEMBERED)
def is_loopback(address: str) -> bool:
    """Whether it is an address of this machine alone."""
    try:
        return (IPv6Address(address) if ":" in address else IPv4Address(address)).is_loopback
    except AddressValueError:
        return False


@lru_cache(maxsize=REMEMBERED)
def neighbourhood(address: str) -> str:
    """Whom an address counts as: itself; of IPv6 its /64, since whoever has one address there has all."""
    try:
        six = IPv6Address(address)
    except AddressValueError:
        return address
    if six.ipv4_mapped is not None:
        return str(six.ipv4_mapped)
    return f"{IPv6Address(int(six) >> 64 << 64)}/64"
