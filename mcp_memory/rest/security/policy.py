"""What the HTTP door lets in, parsed from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import SettingsError
from mcp_memory.rest.security.authority import Authority, Origin, parse_authority, parse_origin
from mcp_memory.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.settings import Settings

EVERYWHERE: Final = frozenset(("0.0.0.0", "::"))  # noqa: S104 - compared with, not bound
"""Addresses that mean all of this machine's, and so name none of them."""

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of the door. All times are in seconds."""

    hosts: frozenset[Authority] = frozenset()
    """What requests may name as Host besides loopback; one without a port is any port."""
    origins: frozenset[Origin] = frozenset()
    """Whose web pages may call, besides this server's own."""
    require_key: bool = False
    body_bytes: int = 2 * MIB
    rate_per_minute: int = 240
    """0: any number."""
    failures_per_minute: int = 12
    timeout: float = 60.0
    """How long a request may take until its answer begins, and then between two parts of the answer."""

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy that the settings describe.

        Raises:
            SettingsError: a host or an origin is none.
        """
        hosts = _hosts(settings.http_allowed_hosts)
        bound = parse_authority(f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host)
        if bound is not None and bound.name not in EVERYWHERE:
            hosts |= {bound}
        return cls(
            hosts=hosts,
            origins=_origins(settings.http_allowed_origins),
            require_key=settings.http_require_key,
            body_bytes=settings.http_body_mb * MIB,
            rate_per_minute=settings.http_rate_per_minute,
            failures_per_minute=settings.http_auth_failures_per_minute,
            timeout=settings.http_timeout,
        )

    def serves(self, host: Authority) -> bool:
        """Whether a request may name this host."""
        return host.is_loopback or host in self.hosts or Authority(host.name) in self.hosts


def check_bind(host: str, has_keys: bool, allowed_hosts: str = "") -> None:
    """Let nobody but this machine's own callers in without a key; `has_keys`: whether one was ever made.

    Raises:
        SettingsError: says how to make one.
    """
    beyond = [one for one in (host, *listed(allowed_hosts)) if not _is_this_machine(one)]
    if beyond and not has_keys:
        raise SettingsError(
            f"Serving as {beyond[0]} opens the memory beyond this machine, and there is no API key yet. Make one with "
            f"`mcp-memory keys create NAME`, or serve on 127.0.0.1 ({PREFIX}HTTP_HOST) without "
            f"{PREFIX}HTTP_ALLOWED_HOSTS."
        )


def listed(text: str) -> Sequence[str]:
    """The parts of a setting with commas in it."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_this_machine(host: str) -> bool:
    authority = parse_authority(f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host)
    return authority is not None and authority.is_loopback


def _hosts(text: str) -> frozenset[Authority]:
    return frozenset(_host(part) for part in listed(text))


def _host(part: str) -> Authority:
    authority = parse_authority(part)
    if authority is None:
        raise SettingsError(
            f"{PREFIX}HTTP_ALLOWED_HOSTS names {part!r}, which is no host; write names like memory.example.org or "
            "[2001:db8::1]:8443, with commas between them and without * or http://."
        )
    return authority


def _origins(text: str) -> frozenset[Origin]:
    return frozenset(_origin(part) for part in listed(text))


def _origin(part: str) -> Origin:
    origin = parse_origin(part)
    if origin is None:
        raise SettingsError(
            f"{PREFIX}HTTP_ALLOWED_ORIGINS names {part!r}, which is no origin; write origins like "
            "https://app.example.org or http://localhost:3000, with commas between them, without * or a path."
        )
    return origin
