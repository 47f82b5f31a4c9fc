"""Memories on their way between stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mcp_memory.models.base import stamp
from mcp_memory.storage.base import Portable
from mcp_memory.storage.sqlite import encoders, journal, scope
from mcp_memory.storage.sqlite.rows import memory_of
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.storage.sqlite.writing import ensure_scope, find_twin, insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.sqlite.connection import Connection

Outcome = Literal["imported", "present"]


def scan(connection: Connection, workspace_id: str | None, after: int, limit: int) -> list[tuple[int, Portable]]:
    """Memories by key with their history and their vector of the active encoder."""
    first, last = 0, (1 << 63) - 1
    if workspace_id is not None:
        found = scope.partitions(connection, [workspace_id])
        if not found:
            return []
        first, last = found[0].first, found[0].last
    bounds = (max(after + 1, first), last, limit)
    rows = connection.rows(sql("scan"), bounds)
    return [_portable(connection, *memory_of(row), row[-1]) for row in rows]


def _portable(connection: Connection, key: int, memory: Memory, vector: bytes | None) -> tuple[int, Portable]:
    history = journal.revisions(connection, key, memory.id)
    return key, Portable(memory, tuple(history), None if vector is None else _as_array(vector))


def _as_array(vector: bytes) -> object:
    import numpy as np

    return np.frombuffer(vector, dtype="<f4")


def transplant(connection: Connection, items: Sequence[Portable], identity: EncoderIdentity | None) -> list[Outcome]:
    """Write memories from elsewhere as they were there; what became of each."""
    change = journal.next_change(connection)
    return [_transplant(connection, item, identity, change) for item in items]


def _transplant(connection: Connection, item: Portable, identity: EncoderIdentity | None, change: int) -> Outcome:
    memory = item.memory
    if connection.rows(sql("key_of"), (memory.id,)):
        return "present"
    workspace = ensure_scope(connection, memory.workspace_id, memory.context_id, stamp(memory.created_at))
    if memory.status != "deleted" and find_twin(connection, workspace, memory) is not None:
        return "present"
    vector = None if item.vector is None or identity is None else encoders.as_blob(item.vector, identity)
    state = "pending" if vector is None else "embedded"
    key = scope.next_key(connection, workspace)
    insert(connection, memory.model_copy(update={"embedding_state": state}), key, change)
    if vector is not None and identity is not None:
        encoders.keep_vector(connection, encoders.ensure(connection, identity), key, vector)
        if memory.status != "deleted":
            encoders.index_vectors_of(connection, key)
    for revision in item.revisions:
        journal.copy_revision(connection, key, revision, memory.content)
    if not item.revisions:
        journal.record_revision(connection, key, memory, "imported", memory.author or "", stamp(memory.updated_at))
    return "imported"
