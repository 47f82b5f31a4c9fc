"""Links between memories: stating them, and following them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.forget import known
from mcp_memory.core.paths import Step, strongest_paths
from mcp_memory.errors import InvalidRequest, UnknownMemory
from mcp_memory.models.association import Associated, Association, GraphEdge, GraphNode, GraphPath, GraphResult
from mcp_memory.models.memory import MemoryStatus
from mcp_memory.ontology import inverse_of, meaning_of, relationship, statement
from mcp_memory.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_memory.core.paths import Path
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Associate, GraphQuery
    from mcp_memory.models.memory import Memory

SHOWN_CHARS = 160
"""How much of each memory on a path the answer shows."""

LEVEL_LINKS = 10_000
"""Most links read for one step outwards, the strongest first."""


async def associate(resources: Resources, request: Associate, scope: Scope) -> Associated:
    """Link two memories.

    A link that already says the same gets the new strength and metadata instead of a twin: the same words, the
    inverse from the other end (`child_of` for `parent_of`), a synonym, or a symmetric one the other way round.

    Raises:
        UnknownRelationship: offers the nearest names.
        UnknownMemory: an end is not alive in the workspace or `_global`.
        InvalidRequest: both ends are the same memory.
    """
    relationship(request.relationship)
    if request.source_id == request.target_id:
        raise InvalidRequest(f"{request.source_id} cannot be linked to itself; give another `target_id`.")
    source = await alive(resources, request.source_id, scope)
    target = await alive(resources, request.target_id, scope)
    standing = await _standing(resources, request, scope)
    edge, new = await resources.store.associate(standing or _edge(resources, request, _home(scope, source, target)))
    return _associated(request, edge, new)


async def alive(resources: Resources, memory_id: str, scope: Scope) -> Memory:
    """The memory with this id, which is no tombstone.

    Raises:
        UnknownMemory: it is forgotten, or cannot be seen from here.
    """
    memory = await known(resources, memory_id, scope)
    if memory.status is MemoryStatus.DELETED:
        raise UnknownMemory(
            f"{memory_id} is forgotten ({memory.forget_reason}). `mcp-memory restore {memory_id}` brings it back."
        )
    return memory


def _home(scope: Scope, source: Memory, target: Memory) -> str:
    """The workspace of both ends, if it may be changed; with ends in two of them, the one that is asked."""
    shared = source.workspace_id == target.workspace_id and source.workspace_id in scope.changeable
    return source.workspace_id if shared else scope.workspace_id


def _edge(resources: Resources, request: Associate, workspace_id: str) -> Association:
    now = resources.now()
    return Association(
        id="",
        workspace_id=workspace_id,
        source_id=request.source_id,
        target_id=request.target_id,
        relationship=request.relationship,
        strength=request.strength,
        metadata=request.metadata,
        created_at=now,
        updated_at=now,
    )


async def _standing(resources: Resources, request: Associate, scope: Scope) -> Association | None:
    """The link that already says the same, as it is to be now."""
    said = statement(request.source_id, request.target_id, request.relationship)
    for edge in await links(resources, [request.source_id], scope):
        same = statement(edge.source_id, edge.target_id, edge.relationship) == said
        if same and edge.workspace_id in scope.changeable:
            fresh = {"strength": request.strength, "metadata": edge.metadata | request.metadata}
            return edge.model_copy(update=fresh | {"updated_at": resources.now()})
    return None


def _associated(request: Associate, edge: Association, new: bool) -> Associated:
    same_words = (edge.source_id, edge.relationship) == (request.source_id, request.relationship)
    updated = "This link was already there" if same_words else "A link that says the same was already there"
    return Associated(
        outcome="created" if new else "updated",
        association_id=edge.id,
        source_id=edge.source_id,
        target_id=edge.target_id,
        relationship=edge.relationship,
        strength=edge.strength,
        message="Linked." if new else f"{updated}; its strength is now {edge.strength:g}.",
    )


async def links(resources: Resources, memory_ids: Sequence[str], scope: Scope) -> list[Association]:
    """The links of these memories that belong to the scope and whose both ends are alive, strongest first."""
    found = await resources.store.associations(scope.where(), memory_ids, "both", LEVEL_LINKS)
    return [edge for edge in found if edge.workspace_id in scope.workspaces]


async def graph_query(resources: Resources, request: GraphQuery, scope: Scope) -> GraphResult:
    """The strongest simple paths from one memory, each whole.

    Every path of up to `max_depth` links counts, so that each memory within reach is an end. Symmetric links are
    walked both ways in any direction; a link walked against the way it was stored is read by its inverse.

    Raises:
        UnknownMemory: the start is not alive in the workspace or `_global`.
        UnknownRelationship: offers the nearest names.
    """
    wanted = frozenset(meaning_of(name) for name in request.relationship_types)
    start = await alive(resources, request.start_memory_id, scope)
    clipped = False

    async def fetch(ids: Sequence[str]) -> list[Step]:
        nonlocal clipped
        edges = await links(resources, ids, scope)
        clipped = clipped or len(edges) >= LEVEL_LINKS
        return list(_steps(edges, frozenset(ids), request, wanted))

    paths, more = await strongest_paths(
        start.id, fetch, depth=request.max_depth, most=request.max_paths, floor=request.min_strength
    )
    nodes = dict.fromkeys([start.id, *(node for path in paths for node in path.nodes)])
    memories = await resources.store.get(scope.where(include_archived=True), list(nodes))
    return _result(scope, paths, memories, more or clipped)


def _steps(
    edges: Iterable[Association], here: frozenset[str], request: GraphQuery, wanted: frozenset[str]
) -> Iterable[Step]:
    """Each link as walked from those of its ends that are `here`, where the request follows it; no step twice."""
    seen = set()
    for edge in edges:
        for step in (_forwards(edge), _backwards(edge)):
            said = (step.source, step.target, step.name and meaning_of(step.name))
            if step.source in here and said not in seen and _followed(step, request, wanted):
                seen.add(said)
                yield step


def _forwards(edge: Association) -> Step:
    back = inverse_of(edge.relationship)
    return Step(edge.source_id, edge.target_id, edge.relationship, back, edge.strength, inverse=False)


def _backwards(edge: Association) -> Step:
    name = inverse_of(edge.relationship)
    return Step(edge.target_id, edge.source_id, name, edge.relationship, edge.strength, inverse=True)


def _followed(step: Step, request: GraphQuery, wanted: frozenset[str]) -> bool:
    outgoing = _among(step.name, wanted) if wanted else not step.inverse or step.name == step.back
    incoming = _among(step.back, wanted) if wanted else step.inverse or step.name == step.back
    return {"outgoing": outgoing, "incoming": incoming, "both": outgoing or incoming}[request.direction]


def _among(name: str | None, wanted: frozenset[str]) -> bool:
    return name is not None and meaning_of(name) in wanted


def _result(scope: Scope, paths: Sequence[Path], memories: Sequence[Memory], truncated: bool) -> GraphResult:
    return GraphResult(
        workspace_id=scope.workspace_id,
        paths=[_path(path) for path in paths],
        total_paths=len(paths),
        truncated=truncated,
        unique_nodes=[memory.id for memory in memories],
        memories=[
            GraphNode(id=memory.id, content=clip(memory.content, SHOWN_CHARS), type=memory.type) for memory in memories
        ],
    )


def _path(path: Path) -> GraphPath:
    return GraphPath(
        nodes=list(path.nodes),
        edges=[_walked(step) for step in path.steps],
        total_strength=round(path.strength, 6),
        depth=len(path.steps),
        relationship=_overall(path),
    )


def _walked(step: Step) -> GraphEdge:
    if step.name is None:
        return GraphEdge(
            source=step.target, target=step.source, relationship=step.back or "", strength=step.strength, inverse=True
        )
    return GraphEdge(
        source=step.source,
        target=step.target,
        relationship=step.name,
        strength=step.strength,
        inverse=step.inverse and step.name != step.back,
    )


def _overall(path: Path) -> str | None:
    """What the first memory is to the last: a transitive relationship holds all along a path made of nothing else."""
    name = path.steps[0].name
    if name is None or len(path.steps) == 1:
        return name
    meanings = {step.name and meaning_of(step.name) for step in path.steps}
    return name if len(meanings) == 1 and relationship(name).transitive else None
