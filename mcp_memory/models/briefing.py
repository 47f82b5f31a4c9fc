"""What the next window should know."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mcp_memory.models.audit import Contradiction  # noqa: TC001 - pydantic reads it
from mcp_memory.models.base import Moment, Request, Result
from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType

Reason = Literal["standing", "important", "recent"]
"""`standing`: a directive or preference; `important`: pinned or above the usual importance; `recent`: in the window."""


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
    workspace_id: str | None = None
    """Only where it is not the workspace asked."""
    author: str | None = None
    occurred_at: Moment | None = None
    created_at: Moment
    reason: Reason


class Activity(Result):
    """What was remembered within the window in one session, or by one author in one context and hour.

    The last entry may stand for everything too old to be broken down.
    """

    timestamp: Moment
    """Of the newest memory; the beginning of the window where it stands for the rest."""
    summary: str
    memories_created: int
    session_id: str | None = None
    context_id: str | None = None
    author: str | None = None


class Briefing(Result):
    """Empty where there is nothing."""

    success: bool = True
    workspace_id: str
    total_memories: int
    recent_memories: int
    """Within the window."""
    total_associations: int
    total_categories: int
    """Different subtypes in use."""
    memory_types: dict[str, int]
    active_topics: list[str]
    """Of the recent memories, the most active first."""
    recent_activity: list[Activity]
    """Newest first; the counts add up to `recent_memories` unless `truncated`."""
    contradictions_found: int
    """Among the memories looked at: the recent, important and standing ones."""
    contradictions: list[Contradiction] = Field(default_factory=list)
    memories: list[BriefedMemory] = Field(default_factory=list)
    """Standing ones first, then the important, then the recent."""
    truncated: bool = False
    """The limit of tokens left something out or shortened it."""
