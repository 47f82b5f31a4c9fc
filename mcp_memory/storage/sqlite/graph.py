"""Links between memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mcp_memory.errors import UnknownMemory
from mcp_memory.models.base import stamp
from mcp_memory.names import GLOBAL_WORKSPACE
from mcp_memory.storage.sqlite import journal, scope
from mcp_memory.storage.sqlite.filters import strings
from mcp_memory.storage.sqlite.rows import association_of
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.storage.sqlite.writing import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.models.association import Association, Direction
    from mcp_memory.models.search import Filter
    from mcp_memory.storage.sqlite.connection import Connection

Outcome = Literal["imported", "present", "dangling"]


def associate(connection: Connection, edge: Association) -> tuple[Association, bool]:
    """Write a link, or the strength and metadata of the one that is there; whether it is new."""
    for end in (edge.source_id, edge.target_id):
        if not _is_alive(connection, edge.workspace_id, end):
            raise UnknownMemory(
                f"There is no memory {end!r} in the workspace {edge.workspace_id!r} or in `{GLOBAL_WORKSPACE}`; "
                "recall shows the ids."
            )
    return write(connection, edge)


def write(connection: Connection, edge: Association) -> tuple[Association, bool]:
    """`associate`, whatever the ends are."""
    standing = _find(connection, edge)
    if standing is None:
        written = edge if edge.id else edge.model_copy(update={"id": new_id("assoc")})
        _insert(connection, written)
    else:
        changed = {"strength": edge.strength, "metadata": edge.metadata, "updated_at": edge.updated_at}
        written = standing.model_copy(update=changed)
        bindings = (written.strength, journal.dumps(written.metadata), stamp(written.updated_at), written.id)
        connection.run(sql("update_association"), bindings)
    journal.record_event(
        connection, edge.workspace_id, "association.create" if standing is None else "association.update",
        written.id, "", {"source": edge.source_id, "target": edge.target_id, "relationship": edge.relationship},
    )  # fmt: skip
    return written, standing is None


def dissociate(connection: Connection, association_ids: Sequence[str], author: str) -> int:
    """Remove links; how many there were."""
    removed = 0
    for one in dict.fromkeys(association_ids):
        rows = connection.rows(sql("delete_association"), (one,))
        for workspace_id, source, target, relationship in rows:
            detail = {"source": source, "target": target, "relationship": relationship}
            journal.record_event(connection, workspace_id, "association.remove", one, author, detail)
        removed += len(rows)
    return removed


def associations(
    connection: Connection, where: Filter, memory_ids: Sequence[str], direction: Direction, limit: int
) -> list[Association]:
    """Links of these memories whose both ends the filter's workspaces hold, strongest first."""
    numbers = [partition.number for partition in scope.partitions(connection, where.workspaces)]
    if not memory_ids or not numbers:
        return []
    bindings = {
        "ids": strings(tuple(memory_ids)),
        "workspaces": journal.dumps(numbers),
        "outgoing": direction != "incoming",
        "incoming": direction != "outgoing",
        "archived": where.include_archived,
        "viewer_session": where.viewer_session,
        "limit": limit,
    }
    return [association_of(row) for row in connection.rows(sql("associations_of"), bindings)]


def association(connection: Connection, association_id: str) -> Association | None:
    """The link, whatever its ends are, or None."""
    row = connection.first(sql("association"), (association_id,))
    return None if row is None else association_of(row)


def links_of(connection: Connection, memory_ids: Sequence[str], limit: int) -> list[Association]:
    """Links of these memories, oldest first, whatever their ends are."""
    bindings = {"ids": strings(tuple(memory_ids)), "limit": limit}
    return [association_of(row) for row in connection.rows(sql("links_of"), bindings)]


def all_associations(connection: Connection, workspace_id: str, after: str, limit: int) -> list[Association]:
    """The workspace's links by id, whatever their ends are."""
    rows = connection.rows(sql("associations_of_workspace"), (workspace_id, after, limit))
    return [association_of(row) for row in rows]


def transplant(connection: Connection, edges: Sequence[Association]) -> list[Outcome]:
    """Write links from elsewhere; what became of each."""
    return [_transplant(connection, edge) for edge in edges]


def _transplant(connection: Connection, edge: Association) -> Outcome:
    if _find(connection, edge) is not None:
        return "present"
    ends = connection.value(sql("count_ends"), (edge.source_id, edge.target_id))
    if ends < len({edge.source_id, edge.target_id}):
        return "dangling"
    taken = not edge.id or bool(connection.rows(sql("association_exists"), (edge.id,)))
    _insert(connection, edge.model_copy(update={"id": new_id("assoc")}) if taken else edge)
    return "imported"


def _insert(connection: Connection, edge: Association) -> None:
    created = stamp(edge.created_at)
    workspace = scope.ensure_workspace(connection, edge.workspace_id, "", created)
    connection.run(
        sql("insert_association"),
        (
            edge.id, workspace, edge.source_id, edge.target_id, edge.relationship, edge.strength,
            journal.dumps(edge.metadata), created, stamp(edge.updated_at),
        ),
    )  # fmt: skip


def _find(connection: Connection, edge: Association) -> Association | None:
    values = (edge.source_id, edge.target_id, edge.relationship)
    row = connection.first(sql("association_between"), values)
    return None if row is None else association_of(row)


def _is_alive(connection: Connection, workspace_id: str, memory_id: str) -> bool:
    values = (memory_id, workspace_id, GLOBAL_WORKSPACE)
    return bool(connection.rows(sql("is_alive_in"), values))
