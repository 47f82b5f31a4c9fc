"""One memory read, changed and traced, and many written at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mcp_memory.models.association import Direction  # noqa: TC001 - pydantic reads it
from mcp_memory.models.base import Label, Line, Listed, Metadata, Moment, Request, Result, Share, Tags
from mcp_memory.models.memory import Memory, MemoryStatus, MemorySubtype, MemoryType, Remember

MOST_OPERATIONS = 500
"""Operations of one batch."""


class GetMemory(Request):
    """Read one memory by its id; nothing is counted or changed."""

    memory_id: Line
    include_embedding: bool = False


class MemoryRecord(Memory):
    """A memory as it stands, with its vector where that was asked for."""

    embedding: list[float] | None = None
    """Unit vector of the encoder in use; None where it was not asked for or is not made yet."""


class UpdateMemory(Request):
    """Change one memory; what is not given stays. `tags` and `metadata` replace those it has."""

    memory_id: Line
    content: Line | None = None
    type: MemoryType | None = None
    subtype: MemorySubtype | None = None
    importance: Share | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None
    pinned: bool | None = None


class Decay(Request):
    """Let one memory fade: importance and decay factor are multiplied by 1 - `rate`."""

    memory_id: Line
    rate: Share = 0.1


class BatchCreate(Request):
    """Remember something."""

    op: Literal["create"] = "create"
    memory: Remember


class BatchUpdate(Request):
    """Change a memory."""

    op: Literal["update"] = "update"
    update: UpdateMemory


class BatchDelete(Request):
    """Forget a memory, or with `hard` erase it."""

    op: Literal["delete"] = "delete"
    memory_id: Line
    hard: bool = False
    reason: Label = ""


Operation = Annotated[BatchCreate | BatchUpdate | BatchDelete, Field(discriminator="op")]


class Batch(Request):
    """Operations carried out in order, each of which succeeds or fails by itself."""

    operations: Listed[Operation] = Field(min_length=1, max_length=MOST_OPERATIONS)


class BatchItem(Result):
    """What became of one operation."""

    index: int
    type: Literal["create", "update", "delete"]
    status: Literal["success", "error"]
    memory_id: str | None = None
    memory: MemoryRecord | None = None
    """As it stands after a `create` or an `update`."""
    error: str | None = None


class BatchResult(Result):
    """All of it, in the order asked."""

    success: bool = True
    """Whether every operation succeeded."""
    workspace_id: str
    total_operations: int
    successful: int
    failed_operations: int
    results: list[BatchItem]


class TraceStep(Result):
    """One memory on the way back to where the first came from."""

    memory_id: str
    content: str
    type: MemoryType
    status: MemoryStatus
    author: str | None = None
    session_id: str | None = None
    source_memory_id: str | None = None
    """The next step."""
    created_at: Moment


class TraceRevision(Result):
    """One change of the memory."""

    number: int
    action: str
    author: str | None = None
    at: Moment


class TraceLink(Result):
    """A link that says the memory took another's place, lost its own, or came of others."""

    association_id: str
    relationship: str
    """Read from the traced memory to the other."""
    memory_id: str
    status: MemoryStatus
    at: Moment


class TraceSession(Result):
    """The session it was written in."""

    id: str
    author: str | None = None
    context_id: str
    created_at: Moment
    ended_at: Moment | None = None


class Trace(Result):
    """Where a memory comes from."""

    memory_id: str
    workspace_id: str
    chain: list[TraceStep]
    """The memory itself, what it was made from, what that was made from, and so on."""
    complete: bool = True
    """The chain ends where there is no source; not where the source is gone, out of sight or too far."""
    confirmations: int = 0
    session: TraceSession | None = None
    revisions: list[TraceRevision]
    links: list[TraceLink] = Field(default_factory=list)


class ListAssociations(Request):
    """The links of one memory."""

    memory_id: Line
    relationships: Listed[str] = Field(default_factory=list, max_length=72)
    """Only these, and their synonyms; empty: all."""
    direction: Direction = "both"
    """In which the links were stored."""
    limit: int = Field(1000, ge=1, le=10_000)


class Dissociated(Result):
    """A link removed."""

    success: bool = True
    association_id: str
    workspace_id: str
    message: str
