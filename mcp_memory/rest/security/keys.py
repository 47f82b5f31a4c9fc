"""API keys as the door knows them: asked of the store, and believed for two seconds."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from mcp.server.auth.provider import AccessToken
    from starlette.types import Scope

    from mcp_memory.core.memory import Memory
    from mcp_memory.models.administration import ApiKey

BELIEVED_SECONDS: Final = 2.0
"""How long a key that was found is let in without asking again: a revoked one is out after that."""

MOST_BELIEVED: Final = 1_000
"""Keys that are remembered at once; with more than that in use, all are asked for again."""

USES_SECONDS: Final = 15.0
"""How long uses are gathered before they are written in one transaction."""


class KeyRing:
    """The keys of a memory. Keeps no secret: keys are remembered by a hash that only this process can make."""

    def __init__(self, memory: Callable[[], Awaitable[Memory]], clock: Callable[[], float]) -> None:
        self._memory = memory
        self._clock = clock
        self._pepper = secrets.token_bytes(32)
        self._believed: dict[bytes, tuple[ApiKey, float]] = {}
        self._made = False
        self._asked_at = -BELIEVED_SECONDS

    async def find(self, secret: str) -> ApiKey | None:
        """The key with this secret, whatever its state; None where there is none, which is never remembered.

        Raises:
            StoreError: the store cannot be asked.
        """
        mark = hashlib.blake2b(secret.encode(), key=self._pepper, digest_size=32).digest()
        found, until = self._believed.get(mark, (None, 0.0))
        if found is not None and self._clock() < until:
            return found
        key = await (await self._memory()).find_key(secret)
        self._believed.pop(mark, None)
        if key is not None:
            self._remember(mark, key)
        return key

    async def any_made(self) -> bool:
        """Whether a key was ever made. Once yes, always yes: revoking the last one opens no door.

        Raises:
            StoreError: the store cannot be asked.
        """
        if not self._made and self._clock() >= self._asked_at + BELIEVED_SECONDS:
            self._made = await (await self._memory()).has_keys()
            self._asked_at = self._clock()
        return self._made

    async def state(self, key: ApiKey) -> str:
        """Whether it opens anything now: `active`, `expired` or `revoked`."""
        return key.state((await self._memory()).resources.now())

    async def note_use(self, key_ids: Iterable[str]) -> None:
        """Write down that these were used.

        Raises:
            StoreError: the store cannot be written.
        """
        memory = await self._memory()
        await memory.note_key_use(list(key_ids), memory.resources.now())

    def _remember(self, mark: bytes, key: ApiKey) -> None:
        if len(self._believed) >= MOST_BELIEVED:
            self._believed.clear()
        self._believed[mark] = (key, self._clock() + BELIEVED_SECONDS)


@contextmanager
def acting_with(key: ApiKey | None, scope: Scope) -> Iterator[None]:
    """Let the SDK know whose request this is: its sessions then belong to the key that began them."""
    if key is None:
        yield
        return
    from mcp.server.auth.middleware.auth_context import auth_context_var
    from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
    from starlette.authentication import AuthCredentials

    scope["user"] = AuthenticatedUser(access_token(key))
    scope["auth"] = AuthCredentials(list(key.scopes))
    context = auth_context_var.set(scope["user"])
    try:
        yield
    finally:
        auth_context_var.reset(context)


def access_token(key: ApiKey) -> AccessToken:
    """The key in the SDK's words: without its secret, which nothing below needs."""
    from mcp.server.auth.provider import AccessToken

    return AccessToken(
        token=key.prefix,
        client_id=key.id,
        scopes=list(key.scopes),
        expires_at=None if key.expires_at is None else int(key.expires_at.timestamp()),
        subject=key.id,
        claims={"name": key.name, "workspace_id": key.workspace_id or ""},
    )
