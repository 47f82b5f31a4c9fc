"""What the next window should know."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mcp_memory.models.audit import Contradiction  # noqa: TC001 - pydantic reads it
from mcp_memory.models.base import Moment, Request, Result
from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType

Reason = Literal["standing", "decision", "important", "recent"]
"""`standing`: a directive or preference; `important`: pinned, often used or above the usual importance; `recent`: in
the window."""

ThreadStatus = Literal["blocked", "begun", "promised", "planned", "asked"]
"""How far something unfinished has come: it cannot go on, is under way, somebody said they would, somebody means to,
or it was only asked."""


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


class KeyMemory(Result):
    """A memory that a thread hangs on."""

    id: str
    content: str
    moment: Moment
    """When it happened, else when it was written."""


class OpenThread(Result):
    """Something begun, promised, planned, blocked or asked that is not visibly finished."""

    topic: str
    status: ThreadStatus
    last_activity: Moment
    """Of the newest of its memories."""
    key_memories: list[KeyMemory]
    """Newest first; the first is the one the topic was read from."""


class HeldValue(Result):
    """One thing that an active session holds in working memory."""

    session_id: str
    key: str
    value: str
    """Text as it is, everything else as JSON; shortened to the asked detail."""
    committed: bool = False
    """It is in long-term memory too."""


class BriefedSession(Result):
    """A session that is active."""

    id: str
    context_id: str | None = None
    author: str | None = None
    last_activity: Moment
    expires_at: Moment
    held: int = 0
    """Keys in its working memory."""


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
    decisions: list[BriefedMemory] = Field(default_factory=list)
    """Decisions that hold, those that matter most first; they are not among `memories` again."""
    open_threads: list[OpenThread] = Field(default_factory=list)
    """Those that matter most first."""
    working_memory: list[HeldValue] = Field(default_factory=list)
    """Of the caller's own session and of its user's other active sessions, latest first."""
    sessions: list[BriefedSession] = Field(default_factory=list)
    """Active ones of the same user, latest use first; the caller's own only where it holds something."""
    truncated: bool = False
    """The limit of tokens left something out or shortened it."""
