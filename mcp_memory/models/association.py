"""Links between memories, and the paths they make."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mcp_memory.models.base import Line, Listed, Metadata, Moment, Request, Result, Share

Direction = Literal["outgoing", "incoming", "both"]


class Association(Result):
    """A typed link. Ids are `assoc_` and 16 hexadecimal digits; unique by source, target and relationship."""

    id: str
    workspace_id: str
    source_id: str
    target_id: str
    relationship: str
    strength: float = 0.5
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: Moment
    updated_at: Moment


class Associate(Request):
    """Link two memories."""

    source_id: Line
    target_id: Line
    relationship: Line
    strength: Share = 0.8
    metadata: Metadata = Field(default_factory=dict)


class Associated(Result):
    """The link as it stands now."""

    success: bool = True
    outcome: Literal["created", "updated"]
    association_id: str
    source_id: str
    target_id: str
    relationship: str
    strength: float
    message: str


class GraphQuery(Request):
    """Follow the links from one memory.

    Without `relationship_types`, `direction` is that in which a link was stored. With them, `outgoing` follows what
    reads "here R there", `incoming` what reads "there R here", `both` either, however the link was stored.
    `min_strength` is that of a path, the product of its links.
    """

    start_memory_id: Line
    relationship_types: Listed[str] = Field(default_factory=list, max_length=72)
    max_depth: int = Field(3, ge=1, le=5)
    direction: Direction = "both"
    max_paths: int = Field(50, ge=1, le=500)
    min_strength: Share = 0.0


class GraphEdge(Result):
    """One step of a path, read in the direction walked: `relationship` holds from `source` to `target`."""

    source: str = Field(serialization_alias="from")
    target: str = Field(serialization_alias="to")
    relationship: str
    strength: float
    inverse: bool = False
    """Walked against the way it was stored: `relationship` is the inverse name of what was stored. Only `during`,
    which has none, keeps its name, and its `source` and `target` as stored."""


class GraphPath(Result):
    """A whole path; `total_strength` is the product of its edges' strengths."""

    nodes: list[str]
    edges: list[GraphEdge]
    total_strength: float
    depth: int
    relationship: str | None = None
    """What the first memory is to the last: the one edge's name, or the transitive one that all edges share."""


class GraphNode(Result):
    """A memory on a path, in one line."""

    id: str
    content: str
    type: str


class GraphResult(Result):
    """Paths, strongest first."""

    success: bool = True
    workspace_id: str
    paths: list[GraphPath]
    total_paths: int
    truncated: bool = False
    unique_nodes: list[str]
    memories: list[GraphNode] = Field(default_factory=list)
