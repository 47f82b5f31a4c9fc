"""Answers that pages of allowed origins may read. Without such origins there is no header of this kind anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.rest.security.headers import value

if TYPE_CHECKING:
    from starlette.types import Scope

METHODS: Final = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS: Final = (
    "Authorization, Content-Type, X-API-Key, X-Request-ID, X-Session-ID, X-Workspace-ID, Last-Event-ID, "
    "Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name"
)
ANSWER_HEADERS: Final = (
    "X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, WWW-Authenticate, "
    "Mcp-Session-Id"
)
MAX_AGE_SECONDS: Final = 600


def shared(scope: Scope) -> dict[str, str]:
    """The headers that let the page that sent this read the answer; never with cookies or the like."""
    return {
        "Access-Control-Allow-Origin": value(scope, b"origin"),
        "Access-Control-Expose-Headers": ANSWER_HEADERS,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks beforehand what a page may send."""
    return scope["method"] == "OPTIONS" and bool(value(scope, b"access-control-request-method"))


PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": REQUEST_HEADERS,
    "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
}
"""What it is told."""
