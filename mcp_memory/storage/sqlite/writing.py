"""Remembering: new memories, and confirmations of those that are there."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mcp_memory.errors import InvalidRequest
from mcp_memory.models.base import stamp
from mcp_memory.models.memory import Memory
from mcp_memory.storage.base import Added
from mcp_memory.storage.sqlite import encoders, journal, scope
from mcp_memory.storage.sqlite.filters import integers
from mcp_memory.storage.sqlite.reading import load
from mcp_memory.storage.sqlite.rows import bindings_of
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.storage.sqlite.words import context_of, group_for, index_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.search import Draft
    from mcp_memory.storage.sqlite.connection import Connection


def new_id(prefix: str) -> str:
    """An id nobody has: the prefix and 16 hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(8)}"


def add(connection: Connection, drafts: Sequence[Draft], identity: EncoderIdentity | None) -> list[Added]:
    """Write drafts: each becomes a memory, or confirms the one that says the same."""
    change = journal.next_change(connection)
    return [_add(connection, draft, identity, change) for draft in drafts]


def _add(connection: Connection, draft: Draft, identity: EncoderIdentity | None, change: int) -> Added:
    _require_open_session(connection, draft)
    workspace = ensure_scope(connection, draft.workspace_id, draft.context_id, stamp(draft.created_at))
    vector = None if draft.vector is None or identity is None else encoders.as_blob(draft.vector, identity)
    encoder = None if vector is None or identity is None else encoders.ensure(connection, identity)
    twin = find_twin(connection, workspace, draft)
    if twin is not None:
        return _confirm(connection, twin, draft, encoder, vector, change)
    key = scope.next_key(connection, workspace)
    added = Added(insert(connection, _memory(draft, vector), key, change), key, "created")
    if encoder is not None and vector is not None:
        encoders.keep_vector(connection, encoder, key, vector)
        encoders.index_vector(connection, encoder, key, vector)
    record(connection, added, "created", draft.author or "", "memory.remember")
    return added


def _require_open_session(connection: Connection, draft: Draft) -> None:
    """A note written after its session has ended would be found by nobody."""
    if draft.type == "working" and draft.session_id and connection.rows(sql("has_ended"), (draft.session_id,)):
        raise InvalidRequest(
            f"The session {draft.session_id!r} has ended, so it takes no more working memories; start a new session, "
            "or give the memory another type."
        )


def ensure_scope(connection: Connection, workspace_id: str, context_id: str, now: str) -> int:
    """The workspace's number; workspace and context are created where they are missing."""
    workspace = scope.ensure_workspace(connection, workspace_id, "", now)
    scope.ensure_context(connection, workspace, context_id, now)
    return workspace


def find_twin(connection: Connection, workspace: int, one: Draft | Memory) -> int | None:
    """The key of the live memory that says the same in the same place, about and for the same people.

    A note is its session's own: it is the twin of none but a note of the same session.
    """
    values = (
        workspace, one.content_hash, one.context_id, one.user_id or "", one.subject_id or "", one.observer_id or "",
        (one.session_id or "") if one.type == "working" else "",
    )  # fmt: skip
    row = connection.first(sql("twin"), values)
    return None if row is None else int(row[0])


def insert(connection: Connection, memory: Memory, key: int, change: int) -> Memory:
    """Write a memory's row, tags and words."""
    workspace = scope.number_of(key)
    context_text = context_of(connection, group_for(memory, workspace), key, memory.content)
    connection.run(sql("insert_memory"), bindings_of(memory, key, workspace, change, context_text))
    add_tags(connection, key, memory.tags)
    if memory.status != "deleted":
        index_words(connection, key, memory.content, context_text)
    return memory


def add_tags(connection: Connection, key: int, tags: Sequence[str]) -> None:
    """Unite a memory's tags with these."""
    if tags:
        connection.executemany(sql("insert_tag"), [(key, tag) for tag in tags])


def record(connection: Connection, added: Added, action: str, author: str, event: str) -> None:
    """Add what was done to the memory's history and to the audit trail."""
    memory = added.memory
    journal.record_revision(connection, added.key, memory, action, author, stamp(memory.updated_at))
    journal.record_event(connection, memory.workspace_id, event, memory.id, author, {"outcome": added.outcome})


def record_access(connection: Connection, keys: Sequence[int], at: datetime) -> None:
    """Count one access of each; nothing that ranks changes."""
    connection.run(sql("count_access"), {"keys": integers(keys), "at": stamp(at)})


def _confirm(
    connection: Connection, key: int, draft: Draft, encoder: int | None, vector: bytes | None, change: int
) -> Added:
    """One more confirmation. Saying an archived memory again brings it back, and may bring a missing vector."""
    add_tags(connection, key, draft.tags)
    bindings = {"key": key, "importance": draft.importance, "change": change, "now": stamp(draft.created_at)}
    connection.run(sql("confirm"), bindings)
    if encoder is not None and not connection.rows(sql("has_vector"), (key, encoder)):
        encoders.store_vector(connection, encoder, key, vector)
        connection.run(sql("settle_embedding_state"), (change, key))
    added = Added(load(connection, key), key, "confirmed")
    record(connection, added, "confirmed", draft.author or "", "memory.remember")
    return added


def _memory(draft: Draft, vector: bytes | None) -> Memory:
    return Memory.model_validate(
        {
            "id": draft.id or new_id("mem"),
            "workspace_id": draft.workspace_id,
            "context_id": draft.context_id,
            "session_id": draft.session_id or None,
            "user_id": draft.user_id or None,
            "observer_id": draft.observer_id or None,
            "subject_id": draft.subject_id or None,
            "author": draft.author or None,
            "content": draft.content,
            "content_hash": draft.content_hash,
            "type": draft.type,
            "subtype": draft.subtype or None,
            "importance": draft.importance,
            "tags": sorted(set(draft.tags)),
            "metadata": dict(draft.metadata),
            "source_memory_id": draft.source_memory_id or None,
            "embedding_state": "pending" if vector is None else "embedded",
            "occurred_at": draft.occurred_at,
            "created_at": draft.created_at,
            "updated_at": draft.created_at,
        }
    )
