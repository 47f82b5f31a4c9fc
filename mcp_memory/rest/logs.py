"""The access log: one line for each request, and never what was asked, sent or answered.

A line has the path's template, since ids and names in a path can tell something; no query, no body, no secret.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

    from mcp_memory.rest.security.exchange import Exchange

access = logging.getLogger("mcp_memory.access")

UNKNOWN_PATH: Final = "(unknown)"
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Paths:
    """The templates of an app's routes."""

    def __init__(self, routes: Sequence[Any] = ()) -> None:
        """`routes` as Starlette has them: each with `path` and `path_regex`."""
        self._known = [(route.path_regex, route.path) for route in routes if hasattr(route, "path_regex")]

    def template(self, scope: Scope) -> str:
        """The path with names instead of what was put there; of a path nobody serves nothing."""
        path = scope["path"]
        return next((template for regex, template in self._known if regex.match(path)), UNKNOWN_PATH)


class RequestIds(logging.Filter):
    """Gives every record the id of the request it was written in, as `request_id`; `-` outside of any."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        from mcp_memory.rest.security.exchange import REQUEST_ID

        record.request_id = REQUEST_ID.get() or "-"
        return True


def method_of(scope: Scope) -> str:
    """The method, if it is a usual one: others are whatever somebody sent."""
    return scope["method"] if scope["method"] in METHODS else "OTHER"


def log_access(exchange: Exchange, path: str) -> None:
    """One line: what was asked for, how it ended, how long it took (ms), bytes in and out, the key's prefix, the id."""
    access.info(
        "%s %s %d %.1fms in=%d out=%d key=%s id=%s%s",
        method_of(exchange.scope),
        path,
        exchange.status,
        (time.monotonic() - exchange.began) * 1000,
        exchange.received,
        exchange.sent,
        exchange.key_prefix or "-",
        exchange.id,
        "" if exchange.complete else " unfinished",
    )
