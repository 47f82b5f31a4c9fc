"""Workspaces made, changed, and erased with everything in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp_memory.errors import Conflict, UnknownWorkspace
from mcp_memory.models.base import stamp
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.storage.base import Erased
from mcp_memory.storage.sqlite import journal, scope
from mcp_memory.storage.sqlite.lifecycle import overwrite_free_pages
from mcp_memory.storage.sqlite.statements import sql, sql_for_index
from mcp_memory.storage.sqlite.whole import rebuild_indexes
from mcp_memory.text import segment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mcp_memory.models.workspace import Workspace
    from mcp_memory.storage.sqlite.connection import Connection
    from mcp_memory.storage.sqlite.scope import Partition

WORTH_REBUILDING: Final = 10
"""Indexes are made anew where at most so many times what is erased stays. To take a memory out of them takes as long as
to put some twenty in (0.5 ms, measured)."""


def create(connection: Connection, workspace: Workspace, author: str) -> Workspace:
    """Keep a new workspace with its default context."""
    created = stamp(workspace.created_at)
    row = connection.first(
        sql("insert_described_workspace"),
        {
            "id": workspace.id,
            "name": workspace.name,
            "settings": journal.dumps(workspace.settings),
            "created_at": created,
            "updated_at": stamp(workspace.updated_at),
        },
    )
    if row is None:
        raise Conflict(f"There is already a workspace {workspace.id!r}; use it, or choose another id.")
    scope.ensure_context(connection, row[0], DEFAULT_CONTEXT, created)
    journal.record_event(connection, workspace.id, "workspace.create", workspace.id, author, {})
    return workspace


def update(
    connection: Connection,
    workspace_id: str,
    name: str | None,
    settings: Mapping[str, Any] | None,
    at: datetime,
    author: str,
) -> Workspace:
    """Rename a workspace or replace its settings; what they were stays in the event."""
    before = scope.workspace(connection, workspace_id)
    if before is None:
        raise _unknown(workspace_id)
    wanted: dict[str, Any] = {
        "name": before.name if name is None else name,
        "settings": before.settings if settings is None else dict(settings),
    }
    told = {field: getattr(before, field) for field, value in wanted.items() if value != getattr(before, field)}
    if not told:
        return before
    bindings = {
        "id": workspace_id, "name": wanted["name"], "settings": journal.dumps(wanted["settings"]), "at": stamp(at)
    }  # fmt: skip
    connection.run(sql("update_workspace"), bindings)
    journal.record_event(connection, workspace_id, "workspace.update", workspace_id, author, {"before": told})
    return before.model_copy(update=wanted | {"updated_at": max(at, before.updated_at)})


def delete(connection: Connection, workspace_id: str, at: datetime, author: str) -> Erased:
    """Erase a workspace. Its number, and so its keys, are never used again: no cache can mistake another for it.

    Vectors, tags and revisions go with the memories' rows (`ON DELETE CASCADE`), what sessions hold with theirs. It is
    taken out of the indexes memory by memory, or these are made anew from what stays, whichever takes less time.
    """
    found = scope.partitions(connection, [workspace_id])
    if not found:
        raise _unknown(workspace_id)
    place = found[0]
    staying = sum(one.live for one in scope.all_partitions(connection)) - place.live
    if staying > WORTH_REBUILDING * place.live:
        _unindex_words(connection, place)
        _unindex_vectors(connection, place)
        erased = _erase_rows(connection, place, workspace_id, stamp(at))
    else:
        erased = _erase_rows(connection, place, workspace_id, stamp(at))
        rebuild_indexes(connection)
    journal.record_event(connection, workspace_id, "workspace.delete", workspace_id, author, _told(erased))
    overwrite_free_pages(connection)
    return erased


def _unindex_words(connection: Connection, place: Partition) -> None:
    after = place.first - 1
    while rows := connection.rows(sql("indexed_texts_of_workspace"), {"after": after, "last": place.last}):
        texts = [(key, segment(content), segment(context_text)) for key, content, context_text in rows]
        connection.executemany(sql("delete_words"), texts)
        after = rows[-1][0]


def _unindex_vectors(connection: Connection, place: Partition) -> None:
    for number, *_ in connection.rows(sql("encoder_numbers")):
        bindings = {"first": place.first, "last": place.last, "encoder": number}
        keys = connection.rows(sql("indexed_keys_of_workspace"), bindings)
        connection.executemany(sql_for_index("delete_from_vector_index", number), keys)


def _erase_rows(connection: Connection, place: Partition, workspace_id: str, at: str) -> Erased:
    bindings = {
        "workspace": place.number, "first": place.first, "last": place.last, "workspace_id": workspace_id, "at": at
    }  # fmt: skip

    def run(name: str) -> int:
        connection.run(sql(name), bindings)
        return connection.changes()

    erased = Erased(
        associations=run("delete_associations_of_workspace"),
        contradictions=run("delete_contradictions_of_workspace"),
        sessions=run("delete_sessions_of_workspace"),
        contexts=run("delete_contexts_of_workspace"),
        memories=run("delete_memories_of_workspace"),
        keys_revoked=run("revoke_keys_of_workspace"),
    )
    run("delete_workspace")
    return erased


def _told(erased: Erased) -> dict[str, int]:
    return {
        "memories": erased.memories,
        "associations": erased.associations,
        "sessions": erased.sessions,
        "keys_revoked": erased.keys_revoked,
    }


def _unknown(workspace_id: str) -> UnknownWorkspace:
    return UnknownWorkspace(f"There is no workspace {workspace_id!r}.")
