"""Links between memories, and the paths they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import Field, WithJsonSchema

from mcp_memory.errors import UnknownRecord
from mcp_memory.models.association import Associate
from mcp_memory.models.association import Direction as Direction
from mcp_memory.models.editing import ListAssociations
from mcp_memory.ontology import RELATIONSHIPS
from mcp_memory.rest.asking import asked
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import Key, Meta, Name, Relationship, Share  # noqa: TC001 - pydantic reads them
from mcp_memory.rest.wire import AssociationAnswer, WireAssociation, association_wire, wrapped

if TYPE_CHECKING:
    from mcp_memory.models.association import Association

NamesBetweenCommas = Annotated[
    str,
    Field(max_length=5_000),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(RELATIONSHIPS)}}),
]

DEFAULT_STRENGTH: Final = 0.5
MOST_READ: Final = 10_000
"""Links of a memory among which one is looked for."""


class AssociationCreate(Body):
    """Link the memory with another; a link that is there already gets the new strength."""

    target_id: Key
    relationship: Relationship
    strength: Share | None = None
    """Default 0.5."""
    metadata: Meta | None = None
    workspace_id: Name | None = None


class AssociationQuery(Query):
    """Which links."""

    lists: ClassVar = frozenset({"relationships"})

    relationships: NamesBetweenCommas = ""
    """Empty: all."""
    direction: Direction = "both"
    workspace_id: Name = ""


class AssociationUpdate(Body):
    """What of a link changes; what is not given, or null, stays."""

    strength: Share | None = None
    metadata: Meta | None = None
    """Added to what it has."""
    workspace_id: Name | None = None


class AssociationsAnswer(Answer):
    """Links, strongest first."""

    associations: list[WireAssociation]
    total_count: int


async def associate(call: Call[AssociationCreate, NoQuery]) -> Reply:
    """Link two memories."""
    body = call.body
    request = asked(
        Associate,
        source_id=call.path["memory_id"],
        target_id=body.target_id,
        relationship=body.relationship,
        strength=DEFAULT_STRENGTH if body.strength is None else body.strength,
        metadata=body.metadata,
    )
    done = await call.memory.associate(request, await call.home(request.source_id))
    return await _told(call, done.association_id)


async def listed(call: Call[NoBody, AssociationQuery]) -> Reply:
    """The links of a memory."""
    memory_id = call.path["memory_id"]
    names = [name.strip().lower() for name in call.query.relationships.split(",") if name.strip()]
    request = asked(ListAssociations, "query", memory_id=memory_id, relationships=names, direction=call.query.direction)
    edges = await call.memory.associations(request, await call.home(memory_id))
    return Reply({"associations": [association_wire(edge) for edge in edges], "total_count": len(edges)})


async def dissociate(call: Call[NoBody, NoQuery]) -> Reply:
    """Remove a link."""
    await call.memory.dissociate(call.path["association_id"], call.scope)
    return Reply()


async def update(call: Call[AssociationUpdate, NoQuery]) -> Reply:
    """Change the strength or the metadata of a link of this memory."""
    edge = await _of_memory(call)
    body = call.body
    request = asked(
        Associate,
        source_id=edge.source_id,
        target_id=edge.target_id,
        relationship=edge.relationship,
        strength=edge.strength if body.strength is None else body.strength,
        metadata=body.metadata,
    )
    done = await call.memory.associate(request, await call.home(call.path["memory_id"]))
    return await _told(call, done.association_id)


async def detach(call: Call[NoBody, NoQuery]) -> Reply:
    """Remove a link of this memory."""
    edge = await _of_memory(call)
    await call.memory.dissociate(edge.id, await call.home(call.path["memory_id"]))
    return Reply()


async def _of_memory(call: Call[Any, Any]) -> Association:
    """The link that the path names by a memory and its own id.

    Raises:
        UnknownRecord: the memory has none of this id.
    """
    memory_id, association_id = call.path["memory_id"], call.path["association_id"]
    scope = await call.home(memory_id)
    edges = await call.memory.associations(asked(ListAssociations, memory_id=memory_id, limit=MOST_READ), scope)
    for edge in edges:
        if edge.id == association_id:
            return edge
    raise UnknownRecord(f"{memory_id} has no link {association_id!r}.")


async def _told(call: Call[Any, Any], association_id: str) -> Reply:
    edge = await call.memory.resources.store.association(association_id)
    if edge is None:
        raise UnknownRecord("The link was removed by somebody else as soon as it was made.")
    return Reply(wrapped("association", association_wire(edge)))


TAG: Final = "Associations"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/memories/{memory_id}/associate",
        handler=associate,
        summary="Link two memories; again changes the strength.",
        verb="associate",
        right="write",
        status=201,
        body=AssociationCreate,
        answer=AssociationAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/memories/{memory_id}/associations",
        handler=listed,
        summary="The links of a memory, strongest first.",
        verb="associations",
        query=AssociationQuery,
        answer=AssociationsAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="PATCH",
        path="/v1/memories/{memory_id}/associations/{association_id}",
        handler=update,
        summary="Change the strength or the metadata of a memory's link.",
        verb="associate",
        right="write",
        body=AssociationUpdate,
        answer=AssociationAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/memories/{memory_id}/associations/{association_id}",
        handler=detach,
        summary="Remove a memory's link.",
        verb="dissociate",
        right="write",
        status=204,
        tag=TAG,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/associations/{association_id}",
        handler=dissociate,
        summary="Remove a link.",
        verb="dissociate",
        right="write",
        status=204,
        tag=TAG,
    ),
)
