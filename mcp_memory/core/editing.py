"""One memory read, changed, and let fade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.forget import changeable
from mcp_memory.core.graph import alive
from mcp_memory.core.linking import link_similar
from mcp_memory.core.remember import EMBEDDING_PATIENCE, check_length
from mcp_memory.models.editing import MemoryRecord
from mcp_memory.storage.base import MemoryChange
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.editing import Decay, GetMemory, UpdateMemory
    from mcp_memory.models.memory import Memory


async def get_memory(resources: Resources, request: GetMemory, scope: Scope) -> MemoryRecord:
    """A live memory; its vector too where that was asked for.

    Raises:
        UnknownMemory: it is forgotten, or cannot be seen from here.
    """
    memory = await alive(resources, request.memory_id, scope)
    encoder = resources.indexer.identity
    if not request.include_embedding or encoder is None:
        return recorded(memory)
    return recorded(memory, await resources.store.vector(memory.id, encoder))


async def update_memory(resources: Resources, request: UpdateMemory, scope: Scope) -> MemoryRecord:
    """Change what the request gives.

    Raises:
        UnknownMemory: it is forgotten, or cannot be seen from here.
        Conflict: another memory holds the new content already.
        InvalidRequest: the content is longer than the limit.
    """
    if request.content is None:
        return await update_embedded(resources, request, scope, None)
    check_length(request.content, resources.limits.max_content_chars)
    vectors = await resources.indexer.at_once([request.content], EMBEDDING_PATIENCE)
    return await update_embedded(resources, request, scope, None if vectors is None else vectors[0])


async def update_embedded(
    resources: Resources, request: UpdateMemory, scope: Scope, vector: object | None
) -> MemoryRecord:
    """`update_memory` with the vector of its content, if there is one already."""
    before = changeable(await alive(resources, request.memory_id, scope), scope)
    change = change_of(resources, request, scope, vector)
    memory = await resources.store.revise(before.workspace_id, before.id, change, resources.indexer.identity)
    if memory.content_hash != before.content_hash:
        await _index(resources, memory, vector)
    return recorded(memory)


def change_of(resources: Resources, request: UpdateMemory, scope: Scope, vector: object | None) -> MemoryChange:
    """What the request changes, as the store takes it."""
    return MemoryChange(
        at=resources.now(),
        author=scope.author,
        content=request.content,
        content_hash=None if request.content is None else content_hash(request.content),
        vector=vector,
        type=request.type,
        subtype=request.subtype,
        importance=request.importance,
        tags=None if request.tags is None else tuple(request.tags),
        metadata=request.metadata,
        pinned=request.pinned,
    )


async def _index(resources: Resources, memory: Memory, vector: object | None) -> None:
    """Link new content with what is close to it, as if it had just been remembered; or see that it is embedded."""
    encoder = resources.indexer.identity
    if vector is None or encoder is None:
        resources.indexer.catch_up()
        return
    keys = await resources.store.keys_of([memory.id])
    if memory.id in keys:
        await link_similar(resources.store, encoder, keys[memory.id], memory, vector)


async def decay(resources: Resources, request: Decay, scope: Scope) -> MemoryRecord:
    """Multiply importance and decay factor by 1 - rate: each call fades once, however long ago the last one was.

    Raises:
        UnknownMemory: it is forgotten, or cannot be seen from here.
        Conflict: it is pinned.
    """
    memory = changeable(await alive(resources, request.memory_id, scope), scope)
    faded = await resources.store.decay(memory.workspace_id, memory.id, request.rate, resources.now(), scope.author)
    return recorded(faded)


def recorded(memory: Memory, embedding: list[float] | None = None) -> MemoryRecord:
    """The memory as a door shows it."""
    return MemoryRecord.model_construct(**dict(memory), embedding=embedding)
