"""Where a memory comes from: its sources, its session, its changes, and what it took the place of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.graph import alive
from mcp_memory.models.editing import Trace, TraceLink, TraceRevision, TraceSession, TraceStep
from mcp_memory.ontology import inverse_of
from mcp_memory.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Association
    from mcp_memory.models.memory import Memory

MOST_STEPS: Final = 50
SHOWN_CHARS: Final = 200

ORIGINS: Final = frozenset(
    (
        "supersedes", "superseded_by", "replaces", "replaced_by", "deprecates", "deprecated_by", "refines",
        "refined_by", "duplicate_of", "variant_of", "builds_on",
    )
)  # fmt: skip
"""Relationships that tell where a memory comes from, or what has become of it."""


async def trace(resources: Resources, memory_id: str, scope: Scope) -> Trace:
    """The chain of sources, oldest last, and all else that is known of the memory's origin.

    Raises:
        UnknownMemory: it is forgotten, or cannot be seen from here.
    """
    memory = await alive(resources, memory_id, scope)
    chain, complete = await _chain(resources, memory, scope)
    revisions = await resources.store.revisions(memory.workspace_id, memory.id)
    return Trace(
        memory_id=memory.id,
        workspace_id=memory.workspace_id,
        chain=[_step(one) for one in chain],
        complete=complete,
        confirmations=memory.confirmations,
        session=await _session(resources, memory),
        revisions=[
            TraceRevision(number=one.number, action=one.action, author=one.author, at=one.created_at)
            for one in revisions
        ],
        links=await _links(resources, memory, scope),
    )


async def _chain(resources: Resources, memory: Memory, scope: Scope) -> tuple[list[Memory], bool]:
    """The memory and its sources, tombstones too, and whether the last one has none."""
    chain, seen = [memory], {memory.id}
    while (source := chain[-1].source_memory_id) and source not in seen and len(chain) < MOST_STEPS:
        found = await resources.store.get(scope.where(), [source], include_deleted=True)
        if not found:
            break
        chain += found
        seen.add(source)
    return chain, not chain[-1].source_memory_id


def _step(memory: Memory) -> TraceStep:
    return TraceStep(
        memory_id=memory.id,
        content=clip(memory.content, SHOWN_CHARS),
        type=memory.type,
        status=memory.status,
        author=memory.author,
        session_id=memory.session_id,
        source_memory_id=memory.source_memory_id,
        created_at=memory.created_at,
    )


async def _session(resources: Resources, memory: Memory) -> TraceSession | None:
    session = await resources.store.session(memory.session_id) if memory.session_id else None
    if session is None or session.workspace_id != memory.workspace_id:
        return None
    return TraceSession(
        id=session.id,
        author=session.author,
        context_id=session.context_id,
        created_at=session.created_at,
        ended_at=session.ended_at,
    )


async def _links(resources: Resources, memory: Memory, scope: Scope) -> list[TraceLink]:
    """Oldest first; the other end may be a tombstone."""
    edges = [
        edge
        for edge in await resources.store.links_of([memory.id])
        if edge.relationship in ORIGINS and edge.workspace_id in scope.workspaces
    ]
    others = await _others(resources, memory, edges, scope)
    links = (_link(memory, edge, others) for edge in edges)
    return [link for link in links if link is not None]


async def _others(
    resources: Resources, memory: Memory, edges: Iterable[Association], scope: Scope
) -> dict[str, Memory]:
    ids = {end for edge in edges for end in (edge.source_id, edge.target_id)} - {memory.id}
    found = await resources.store.get(scope.where(), sorted(ids), include_deleted=True)
    return {other.id: other for other in found}


def _link(memory: Memory, edge: Association, others: dict[str, Memory]) -> TraceLink | None:
    stored_here = edge.source_id == memory.id
    other = others.get(edge.target_id if stored_here else edge.source_id)
    if other is None:
        return None
    return TraceLink(
        association_id=edge.id,
        relationship=edge.relationship if stored_here else inverse_of(edge.relationship) or edge.relationship,
        memory_id=other.id,
        status=other.status,
        at=edge.created_at,
    )
