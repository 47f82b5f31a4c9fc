"""Memories by id, by key, in order, and beside one another."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from mcp_memory.errors import UnknownMemory
from mcp_memory.storage.base import Page
from mcp_memory.storage.sqlite import journal
from mcp_memory.storage.sqlite.filters import Condition, integers, strings
from mcp_memory.storage.sqlite.rows import memory_of
from mcp_memory.storage.sqlite.scope import partitions
from mcp_memory.storage.sqlite.statements import sql, sql_with
from mcp_memory.storage.sqlite.words import group_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_memory.models.memory import Memory, Revision
    from mcp_memory.models.search import Filter
    from mcp_memory.storage.sqlite.connection import Connection


def load(connection: Connection, key: int) -> Memory:
    """The memory with this key, which is known to exist."""
    [row] = connection.rows(sql("memory_by_key"), (key,))
    return memory_of(row)[1]


def find_in_workspace(connection: Connection, workspace_id: str, memory_id: str) -> tuple[int, Memory]:
    """Key and memory, tombstones too.

    Raises:
        UnknownMemory: the workspace does not hold it.
    """
    row = connection.first(sql("memory_by_id"), (memory_id,))
    if row is not None:
        key, memory = memory_of(row)
        if memory.workspace_id == workspace_id:
            return key, memory
    raise UnknownMemory(f"There is no memory {memory_id!r} in the workspace {workspace_id!r}; recall shows the ids.")


def get(connection: Connection, where: Filter, ids: Sequence[str], *, include_deleted: bool) -> list[Memory]:
    """The memories with these ids that pass the filter, in the order asked."""
    if not ids:
        return []
    found: dict[str, Memory] = {}
    condition = Condition(where, status="true" if include_deleted else "")
    for partition in partitions(connection, where.workspaces):
        bindings = condition.within(partition, ids=strings(tuple(ids)))
        for row in connection.rows(sql_with("memories_by_id", condition.sql), bindings):
            _, memory = memory_of(row)
            found[memory.id] = memory
    return [found[one] for one in dict.fromkeys(ids) if one in found]


def fetch(connection: Connection, keys: Sequence[int]) -> dict[int, Memory]:
    """The memories with these keys, tombstones left out, in the order asked."""
    if not keys:
        return {}
    rows = connection.rows(sql("memories_by_key"), (integers(keys),))
    found = dict(memory_of(row) for row in rows)
    return {key: found[key] for key in keys if key in found}


def keys_of(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Id to key, for those that exist."""
    if not ids:
        return {}
    return dict(connection.rows(sql("keys_by_id"), (strings(tuple(ids)),)))


def browse(connection: Connection, where: Filter, limit: int, offset: int) -> Page:
    """Newest first."""
    condition, total = Condition(where), 0
    statement = sql("count_plain") if where.is_plain else sql_with("count_memories", condition.sql)
    for partition in partitions(connection, where.workspaces):
        total += connection.value(statement, condition.within(partition))
    return Page(_ordered(connection, "newest", where, limit, offset, _newest), total)


def important(connection: Connection, where: Filter, limit: int) -> list[Memory]:
    """Pinned first, then by importance, newest first among equals."""
    return _ordered(connection, "important", where, limit, 0, _most_important)


def neighbours(connection: Connection, keys: Sequence[int], span: int) -> dict[int, list[tuple[int, Memory]]]:
    """The live memories right before and after each, in its group, by position."""
    return {key: _around(connection, key, span) for key in dict.fromkeys(keys)} if span > 0 else {}


def revisions(connection: Connection, workspace_id: str, memory_id: str) -> list[Revision]:
    """The memory's history, first change first.

    Raises:
        UnknownMemory: the workspace does not hold it.
    """
    key, _ = find_in_workspace(connection, workspace_id, memory_id)
    return journal.revisions(connection, key, memory_id)


def _around(connection: Connection, key: int, span: int) -> list[tuple[int, Memory]]:
    group = group_of(connection, key)
    if group is None:
        return []
    before = connection.rows(sql("memories_before"), group.bindings(key, span))
    after = connection.rows(sql("memories_after"), group.bindings(key, span))
    numbered = [*enumerate(reversed(before), -len(before)), *enumerate(after, 1)]
    return [(position, memory_of(row)[1]) for position, row in numbered]


def _ordered(
    connection: Connection,
    statement: str,
    where: Filter,
    limit: int,
    offset: int,
    order: Callable[[tuple[int, Memory]], Any],
) -> list[Memory]:
    """The first memories over all the filter's workspaces, each of which SQL has put in order."""
    condition = Condition(where)
    streams = [
        [
            memory_of(row)
            for row in connection.rows(
                sql_with(statement, condition.sql), condition.within(partition, limit=limit + offset)
            )
        ]
        for partition in partitions(connection, where.workspaces)
    ]
    return [memory for _, memory in islice(merge(*streams, key=order, reverse=True), offset, offset + limit)]


def _newest(one: tuple[int, Memory]) -> Any:
    key, memory = one
    return memory.created_at, key


def _most_important(one: tuple[int, Memory]) -> Any:
    key, memory = one
    return memory.pinned, memory.importance, memory.created_at, key
