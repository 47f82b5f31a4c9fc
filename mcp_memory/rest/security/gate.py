"""Where a request says it goes to and comes from: the Host and the Origin, against DNS rebinding and foreign pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.rest.security.authority import Authority, Origin, is_loopback, parse_authority, parse_origin
from mcp_memory.rest.security.headers import value, values
from mcp_memory.rest.security.refused import Refused

if TYPE_CHECKING:
    from starlette.types import Scope

    from mcp_memory.rest.security.policy import Policy

FORWARDED: Final = frozenset(
    (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via")
)
"""What proxies add: a request with one of these did not begin on this machine, whatever its address says."""


def addressed(scope: Scope, policy: Policy) -> Authority:
    """The host that the request is for.

    Raises:
        Refused: 421, where it is for another one, for several, or for none.
    """
    if not scope.get("raw_path", scope["path"].encode()).startswith(b"/"):
        raise Refused(421, "foreign_target", "This server is no proxy; ask for a path that begins with a slash.")
    hosts = values(scope, b"host")
    if len(hosts) != 1:
        raise Refused(421, "foreign_host", f"A request names one Host; this one has {len(hosts)}.")
    host = parse_authority(hosts[0])
    if host is None or not policy.serves(host):
        raise Refused(
            421,
            "foreign_host",
            "This server does not answer to the Host that the request names; whoever runs it can allow that in "
            "MCP_MEMORY_HTTP_ALLOWED_HOSTS.",
        )
    return host


def origin_of(scope: Scope, host: Authority, policy: Policy) -> Origin | None:
    """The allowed foreign page that sent the request; None for this server's own pages and for no page.

    Raises:
        Refused: 403, where another page sent it.
    """
    origins = values(scope, b"origin")
    if not origins:
        _refuse_foreign_page(scope)
        return None
    origin = parse_origin(origins[0]) if len(origins) == 1 else None
    if origin is not None and origin.is_of(host):
        return None
    if origin is None or origin not in policy.origins:
        raise _foreign()
    return origin


def is_local(scope: Scope, host: Authority) -> bool:
    """Whether the request began on this machine, as far as can be seen."""
    client = scope.get("client")
    forwarded = any(name.lower() in FORWARDED for name, _ in scope["headers"])
    return client is not None and is_loopback(client[0]) and host.is_loopback and not forwarded


def _refuse_foreign_page(scope: Scope) -> None:
    """Images and scripts of foreign pages are fetched without an Origin; browsers say in another header what they are.

    Raises:
        Refused: 403, but not where a person follows a link here.
    """
    site, mode = value(scope, b"sec-fetch-site"), value(scope, b"sec-fetch-mode")
    follows_link = mode == "navigate" and scope["method"] == "GET"
    if site in ("cross-site", "same-site") and not follows_link:
        raise _foreign()


def _foreign() -> Refused:
    return Refused(
        403,
        "foreign_origin",
        "Web pages of that origin may not call this server; whoever runs it can allow that in "
        "MCP_MEMORY_HTTP_ALLOWED_ORIGINS.",
    )
