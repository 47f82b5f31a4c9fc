"""Changing a memory that is there: its row, its words, its vectors, and a revision of what it became."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.errors import Conflict, InvalidRequest, UnknownMemory
from mcp_memory.models.base import stamp
from mcp_memory.storage.sqlite import encoders, journal, scope
from mcp_memory.storage.sqlite.reading import find_in_workspace, load
from mcp_memory.storage.sqlite.rows import bindings_of
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.storage.sqlite.words import context_of, group_of, index_words, refresh_followers, unindex_words
from mcp_memory.storage.sqlite.writing import add_tags, find_twin

if TYPE_CHECKING:
    from datetime import datetime

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.base import MemoryChange
    from mcp_memory.storage.sqlite.connection import Connection

FIELDS: Final = ("content", "content_hash", "type", "subtype", "importance", "tags", "metadata", "pinned")
"""What a change may hold of a memory."""

INDEXED: Final = frozenset(("content", "type"))
"""A change of these changes words: those of the memory, and those its neighbours quote."""


def revise(
    connection: Connection, workspace_id: str, memory_id: str, change: MemoryChange, identity: EncoderIdentity | None
) -> Memory:
    """Change a live memory; what changes nothing writes nothing."""
    key, memory = live(connection, workspace_id, memory_id)
    return rewrite(connection, key, memory, change, identity)


def rewrite(
    connection: Connection, key: int, memory: Memory, change: MemoryChange, identity: EncoderIdentity | None
) -> Memory:
    """`revise`, for a memory that is known to be alive."""
    given = _given(change)
    fields = [name for name, value in given.items() if value != getattr(memory, name)]
    if not fields:
        return memory
    changed = memory.model_validate(memory.model_dump() | given)
    _require_possible(connection, key, changed)
    _write(connection, key, changed, change.at, INDEXED.intersection(fields))
    if "content" in fields:
        _replace_vectors(connection, key, change.vector, identity)
        connection.run(sql("delete_links_made_of_content"), (memory.id,))
        connection.run(sql("drop_open_contradictions_of"), (key,))
    told = {"fields": [name for name in fields if name != "content_hash"]}
    return _recorded(connection, key, change.author, "memory.update", told)


def decay(connection: Connection, workspace_id: str, memory_id: str, rate: float, at: datetime, author: str) -> Memory:
    """Multiply importance and decay factor by 1 - rate."""
    key, memory = live(connection, workspace_id, memory_id)
    if memory.pinned:
        raise Conflict(f"{memory_id} is pinned, so it does not decay; update it with `pinned` false first.")
    if rate == 0:
        return memory
    faded = {"importance": memory.importance * (1 - rate), "decay_factor": memory.decay_factor * (1 - rate)}
    _write(connection, key, memory.model_copy(update=faded), at, frozenset())
    return _recorded(connection, key, author, "memory.decay", {"rate": rate})


def live(connection: Connection, workspace_id: str, memory_id: str) -> tuple[int, Memory]:
    """Key and memory.

    Raises:
        UnknownMemory: the workspace does not hold it, or it is a tombstone.
    """
    key, memory = find_in_workspace(connection, workspace_id, memory_id)
    if memory.status == "deleted":
        raise UnknownMemory(f"{memory_id} is forgotten; restore it before you change it.")
    return key, memory


def vector(connection: Connection, memory_id: str, identity: EncoderIdentity) -> list[float] | None:
    """The memory's vector by this encoder, or None."""
    row = connection.first(sql("vector_of"), (encoders.find(connection, identity) or 0, memory_id))
    return None if row is None else list(struct.unpack(f"<{identity.dimension}f", row[0]))


def _given(change: MemoryChange) -> dict[str, Any]:
    given = {name: value for name in FIELDS if (value := getattr(change, name)) is not None}
    if "tags" in given:
        given["tags"] = sorted(set(given["tags"]))
    return given


def _require_possible(connection: Connection, key: int, memory: Memory) -> None:
    twin = find_twin(connection, scope.number_of(key), memory)
    if twin not in (None, key):
        raise Conflict(
            f"{load(connection, twin).id} holds the same content already; use that one, or forget it first. "
            "Nothing was changed."
        )
    if memory.type == "working" and connection.rows(sql("has_ended"), (memory.session_id,)):
        raise InvalidRequest(
            f"The session {memory.session_id!r} has ended, so {memory.id} cannot become a working memory of it. "
            "Nothing was changed."
        )


def _write(connection: Connection, key: int, memory: Memory, at: datetime, reindexed: frozenset[str]) -> None:
    """Write the row; words and what neighbours quote of them are made anew where they changed."""
    moved = memory.model_copy(update={"updated_at": max(at, memory.updated_at)})
    change, workspace = journal.next_change(connection), scope.number_of(key)
    if reindexed:
        unindex_words(connection, key)
    connection.run(sql("revise_memory"), bindings_of(moved, key, workspace, change, ""))
    connection.run(sql("delete_tags"), (key,))
    add_tags(connection, key, memory.tags)
    if reindexed:
        context_text = context_of(connection, group_of(connection, key), key, memory.content)
        connection.run(sql("set_context_text"), (context_text, key))
        index_words(connection, key, memory.content, context_text)
        refresh_followers(connection, key)


def _replace_vectors(connection: Connection, key: int, vector: object | None, identity: EncoderIdentity | None) -> None:
    """Drop the vectors of the old content, of every encoder; keep the one of the new, if there is one already."""
    encoders.unindex_vectors_of(connection, key)
    connection.run(sql("delete_vectors_of"), (key,))
    if vector is not None and identity is not None:
        encoders.store_vector(
            connection, encoders.ensure(connection, identity), key, encoders.as_blob(vector, identity)
        )
    connection.run(sql("settle_embedding_state"), (journal.last_change(connection), key))


def _recorded(connection: Connection, key: int, author: str, event: str, detail: dict[str, Any]) -> Memory:
    memory = load(connection, key)
    journal.record_revision(connection, key, memory, "updated", author, stamp(memory.updated_at))
    journal.record_event(connection, memory.workspace_id, event, memory.id, author, detail)
    return memory
