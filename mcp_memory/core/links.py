"""A memory's links, listed and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.graph import alive
from mcp_memory.errors import UnknownRecord
from mcp_memory.models.editing import Dissociated
from mcp_memory.ontology import meaning_of

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Association
    from mcp_memory.models.editing import ListAssociations

MOST_READ = 10_000
"""Links of one memory that are looked through for the relationships asked for."""


async def associations(resources: Resources, request: ListAssociations, scope: Scope) -> list[Association]:
    """The links of a memory whose both ends are alive and can be seen from here, strongest first.

    Raises:
        UnknownMemory: it is forgotten, or cannot be seen from here.
        UnknownRelationship: offers the nearest names.
    """
    wanted = {meaning_of(name) for name in request.relationships}
    memory = await alive(resources, request.memory_id, scope)
    found = await resources.store.associations(scope.where(), [memory.id], request.direction, MOST_READ)
    return [
        edge
        for edge in found
        if edge.workspace_id in scope.workspaces and (not wanted or meaning_of(edge.relationship) in wanted)
    ][: request.limit]


async def dissociate(resources: Resources, association_id: str, scope: Scope) -> Dissociated:
    """Remove a link of the workspace or of `_global`.

    Raises:
        UnknownRecord: there is none with this id here.
    """
    edge = await resources.store.association(association_id)
    if edge is None or edge.workspace_id not in scope.changeable:
        raise UnknownRecord(
            f"There is no link {association_id!r} in workspace {scope.workspace_id!r}; list a memory's links "
            "to see their ids, which look like assoc_0123456789abcdef."
        )
    await resources.store.dissociate([edge.id], scope.author)
    return Dissociated(
        association_id=edge.id,
        workspace_id=edge.workspace_id,
        message=f"Removed: {edge.source_id} {edge.relationship} {edge.target_id}.",
    )
