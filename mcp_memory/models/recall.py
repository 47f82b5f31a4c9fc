"""Finding memories again."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from mcp_memory.models.base import Label, Listed, Moment, Request, Result, Share, Tags
from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType


class Tolerance(StrEnum):
    """How near in meaning a memory must be."""

    LOOSE = "loose"
    MODERATE = "moderate"
    STRICT = "strict"


class RecallMode(StrEnum):
    """How a question is answered."""

    RAG = "rag"
    """By words and meaning."""
    LLM = "llm"
    """The same for a rewritten question too; a language model chooses from what both find."""
    HYBRID = "hybrid"
    """`rag`, and `llm` where that finds nothing near enough."""


class Turn(Request):
    """One turn of a conversation."""

    role: str = Field(max_length=200)
    content: str = Field(max_length=100_000)


class Recall(Request):
    """A question to memory; `*` browses newest first, whatever the mode."""

    query: str = Field(max_length=20_000)
    types: Listed[MemoryType] = Field(default_factory=list, max_length=4)
    subtypes: Listed[MemorySubtype] = Field(default_factory=list, max_length=13)
    tags: Tags = Field(default_factory=list)
    limit: int = Field(10, ge=1, le=100)
    mode: RecallMode = RecallMode.RAG
    rag_threshold: Share | None = None
    """The cosine from which on `rag` is sufficient for `hybrid`; None: what was measured to part the two."""
    context: list[Turn] = Field(default_factory=list, max_length=100)
    """The conversation in which the question came up, for a language model that rewrites it."""
    min_relevance: Share | None = None
    tolerance: Tolerance = Tolerance.MODERATE
    context_id: Label = ""
    session_id: Label = ""
    user_id: Label = ""
    observer_id: Label = ""
    subject_id: Label = ""
    author: Label = ""
    created_after: Moment | None = None
    created_before: Moment | None = None
    include_archived: bool = False
    exclude_ids: Listed[str] = Field(default_factory=list, max_length=1000)
    include_neighbors: int = Field(0, ge=0, le=2)
    include_associations: bool = False
    traverse_depth: int = Field(1, ge=0, le=5)
    max_expansion: int = Field(50, ge=1, le=500)
    """Memories that links may add, strongest first."""
    recency_weight: Share | None = None
    """How much newer memories come first; a week old counts half. None: not at all."""
    max_tokens: int | None = Field(None, ge=50, le=100_000)
    detail_level: DetailLevel = DetailLevel.FULL
    offset: int = Field(0, ge=0)
    """For browsing only."""


class Neighbour(Result):
    """What was remembered right before or after, in the same session or context."""

    id: str
    content: str
    position: int
    """-1 is the one before, 1 the one after."""


class RecalledMemory(Result):
    """A memory and why it is here."""

    id: str
    content: str
    type: MemoryType
    subtype: MemorySubtype | None = None
    importance: float
    tags: list[str] = Field(default_factory=list)
    workspace_id: str | None = None
    """Only where it is not the workspace asked."""
    context_id: str | None = None
    author: str | None = None
    user_id: str | None = None
    subject_id: str | None = None
    occurred_at: Moment | None = None
    created_at: Moment
    access_count: int = 0
    metadata: dict[str, Any] | None = None
    relevance_score: float | None = None
    """Cosine to the query, -1..1, comparable between answers; absent without a vector."""
    score: float | None = None
    """Fused score, the order of the answer unless `mode_used` is `llm`: then it is the language model's."""
    why: list[str] = Field(default_factory=list)
    neighbors: list[Neighbour] = Field(default_factory=list)


class RecallResult(Result):
    """Memories, best first (newest first when browsing)."""

    success: bool = True
    workspace_id: str
    memories: list[RecalledMemory]
    total_count: int
    """How many memories passed filters and floor, of which `memories` are the first."""
    search_latency_ms: int
    mode_used: Literal["rag", "keywords", "browse", "llm"]
    """The way taken; `keywords` is `rag` without meaning."""
    degraded: str | None = None
    """What of the way asked for could not be done, and why; absent when all was."""
    truncated: bool = False
    """`max_tokens` left some of the memories out."""


class Reflect(Request):
    """A synthesis of what is remembered about something."""

    query: str = Field(max_length=20_000)
    detail_level: DetailLevel = DetailLevel.FULL
    include_sources: bool = True
    depth: int = Field(2, ge=1, le=5)
    types: Listed[MemoryType] = Field(default_factory=list, max_length=4)
    subtypes: Listed[MemorySubtype] = Field(default_factory=list, max_length=13)
    tags: Tags = Field(default_factory=list)
    context_id: Label = ""
    user_id: Label = ""
    subject_id: Label = ""


class ReflectResult(Result):
    """The synthesis; every sentence in it carries the id of its source, unless asked for without."""

    success: bool = True
    workspace_id: str
    reflection: str
    source_memories: list[str]
    confidence: float
    """Computed from the memories cited, whoever wrote the sentences."""
    tokens_processed: int
    """Of the memories read, and of the exchange with the language model where there was one."""
    method: Literal["llm", "extractive", "none"]
    """`llm`: in a language model's words; `extractive`: in the memories' own."""
    degraded: str | None = None
    """What could not be done in full, and why; absent when all was."""
