"""What is known about somebody or something: the subject of memories."""

from __future__ import annotations

from pydantic import Field

from mcp_memory.models.base import Label, Line, Moment, Request, Result
from mcp_memory.models.memory import Memory  # noqa: TC001 - pydantic reads it


class EntityCardRequest(Request):
    """What is known about a subject, on one card."""

    entity_id: Line = Field(max_length=200)


class EntityCard(Result):
    """A synthesis of the memories about a subject, made now."""

    entity_id: str
    workspace_id: str
    reflection: str
    insights: list[Memory] = Field(default_factory=list)
    source_memories: list[str]
    confidence: float
    generated_at: Moment


class EntityInsightsRequest(Request):
    """What was inferred about a subject."""

    entity_id: Line = Field(max_length=200)
    observer_id: Label = ""
    limit: int = Field(20, ge=1, le=100)


class EntityInsights(Result):
    """Memories of subtype `inference` about the subject, newest first."""

    entity_id: str
    workspace_id: str
    insights: list[Memory]
    total_count: int


class DeriveInsights(Request):
    """Infer what the memories about a subject show by their number."""

    entity_id: Line = Field(max_length=200)
    observer_id: Label = ""


class DerivedInsights(Result):
    """The statements as they stand now, each a memory of subtype `inference`."""

    subject_id: str
    workspace_id: str
    insights_created: int
    insights_updated: int
    source_memory_count: int
    insights: list[Memory]
