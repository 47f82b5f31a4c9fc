"""Workspaces and contexts, and the range of keys each workspace owns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.errors import Conflict
from mcp_memory.models.base import stamp
from mcp_memory.models.workspace import Context, Workspace
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.storage.sqlite.journal import dumps, now_stamp
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_memory.storage.sqlite.connection import Connection

KEY_BITS: Final = 40
"""A workspace holds up to 2^40 memories; its number is the bits above."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One workspace as searches see it."""

    number: int
    live: int
    """Memories that are no tombstones."""

    @property
    def first(self) -> int:
        """The smallest key it may hold."""
        return self.number << KEY_BITS

    @property
    def last(self) -> int:
        """The largest key it may hold."""
        return ((self.number + 1) << KEY_BITS) - 1


def number_of(key: int) -> int:
    """The number of the workspace that holds a key."""
    return key >> KEY_BITS


def partitions(connection: Connection, workspace_ids: Iterable[str]) -> list[Partition]:
    """The workspaces that exist, in the order asked."""
    rows = (connection.first(sql("partition"), (one,)) for one in dict.fromkeys(workspace_ids))
    return [Partition(*row) for row in rows if row is not None]


def all_partitions(connection: Connection) -> list[Partition]:
    """Every workspace."""
    return [Partition(*row) for row in connection.rows(sql("all_partitions"))]


def ensure_workspace(connection: Connection, workspace_id: str, name: str, now: str) -> int:
    """The number of the workspace, created with its default context where it is missing."""
    row = connection.first(sql("partition"), (workspace_id,))
    if row is not None:
        return int(row[0])
    bindings = {"id": workspace_id, "name": name or workspace_id, "now": now}
    number = connection.value(sql("insert_workspace"), bindings)
    ensure_context(connection, number, DEFAULT_CONTEXT, now)
    return int(number)


def ensure_context(connection: Connection, workspace: int, context_id: str, now: str) -> None:
    """Create the context where it is missing."""
    connection.run(sql("insert_context"), {"workspace": workspace, "id": context_id, "now": now})


def next_key(connection: Connection, workspace: int) -> int:
    """A key that was never used before."""
    row = connection.value(sql("next_row"), (workspace,))
    return (workspace << KEY_BITS) + int(row)


def workspace(connection: Connection, workspace_id: str) -> Workspace | None:
    """The workspace, or None."""
    row = connection.first(sql("workspace"), (workspace_id,))
    return None if row is None else _workspace(row)


def created_workspace(connection: Connection, workspace_id: str, name: str) -> Workspace:
    """The workspace, created where it is missing."""
    ensure_workspace(connection, workspace_id, name, now_stamp())
    [row] = connection.rows(sql("workspace"), (workspace_id,))
    return _workspace(row)


def workspaces(connection: Connection) -> list[Workspace]:
    """All of them, by id."""
    return [_workspace(row) for row in connection.rows(sql("workspaces"))]


def contexts(connection: Connection, workspace_id: str) -> list[Context]:
    """The workspace's contexts, by name."""
    rows = connection.rows(sql("contexts"), (workspace_id,))
    return [
        Context(
            id=id_,
            workspace_id=workspace_id,
            name=name,
            description=text,
            settings=json.loads(settings),
            created_at=created,
        )
        for id_, name, text, settings, created in rows
    ]


def create_context(connection: Connection, context: Context) -> Context:
    """Keep a new context; its workspace is created where it is missing.

    Raises:
        Conflict: the workspace has one of this id or name.
    """
    created = stamp(context.created_at)
    bindings = {
        "workspace": ensure_workspace(connection, context.workspace_id, "", created),
        "id": context.id,
        "name": context.name,
        "description": context.description,
        "settings": dumps(context.settings),
        "now": created,
    }
    if connection.rows(sql("find_context"), bindings):
        raise Conflict(
            f"The workspace {context.workspace_id!r} already has a context {context.name!r}; use it, "
            "or choose another name."
        )
    connection.run(sql("insert_described_context"), bindings)
    return context


def _workspace(row: tuple[Any, ...]) -> Workspace:
    id_, name, settings, created, updated = row
    return Workspace(id=id_, name=name, settings=json.loads(settings), created_at=created, updated_at=updated)
