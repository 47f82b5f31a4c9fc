"""The key that a request shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.rest.security.headers import values
from mcp_memory.rest.security.refused import Refused

if TYPE_CHECKING:
    from starlette.types import Scope


def credential(scope: Scope) -> str:
    """The secret in `Authorization` (as a bearer token, or bare) or in `X-API-Key`; empty where there is none.

    Raises:
        Refused: 401, where there are several that differ.
    """
    shown = {_bearer(text) for text in values(scope, b"authorization")}
    shown |= {text.strip() for text in values(scope, b"x-api-key")}
    shown.discard("")
    if len(shown) > 1:
        raise Refused(401, "several_keys", "A request shows one API key; this one shows several.")
    return shown.pop() if shown else ""


def _bearer(text: str) -> str:
    scheme, _, token = text.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else text.strip()
