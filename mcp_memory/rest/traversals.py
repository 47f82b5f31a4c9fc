"""The paths that links make."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from mcp_memory.models.association import Direction, GraphNode, GraphQuery
from mcp_memory.ontology import CATEGORIES, RELATIONSHIPS, statement
from mcp_memory.rest.asking import asked
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoQuery, Reply
from mcp_memory.rest.fields import WHOLE, Name, Relationship, Share
from mcp_memory.rest.wire import WireAssociation, association_wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mcp_memory.core.resources import Scope
    from mcp_memory.models.association import Association, GraphEdge, GraphPath

Category = Literal[
    "hierarchical",
    "causal",
    "temporal",
    "similarity",
    "learning",
    "refinement",
    "reference",
    "solution",
    "context",
    "workflow",
    "quality",
]

DEFAULT_DEPTH: Final = 2


class Traversal(Body):
    """Follow the links from a memory."""

    workspace_id: Name | None = None
    max_depth: Annotated[int, Field(ge=1, le=5), WHOLE] | None = None
    """Default 2."""
    relationship_types: Annotated[list[Relationship], Field(max_length=72)] | None = None
    relationship_categories: Annotated[list[Category], Field(max_length=11)] | None = None
    """All relationships of these categories, besides `relationship_types`."""
    direction: Direction | None = None
    min_strength: Share | None = None
    """Of a whole path: the product of its links' strengths."""
    max_paths: Annotated[int, Field(ge=1, le=500), WHOLE] | None = None
    max_nodes: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = None
    """Memories on all paths together, the first included."""


class WalkedAssociation(WireAssociation):
    """A link as it is stored, and how it is walked on a path."""

    walked_from: str
    walked_to: str
    reads: str
    """What `walked_from` is to `walked_to`."""


class WirePath(Answer):
    """A path; its strength is the product of its links' strengths."""

    nodes: list[str]
    edges: list[WalkedAssociation]
    total_strength: float
    depth: int
    relationship: str | None = None
    """What the first memory is to the last, where one name says it."""


class TraversalAnswer(Answer):
    """Paths, strongest first."""

    workspace_id: str
    paths: list[WirePath]
    total_paths: int
    unique_nodes: list[str]
    memories: list[GraphNode]
    truncated: bool
    """There are more paths than `max_paths` or `max_nodes` allow."""
    query_latency_ms: int


async def traverse(call: Call[Traversal, NoQuery]) -> Reply:
    """The strongest paths from a memory."""
    started = perf_counter()
    body = call.body
    request = asked(
        GraphQuery,
        start_memory_id=call.path["memory_id"],
        relationship_types=_relationships(body),
        max_depth=body.max_depth or DEFAULT_DEPTH,
        direction=body.direction,
        max_paths=body.max_paths,
        min_strength=body.min_strength,
    )
    home = await call.home(request.start_memory_id)
    found = await call.memory.graph_query(request, home)
    kept = _within([request.start_memory_id], found.paths, body.max_nodes or len(found.paths) * 6 + 1)
    stored = await _stored(call, kept, home)
    paths = [path for one in kept if (path := _path(one, stored)) is not None]
    nodes = _nodes([request.start_memory_id], kept)
    return Reply(
        {
            "workspace_id": found.workspace_id,
            "paths": paths,
            "total_paths": len(paths),
            "unique_nodes": nodes,
            "memories": [one.model_dump(mode="json") for one in found.memories if one.id in set(nodes)],
            "truncated": found.truncated or len(kept) < len(found.paths),
            "query_latency_ms": round((perf_counter() - started) * 1000),
        }
    )


def _relationships(body: Traversal) -> list[str]:
    """The names that types and categories ask for together; empty: all."""
    categories = set(body.relationship_categories or ())
    by_category = [one.name for one in RELATIONSHIPS.values() if one.category in categories]
    return list(dict.fromkeys([*(body.relationship_types or ()), *by_category]))


def _within(start: Sequence[str], paths: Sequence[GraphPath], most: int) -> list[GraphPath]:
    """The strongest paths that lie in so many memories."""
    seen = set(start)
    kept = []
    for path in paths:
        if len(seen | set(path.nodes)) <= most:
            seen |= set(path.nodes)
            kept.append(path)
    return kept


def _nodes(start: Sequence[str], paths: Iterable[GraphPath]) -> list[str]:
    return list(dict.fromkeys([*start, *(node for path in paths for node in path.nodes)]))


async def _stored(
    call: Call[Traversal, NoQuery], paths: Sequence[GraphPath], scope: Scope
) -> dict[tuple[str, str, str], Association]:
    """The links of these paths as they are stored, by what they say."""
    nodes = _nodes((), paths)
    edges = await call.memory.resources.store.associations(scope.where(), nodes) if nodes else []
    strongest_last = sorted(edges, key=lambda edge: edge.strength)
    return {statement(edge.source_id, edge.target_id, edge.relationship): edge for edge in strongest_last}


def _path(path: GraphPath, stored: Mapping[tuple[str, str, str], Association]) -> dict[str, Any] | None:
    """A path with its links; None where one of these has gone meanwhile."""
    edges = [_edge(edge, stored) for edge in path.edges]
    if None in edges:
        return None
    return {**path.model_dump(mode="json", exclude={"edges"}, exclude_none=True), "edges": edges}


def _edge(edge: GraphEdge, stored: Mapping[tuple[str, str, str], Association]) -> dict[str, Any] | None:
    link = stored.get(statement(edge.source, edge.target, edge.relationship))
    if link is None:
        return None
    walked = {"walked_from": edge.source, "walked_to": edge.target, "reads": edge.relationship}
    return {**association_wire(link), **walked}


assert set(CATEGORIES) == set(Category.__args__)  # type: ignore[attr-defined]  # noqa: S101

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/memories/{memory_id}/traverse",
        handler=traverse,
        summary="Follow the links from a memory: the strongest paths, each whole.",
        verb="graph_query",
        body=Traversal,
        optional_body=True,
        answer=TraversalAnswer,
        tag="Associations",
    ),
)
