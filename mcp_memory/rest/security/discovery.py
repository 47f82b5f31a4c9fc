"""What a client that is turned away is told about getting in: RFC 6750's challenge and RFC 9728's document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.security.headers import value

if TYPE_CHECKING:
    from starlette.types import Scope

    from mcp_memory.rest.security.refused import Refused

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

PLACES: Final = ("/.well-known/oauth-", "/.well-known/openid-configuration")
"""Where clients look for a way in."""

MCP_PATHS: Final = ("/mcp", "/sse", "/messages")


def challenge(scope: Scope, refused: Refused) -> str:
    """The value of `WWW-Authenticate`. Without a key nothing is wrong yet, so no error is named."""
    parts = ['realm="mcp-memory"']
    if refused.reason != "no_key":
        parts += ['error="invalid_token"', f'error_description="{refused.detail}"']
    path = mcp_path(scope["path"])
    if path:
        parts.append(f'resource_metadata="{_base(scope)}{WELL_KNOWN}{path}"')
    return f"Bearer {', '.join(parts)}"


def document(scope: Scope) -> dict[str, Any] | None:
    """What the path describes; None where it is no place for descriptions.

    There is no authorization server to name: keys are made by whoever runs the server.

    Raises:
        Refusal: 404, where clients look for such a server: a 401 there would send them on looking.
    """
    if not scope["path"].startswith(PLACES) or scope["method"] not in ("GET", "HEAD"):
        return None
    resource = scope["path"].removeprefix(WELL_KNOWN)
    if resource not in ("", *MCP_PATHS):
        raise Refusal(404, "Not Found")
    return {
        "resource": f"{_base(scope)}{resource}",
        "resource_name": "mcp-memory",
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["read", "write", "admin"],
    }


def mcp_path(path: str) -> str:
    """The MCP door that the path is part of; empty for none."""
    return next((door for door in MCP_PATHS if path == door or path.startswith(f"{door}/")), "")


def _base(scope: Scope) -> str:
    """As the request names us; its Host is an allowed one."""
    return f"{scope.get('scheme', 'http')}://{value(scope, b'host').lower()}"
