"""A stretch of an agent's work, what it holds in hand, and what it leaves behind."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from mcp_memory.models.base import Label, Line, Listed, Metadata, Moment, Request, Result, Share
from mcp_memory.names import DEFAULT_CONTEXT

DEFAULT_TTL = 3600
"""Seconds a session lasts after it was last used."""

LEAST_TTL, MOST_TTL = 60, 86_400

Ttl = Annotated[int, Field(ge=LEAST_TTL, le=MOST_TTL)]
"""Seconds, a minute to a day."""

SessionState = Literal["active", "expired", "ended"]


class Category(StrEnum):
    """What a commit sorts statements into (MemoryLayer's six)."""

    PROFILE = "profile"
    PREFERENCES = "preferences"
    ENTITIES = "entities"
    EVENTS = "events"
    CASES = "cases"
    PATTERNS = "patterns"


class Session(Result):
    """A session as the store keeps it. Ids are `sess_` and 32 hexadecimal digits, or the caller's own."""

    id: str
    workspace_id: str
    context_id: str = DEFAULT_CONTEXT
    user_id: str | None = None
    author: str | None = None
    """The client it was started by."""
    metadata: dict[str, Any] = Field(default_factory=dict)
    ttl_seconds: int = DEFAULT_TTL
    auto_commit: bool = True
    """Whether expiry commits it before it is swept."""
    created_at: Moment
    touched_at: Moment
    expires_at: Moment
    committed_at: Moment | None = None
    ended_at: Moment | None = None

    def state(self, now: Moment) -> SessionState:
        """Where it stands at `now`; it expires at the very instant `expires_at`."""
        if self.ended_at is not None:
            return "ended"
        return "expired" if now >= self.expires_at else "active"


class WorkingEntry(Result):
    """One thing a session holds in hand, under a key."""

    session_id: str
    key: str
    value: Any
    ttl_seconds: int | None = None
    created_at: Moment
    updated_at: Moment
    expires_at: Moment | None = None
    committed_at: Moment | None = None
    """When its present value was committed; None while it was not."""


class SessionStart(Request):
    """Begin a session, or go on with one."""

    session_id: Label = ""
    """Continue this one; empty: a new one."""
    workspace_id: Label = ""
    context_id: Label = ""
    user_id: Label = ""
    ttl_seconds: Ttl = DEFAULT_TTL
    metadata: Metadata = Field(default_factory=dict)


class SessionStarted(Result):
    """The session that later calls belong to."""

    success: bool = True
    session_id: str
    workspace_id: str
    context_id: str
    server_session_id: str
    created_at: Moment
    expires_at: Moment
    reused: bool
    """It was already there; nothing new was begun."""
    message: str


class SessionCommit(Request):
    """Turn what the session holds into long-term memories."""

    importance_threshold: Share = 0.5
    clear_after_commit: bool = False
    max_memories: int = Field(50, ge=1, le=500)
    deduplicate: bool = True
    categories: Listed[Category] = Field(default_factory=list, max_length=6)
    """Only these; empty: all six."""


class SessionCommitted(Result):
    """What became of what the session held."""

    success: bool = True
    session_id: str
    workspace_id: str
    server_session_id: str
    memories_extracted: int
    """Statements found worth keeping: `memories_deduplicated` + `memories_created`."""
    memories_deduplicated: int
    """Already known; confirmed."""
    memories_created: int
    breakdown: dict[str, int]
    """Created memories by category."""
    memory_ids: list[str] = Field(default_factory=list)
    left_out: int = 0
    """Statements below the threshold or beyond `max_memories`; they stay in the session."""
    working_memory_cleared: bool
    session_still_active: bool = True
    extraction_time_ms: int
    message: str


class SessionEnd(Request):
    """End the session, committing it first unless told not to."""

    commit: bool = True
    importance_threshold: Share = 0.5


class SessionEnded(Result):
    """What was committed, what was left, and what the next window should know."""

    success: bool = True
    session_id: str
    workspace_id: str
    committed: bool
    working_memory_count: int
    memories_extracted: int
    memories_deduplicated: int
    memories_created: int
    breakdown: dict[str, int]
    handover: str
    """A briefing for the next window, as text, within a token budget."""
    message: str


class SessionStatusRequest(Request):
    """Where the session stands."""


class SessionStatus(Result):
    """The session calls belong to now, if any."""

    success: bool = True
    enabled: bool = True
    active: bool
    state: SessionState | Literal["none"]
    id: str | None = None
    workspace_id: str | None = Field(None, serialization_alias="workspaceId")
    context_id: str | None = Field(None, serialization_alias="contextId")
    created_at: Moment | None = Field(None, serialization_alias="createdAt")
    expires_at: Moment | None = Field(None, serialization_alias="expiresAt")
    working_memory_count: int = Field(0, serialization_alias="workingMemoryCount")
    committed: bool = False
    """Everything it holds now has been committed."""
    server_session_id: str | None = Field(None, serialization_alias="serverSessionId")
    memories_written: int = Field(0, serialization_alias="memoriesWritten")


class WorkingSet(Request):
    """Hold a value in hand under a key."""

    key: Line = Field(max_length=200)
    value: Any
    ttl_seconds: int | None = Field(None, ge=1, le=MOST_TTL)


class OpenSession(Request):
    """Begin a session under an id of the caller's choice, or go on with the active one of that id."""

    session_id: Label = ""
    """Empty: `sess_` and 32 hexadecimal digits."""
    context_id: Label = ""
    user_id: Label = ""
    ttl_seconds: Ttl = DEFAULT_TTL
    metadata: Metadata = Field(default_factory=dict)
    working_memory: Metadata = Field(default_factory=dict)
    """Values held in hand from the start, by key."""
    replace: bool = False
    """A session of this id that has ended or expired gives way to a fresh one; without it, that is refused."""


class SessionOpened(Result):
    """The session, and whether it is a new one. What an expired one held was committed first if it commits itself."""

    outcome: Literal["created", "continued", "replaced"]
    session: Session
