"""A memory and the closed sets that describe it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from mcp_memory.models.base import Label, Line, Metadata, Moment, Request, Result, Share, Tags
from mcp_memory.names import DEFAULT_CONTEXT


class MemoryType(StrEnum):
    """What kind of remembering it is."""

    EPISODIC = "episodic"
    SEMANTIC = "semantic"
    PROCEDURAL = "procedural"
    WORKING = "working"


class MemorySubtype(StrEnum):
    """What the memory is about."""

    SOLUTION = "solution"
    PROBLEM = "problem"
    CODE_PATTERN = "code_pattern"
    FIX = "fix"
    ERROR = "error"
    WORKFLOW = "workflow"
    PREFERENCE = "preference"
    DECISION = "decision"
    PROFILE = "profile"
    ENTITY = "entity"
    EVENT = "event"
    DIRECTIVE = "directive"
    INFERENCE = "inference"


class MemoryStatus(StrEnum):
    """`deleted` is a tombstone that can be restored."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    DELETED = "deleted"


class DetailLevel(StrEnum):
    """How much of each memory's text: its first sentence, its first few, or all of it."""

    ABSTRACT = "abstract"
    OVERVIEW = "overview"
    FULL = "full"


EmbeddingState = Literal["pending", "embedded", "failed"]


class Memory(Result):
    """One memory, whole. Ids are `mem_` and 16 hexadecimal digits."""

    id: str
    workspace_id: str
    context_id: str = DEFAULT_CONTEXT
    session_id: str | None = None
    user_id: str | None = None
    observer_id: str | None = None
    subject_id: str | None = None
    author: str | None = None
    content: str
    content_hash: str
    type: MemoryType
    subtype: MemorySubtype | None = None
    importance: float = 0.5
    tags: list[str] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)
    source_memory_id: str | None = None
    status: MemoryStatus = MemoryStatus.ACTIVE
    pinned: bool = False
    access_count: int = 0
    confirmations: int = 0
    last_accessed_at: Moment | None = None
    decay_factor: float = 1.0
    embedding_state: EmbeddingState = "pending"
    occurred_at: Moment | None = None
    created_at: Moment
    updated_at: Moment
    forgotten_at: Moment | None = None
    forget_reason: str | None = None

    @property
    def moment(self) -> Moment:
        """When it happened, as far as known; else when it was written."""
        return self.occurred_at or self.created_at


class Revision(Result):
    """What a memory was after one change. Number 1 is its creation."""

    memory_id: str
    number: int
    action: Literal["created", "confirmed", "updated", "forgotten", "restored", "imported"]
    author: str | None = None
    snapshot: dict[str, Any]
    created_at: Moment


class Remember(Request):
    """Store one memory."""

    content: Line
    type: MemoryType | None = None
    subtype: MemorySubtype | None = None
    importance: Share = 0.5
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)
    context_id: Label = ""
    session_id: Label = ""
    user_id: Label = ""
    observer_id: Label = ""
    subject_id: Label = ""
    author: Label = ""
    occurred_at: Moment | None = None


class SimilarMemory(Result):
    """A memory close in meaning that says something else; it was linked, not merged."""

    memory_id: str
    content: str
    similarity: float


class Remembered(Result):
    """What became of the text: a new memory, or one more confirmation of an existing one."""

    success: bool = True
    outcome: Literal["created", "confirmed"]
    memory_id: str
    workspace_id: str
    type: MemoryType
    subtype: MemorySubtype | None = None
    importance: float
    tags: list[str]
    similar: list[SimilarMemory] = Field(default_factory=list)
    embedding_state: EmbeddingState
    message: str


class Forget(Request):
    """Forget one memory: a tombstone that can be restored, or with `hard` for ever."""

    memory_id: Line
    reason: Label = ""
    hard: bool = False


class Forgotten(Result):
    """What was forgotten."""

    success: bool = True
    memory_id: str
    workspace_id: str
    hard_delete: bool
    reason: str
    message: str


class Restored(Result):
    """A tombstone brought back."""

    success: bool = True
    memory_id: str
    workspace_id: str
    message: str
