"""What the next window should know."""

from __future__ import annotations

from pydantic import Field

from mcp_memory.models.audit import Contradiction
from mcp_memory.models.base import Moment, Request, Result
from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType


class BriefingRequest(Request):
    """What happened lately, and what matters."""

    time_window_minutes: int = Field(60, ge=1, le=5_256_000)
    detail_level: DetailLevel = DetailLevel.ABSTRACT
    limit: int = Field(10, ge=1, le=50)
    include_memories: bool = True
    include_contradictions: bool = True
    max_tokens: int = Field(2000, ge=100, le=100_000)


class BriefedMemory(Result):
    """One memory at the asked detail."""

    id: str
    content: str
    type: MemoryType
    subtype: MemorySubtype | None = None
    importance: float
    tags: list[str] = Field(default_factory=list)
    created_at: Moment
    reason: str
    """`recent`, `important` or `standing` (a directive or preference)."""


class Activity(Result):
    """What was remembered in one context or session within the window."""

    timestamp: Moment
    summary: str
    memories_created: int


class Briefing(Result):
    """Empty where there is nothing."""

    success: bool = True
    workspace_id: str
    total_memories: int
    recent_memories: int
    total_associations: int
    total_categories: int
    memory_types: dict[str, int]
    active_topics: list[str]
    recent_activity: list[Activity]
    contradictions_found: int
    contradictions: list[Contradiction] = Field(default_factory=list)
    memories: list[BriefedMemory] = Field(default_factory=list)
    truncated: bool = False
