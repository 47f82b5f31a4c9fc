"""Who calls, as the security middleware found out; it is kept in the ASGI scope's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may do these things. Without any keys everybody on this machine may do everything."""

    name: str = "http"
    """Whose the writes are."""
    rights: frozenset[str] = frozenset(("read", "write", "admin"))
    workspace_id: str = ""
    """The only workspace the key may see; empty: all."""
    key_id: str = ""

    def allows(self, right: str) -> bool:
        """Whether the caller may do this; who may administrate may do everything."""
        return right in self.rights or "admin" in self.rights


LOCAL = Caller()


def caller_of(request: Request) -> Caller:
    """Who sent the request."""
    found: Any = request.scope.get("state", {}).get("caller", LOCAL)
    return found if isinstance(found, Caller) else LOCAL
