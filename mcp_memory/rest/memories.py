"""Memories: written, read, changed, let fade, forgotten and brought back."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from mcp_memory.models.association import Associate
from mcp_memory.models.editing import Decay, GetMemory, Trace, UpdateMemory
from mcp_memory.models.memory import Forget, MemorySubtype, MemoryType, Remember
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import Ids, Key, Meta, Moment, Name, Share, Tags, Text  # noqa: TC001 - pydantic reads them
from mcp_memory.rest.wire import MemoryAnswer, WireMemory, memory_wire, plain, wrapped

LINKED_AS: Final = "related_to"
"""What a new memory is to those it names in `associations`."""

NO_REGISTRY: Final = (
    "Relations between entities are not kept here; link memories with POST /v1/memories/{id}/associate."
)


class Relation(Body):
    """A statement about two named things, which MemoryLayer keeps in a registry of entities."""

    source_entity_id: Name | None = None
    source_entity_name: Name | None = None
    target_entity_id: Name | None = None
    target_entity_name: Name | None = None
    relationship: Key
    confidence: Share | None = None
    source_span_start: int | None = None
    source_span_end: int | None = None


class MemoryCreate(Body):
    """Store one memory."""

    content: Text
    workspace_id: Name | None = None
    type: MemoryType | None = None
    subtype: MemorySubtype | None = None
    importance: Share | None = None
    tags: Tags | None = None
    metadata: Meta | None = None
    associations: Ids | None = None
    """Memories it is linked with as `related_to`."""
    context_id: Name | None = None
    observer_id: Name | None = None
    subject_id: Name | None = None
    user_id: Name | None = None
    author: Name | None = None
    occurred_at: Moment | None = None
    relations: Annotated[list[Relation], Field(max_length=100)] | None = None
    """Taken for the sake of clients: what became of them is told in `relation_write_result`."""


class Changes(Body):
    """What of a memory changes; what is not given, or null, stays. `tags` and `metadata` replace those it has."""

    content: Text | None = None
    type: MemoryType | None = None
    subtype: MemorySubtype | None = None
    importance: Share | None = None
    tags: Tags | None = None
    metadata: Meta | None = None
    pinned: bool | None = None


class MemoryUpdate(Changes):
    """Change a memory; what is not given, or null, stays. `tags` and `metadata` replace those it has."""

    workspace_id: Name | None = None


class MemoryDecay(Body):
    """Let a memory fade."""

    decay_rate: Share | None = None
    """Importance and decay factor are multiplied by 1 less this; default 0.1."""


class RelationsUnwritten(Answer):
    """What became of `relations`: nothing, as there is no registry of entities here."""

    resolved: int
    unresolved: int
    rejected: int
    duplicate: int
    relation_ids: list[str]
    errors: list[str]


class CreatedMemory(WireMemory):
    """A memory that was stored or confirmed."""

    relation_write_result: RelationsUnwritten | None = None


class CreateAnswer(CreatedMemory):
    """A memory that was stored or confirmed, wrapped and bare."""

    memory: CreatedMemory


class TraceAnswer(Trace):
    """Where a memory comes from, wrapped and bare."""

    trace: Trace


class GetQuery(Query):
    """How to read a memory."""

    include_embedding: bool = False
    workspace_id: Name = ""


class DeleteQuery(Query):
    """How to forget a memory."""

    hard: bool = False
    """Erase it for ever; else it becomes a tombstone that can be restored."""
    reason: Name = ""
    workspace_id: Name = ""


async def create(call: Call[MemoryCreate, NoQuery]) -> Reply:
    """Remember, and tell the whole memory, also where it was there already."""
    for other in call.body.associations or ():
        await call.memory.get_memory(asked(GetMemory, memory_id=other), call.scope)
    done = await call.memory.remember(asked(Remember, **shared(Remember, call.body)), call.scope)
    for other in call.body.associations or ():
        if other != done.memory_id:
            link = Associate(source_id=done.memory_id, target_id=other, relationship=LINKED_AS)
            await call.memory.associate(link, call.scope)
    memory = await call.memory.get_memory(GetMemory(memory_id=done.memory_id), call.scope)
    return Reply(wrapped("memory", memory_wire(memory) | _unwritten(call.body.relations)))


def _unwritten(relations: list[Relation] | None) -> dict[str, Any]:
    """The truth about relations between entities, for those who send them."""
    if not relations:
        return {}
    counts = {"resolved": 0, "unresolved": len(relations), "rejected": 0, "duplicate": 0}
    return {"relation_write_result": {**counts, "relation_ids": [], "errors": [NO_REGISTRY]}}


async def read(call: Call[NoBody, GetQuery]) -> Reply:
    """One memory by its id."""
    memory_id = call.path["memory_id"]
    request = asked(GetMemory, memory_id=memory_id, include_embedding=call.query.include_embedding)
    memory = await call.memory.get_memory(request, await call.home(memory_id))
    return Reply(wrapped("memory", memory_wire(memory)))


async def update(call: Call[MemoryUpdate, NoQuery]) -> Reply:
    """Change a memory."""
    memory_id = call.path["memory_id"]
    request = asked(UpdateMemory, memory_id=memory_id, **shared(UpdateMemory, call.body))
    memory = await call.memory.update_memory(request, await call.home(memory_id))
    return Reply(wrapped("memory", memory_wire(memory)))


async def delete(call: Call[NoBody, DeleteQuery]) -> Reply:
    """Forget a memory."""
    memory_id = call.path["memory_id"]
    request = asked(Forget, memory_id=memory_id, hard=call.query.hard, reason=call.query.reason)
    await call.memory.forget(request, await call.home(memory_id))
    return Reply()


async def restore(call: Call[NoBody, NoQuery]) -> Reply:
    """Bring a tombstone back."""
    memory_id = call.path["memory_id"]
    home = await call.home(memory_id)
    await call.memory.restore(memory_id, home)
    memory = await call.memory.get_memory(GetMemory(memory_id=memory_id), home)
    return Reply(wrapped("memory", memory_wire(memory)))


async def decay(call: Call[MemoryDecay, NoQuery]) -> Reply:
    """Let a memory fade."""
    memory_id = call.path["memory_id"]
    request = asked(Decay, memory_id=memory_id, rate=call.body.decay_rate)
    memory = await call.memory.decay(request, await call.home(memory_id))
    return Reply(wrapped("memory", memory_wire(memory)))


async def trace(call: Call[NoBody, NoQuery]) -> Reply:
    """Where a memory comes from."""
    memory_id = call.path["memory_id"]
    found = await call.memory.trace(memory_id, await call.home(memory_id))
    return Reply(wrapped("trace", plain(found)))


TAG: Final = "Memories"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/memories",
        handler=create,
        summary="Store a memory, or confirm the one that says the same.",
        verb="remember",
        right="write",
        status=201,
        body=MemoryCreate,
        answer=CreateAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/memories/{memory_id}",
        handler=read,
        summary="Read one memory by its id; that counts as no access.",
        verb="get_memory",
        query=GetQuery,
        answer=MemoryAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="PUT",
        path="/v1/memories/{memory_id}",
        handler=update,
        summary="Change a memory; what is not given stays.",
        verb="update_memory",
        right="write",
        body=MemoryUpdate,
        answer=MemoryAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/memories/{memory_id}",
        handler=delete,
        summary="Forget a memory: it can be restored, unless it is erased.",
        verb="forget",
        right="write",
        status=204,
        query=DeleteQuery,
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/memories/{memory_id}/restore",
        handler=restore,
        summary="Bring a forgotten memory back.",
        verb="restore",
        right="write",
        answer=MemoryAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/memories/{memory_id}/decay",
        handler=decay,
        summary="Let a memory fade.",
        verb="decay",
        right="write",
        body=MemoryDecay,
        optional_body=True,
        answer=MemoryAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/memories/{memory_id}/trace",
        handler=trace,
        summary="Where a memory comes from: its sources, session, revisions and links.",
        verb="trace",
        answer=TraceAnswer,
        tag=TAG,
    ),
)
