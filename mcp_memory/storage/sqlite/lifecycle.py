"""Forgetting, restoring, and erasing for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.errors import InvalidRequest, UnknownMemory
from mcp_memory.storage.sqlite import encoders, journal, scope
from mcp_memory.storage.sqlite.reading import find_in_workspace, load
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.storage.sqlite.words import context_of, group_of, index_words, refresh_followers, unindex_words
from mcp_memory.storage.sqlite.writing import find_twin

if TYPE_CHECKING:
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.sqlite.connection import Connection

FILLER_BYTES: Final = 64 * 1024 * 1024
"""Free pages are overwritten in pieces of this size; SQLite's values end at a gigabyte."""


def forget(connection: Connection, workspace_id: str, memory_id: str, reason: str, author: str) -> Memory:
    """Turn a memory into a tombstone. Its vectors stay for its return; no index holds it, no neighbour quotes it."""
    key, memory = find_in_workspace(connection, workspace_id, memory_id)
    if memory.status == "deleted":
        raise UnknownMemory(f"{memory_id} is already forgotten; `restore` brings it back.")
    return bury(connection, key, reason, author)


def bury(connection: Connection, key: int, reason: str, author: str) -> Memory:
    """`forget`, for a live memory."""
    _unindex(connection, key)
    now, change = journal.now_stamp(), journal.next_change(connection)
    connection.run(sql("bury"), {"key": key, "reason": reason or None, "now": now, "change": change})
    refresh_followers(connection, key)
    return _recorded(connection, key, "forgotten", author, "memory.forget", now)


def restore(connection: Connection, workspace_id: str, memory_id: str, author: str) -> Memory:
    """Bring a tombstone back, with its vectors.

    A note whose session has ended comes back without a session, for all to find.
    """
    key, memory = find_in_workspace(connection, workspace_id, memory_id)
    if memory.status != "deleted":
        raise UnknownMemory(f"{memory_id} is not forgotten; there is nothing to restore.")
    if memory.type == "working" and connection.rows(sql("has_ended"), (memory.session_id,)):
        memory = memory.model_copy(update={"session_id": None})
    twin = find_twin(connection, scope.number_of(key), memory)
    if twin is not None:
        raise InvalidRequest(
            f"The same content was remembered again as {load(connection, twin).id}; use that one, or forget it first."
        )
    now, change = journal.now_stamp(), journal.next_change(connection)
    bindings = {"key": key, "session_id": memory.session_id or "", "now": now, "change": change}
    connection.run(sql("unbury"), bindings)
    _index(connection, key, memory.content)
    refresh_followers(connection, key)
    return _recorded(connection, key, "restored", author, "memory.restore", now)


def erase(connection: Connection, workspace_id: str, memory_id: str, author: str) -> Memory:
    """Remove all that was made of a memory; only the event stays.

    Vectors, tags and revisions go with the row (`ON DELETE CASCADE`).
    """
    key, memory = find_in_workspace(connection, workspace_id, memory_id)
    if memory.status != "deleted":
        _unindex(connection, key)
        connection.run(sql("bury"), {"key": key, "reason": None, "now": journal.now_stamp(), "change": 0})
        refresh_followers(connection, key)
    connection.run(sql("delete_associations_of"), (memory_id,))
    connection.run(sql("delete_memory"), (key,))
    connection.run(sql("insert_erasure"), (journal.next_change(connection), key))
    journal.record_event(connection, workspace_id, "memory.erase", memory_id, author, {})
    overwrite_free_pages(connection)
    return memory


def overwrite_free_pages(connection: Connection) -> None:
    """Use every free page of the file once, so that nothing of what it held is left.

    `secure_delete = FAST` zeroes what is deleted inside a page that stays, and leaves whole freed pages as they were.
    """
    free = connection.pragma("freelist_count") * connection.pragma("page_size")
    if not free:
        return
    connection.run(sql("create_filler"))
    for start in range(0, free, FILLER_BYTES):
        connection.run(sql("fill"), (min(FILLER_BYTES, free - start),))
    connection.run(sql("drop_filler"))


def _index(connection: Connection, key: int, content: str) -> None:
    context_text = context_of(connection, group_of(connection, key), key, content)
    connection.run(sql("set_context_text"), (context_text, key))
    index_words(connection, key, content, context_text)
    encoders.index_vectors_of(connection, key)


def _unindex(connection: Connection, key: int) -> None:
    unindex_words(connection, key)
    encoders.unindex_vectors_of(connection, key)


def _recorded(connection: Connection, key: int, action: str, author: str, event: str, now: str) -> Memory:
    memory = load(connection, key)
    journal.record_revision(connection, key, memory, action, author, now)
    journal.record_event(connection, memory.workspace_id, event, memory.id, author, {})
    return memory
