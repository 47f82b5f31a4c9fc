"""API keys: who may come in, known by what their secret hashes to."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from mcp_memory.errors import UnknownRecord
from mcp_memory.models.administration import ApiKey, KeyCounts
from mcp_memory.models.base import stamp
from mcp_memory.storage.sqlite import journal
from mcp_memory.storage.sqlite.filters import strings
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mcp_memory.storage.sqlite.connection import Connection


def create(connection: Connection, key: ApiKey, digest: bytes, author: str) -> ApiKey:
    """Keep a new key."""
    bindings = {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "hash": digest,
        "scopes": journal.dumps(key.scopes),
        "workspace_id": key.workspace_id or "",
        "created_at": stamp(key.created_at),
        "expires_at": None if key.expires_at is None else stamp(key.expires_at),
    }
    connection.run(sql("insert_key"), bindings)
    told = {"prefix": key.prefix, "scopes": key.scopes}
    journal.record_event(connection, key.workspace_id or "", "key.create", key.id, author, told)
    return key


def every(connection: Connection) -> list[ApiKey]:
    """All of them, newest first."""
    return [_key_of(row) for row in connection.rows(sql("keys"))]


def with_digest(connection: Connection, digest: bytes) -> ApiKey | None:
    """The key, whatever its state. The index finds it; whether it is the one is then asked in constant time."""
    row = connection.first(sql("key_by_hash"), (digest,))
    return _key_of(row[:-1]) if row is not None and hmac.compare_digest(row[-1], digest) else None


def revoke(connection: Connection, reference: str, at: datetime, author: str) -> ApiKey:
    """Revoke a key by its id or prefix."""
    row = connection.first(sql("key_by_reference"), (reference,))
    if row is None:
        raise UnknownRecord(f"There is no API key {reference!r}; list the keys to see their ids and prefixes.")
    key = _key_of(row)
    if key.revoked_at is not None:
        return key
    connection.run(sql("revoke_key"), (stamp(at), key.id))
    journal.record_event(connection, key.workspace_id or "", "key.revoke", key.id, author, {"prefix": key.prefix})
    return key.model_copy(update={"revoked_at": at})


def record_use(connection: Connection, key_ids: Sequence[str], at: datetime) -> None:
    """Note that keys were used."""
    connection.run(sql("note_key_use"), {"ids": strings(tuple(key_ids)), "at": stamp(at)})


def count(connection: Connection, now: datetime) -> KeyCounts:
    """How many there are, and how many open something."""
    [[made, active]] = connection.rows(sql("count_keys"), (stamp(now),))
    return KeyCounts(made=made, active=active)


def _key_of(row: Sequence[Any]) -> ApiKey:
    id_, name, prefix, scopes, workspace_id, created, expires, revoked, used = row
    return ApiKey(
        id=id_, name=name, prefix=prefix, scopes=json.loads(scopes), workspace_id=workspace_id or None,
        created_at=created, expires_at=expires, revoked_at=revoked, last_used_at=used,
    )  # fmt: skip
