"""Who calls: from the key that a request shows to a `Caller`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.errors import StoreError
from mcp_memory.rest.caller import LOCAL, Caller
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.security.authority import neighbourhood
from mcp_memory.rest.security.credentials import credential
from mcp_memory.rest.security.discovery import challenge
from mcp_memory.rest.security.rates import Buckets, too_many
from mcp_memory.rest.security.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from mcp_memory.models.administration import ApiKey
    from mcp_memory.rest.security.keys import KeyRing
    from mcp_memory.rest.security.policy import Policy
    from mcp_memory.rest.security.refused import Reason

ANYBODY: Final = Caller(name="", rights=frozenset())
"""Who asks for what needs no key: may do nothing else."""


class Authentication:
    """Finds out who calls. Failures are limited by address; a good key is let in however many failed beside it."""

    def __init__(self, ring: KeyRing, policy: Policy, clock: Callable[[], float]) -> None:
        self._ring = ring
        self._policy = policy
        self._failures = Buckets(policy.failures_per_minute, clock)

    async def key_of(self, scope: Scope, is_local: bool) -> ApiKey | None:
        """The key that lets the request in; None: it needs none.

        Raises:
            Refusal: 401 for no key or one that opens nothing, 429 for too many such, 503 while no key can be looked
                up.
        """
        try:
            if is_local and not await self._needed():
                return None
            return await self._active(credential(scope))
        except Refused as refused:
            self._count_failure(scope)
            refused.headers["WWW-Authenticate"] = challenge(scope, refused)
            raise
        except StoreError:
            raise Refusal(503, "API keys cannot be looked up now; try again later.", {"Retry-After": "5"}) from None

    async def _needed(self) -> bool:
        return self._policy.require_key or await self._ring.any_made()

    async def _active(self, secret: str) -> ApiKey:
        if not secret:
            raise _no(
                "no_key",
                "This server wants an API key: send it as `Authorization: Bearer KEY`. `mcp-memory keys create NAME`, "
                "run where the server runs, makes one.",
            )
        key = await self._ring.find(secret)
        if key is None:
            raise _no("unknown_key", "This API key is not known here.")
        state = await self._ring.state(key)
        if state == "expired":
            raise _no("expired_key", "This API key has expired; ask for a new one.", key.prefix)
        if state == "revoked":
            raise _no("revoked_key", "This API key was revoked; ask for a new one.", key.prefix)
        return key

    def _count_failure(self, scope: Scope) -> None:
        """Count it.

        Raises:
            Refused: 429, where there were too many.
        """
        standing = self._failures.take(address_of(scope))
        if not standing.allowed:
            detail = "Too many requests without a good API key; wait a little."
            raise too_many(standing, "too_many_failures", detail) from None


def caller_with(key: ApiKey | None) -> Caller:
    """Who has this key; without one somebody on this machine, who may do everything."""
    if key is None:
        return LOCAL
    rights = [right for right in ("read", "write", "admin") if key.allows(right)]
    return Caller(name=key.name, rights=frozenset(rights), workspace_id=key.workspace_id or "", key_id=key.id)


def address_of(scope: Scope) -> str:
    """Whom requests without a key are counted for."""
    client = scope.get("client")
    return neighbourhood(client[0]) if client else ""


def _no(reason: Reason, detail: str, prefix: str = "") -> Refused:
    refused = Refused(401, reason, detail)
    refused.key_prefix = prefix
    return refused
