"""API keys: random secrets, of which only the SHA-256 is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mcp_memory.models.administration import ApiKey, KeyCreated
from mcp_memory.models.base import stamp

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.administration import KeyCreate

SECRET_BYTES: Final = 32
"""256 random bits cannot be guessed, so a fast hash is safe and no slow one is needed."""

_SECRET: Final = re.compile(r"mcpm_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


async def create_key(resources: Resources, request: KeyCreate, scope: Scope) -> KeyCreated:
    """A new key; nobody can read its secret again."""
    prefix = f"mcpm_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    now = resources.now()
    key = ApiKey(
        id=f"key_{secrets.token_hex(8)}",
        name=request.name,
        prefix=prefix,
        scopes=sorted(set(request.scopes)),
        workspace_id=request.workspace_id or None,
        created_at=now,
        expires_at=None if request.expires_in is None else now + timedelta(seconds=request.expires_in),
    )
    await resources.store.create_key(key, _digest(secret), scope.author)
    return KeyCreated(key=key, secret=secret, message=_shown_once(key))


async def revoke_key(resources: Resources, reference: str, scope: Scope) -> ApiKey:
    """Revoke the key with this id or prefix.

    Raises:
        UnknownRecord: there is none.
    """
    return await resources.store.revoke_key(reference, resources.now(), scope.author)


async def find_key(resources: Resources, secret: str) -> ApiKey | None:
    """The key with this secret, whatever its state; None without asking the store where it can be no secret."""
    if not _SECRET.fullmatch(secret):
        return None
    return await resources.store.key_with(_digest(secret))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _shown_once(key: ApiKey) -> str:
    place = f"workspace {key.workspace_id}" if key.workspace_id else "every workspace"
    until = "until it is revoked" if key.expires_at is None else f"until {stamp(key.expires_at)}"
    return f"Keep the secret now, it is not shown again. {', '.join(key.scopes)} in {place}, {until}."
