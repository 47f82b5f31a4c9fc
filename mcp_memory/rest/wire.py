"""How what core gives looks on the wire: MemoryLayer's names, wrapper and bare fields in one object.

Its clients unwrap differently, so an answer is `{"memory": M, **M}`. They forbid `null` where a field has a default,
so what is None is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from mcp_memory.models.memory import MemorySubtype, MemoryType  # noqa: TC001 - pydantic reads it
from mcp_memory.names import GLOBAL_WORKSPACE
from mcp_memory.rest.endpoint import Answer

if TYPE_CHECKING:
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.association import Association
    from mcp_memory.models.base import Result
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.recall import RecalledMemory
    from mcp_memory.models.session import Session
    from mcp_memory.models.workspace import Context, Workspace

TENANT: Final = "_default"
"""There is one tenant; the wire form wants its name."""

NOT_ON_THE_WIRE: Final = {"confirmations", "embedding_state", "forgotten_at", "forget_reason"}
NOT_RECALLED: Final = NOT_ON_THE_WIRE | {"content_hash"}
"""What a list of memories can do without: it keeps ten of them under 8 KB."""

LINKED: Final = "linked:"
"""How recall gives the reason of a memory that only links led to."""

SourceScope = Literal["same_context", "same_workspace", "global_workspace", "other", "association"]


class WireMemory(Answer):
    """A memory."""

    id: str
    workspace_id: str
    tenant_id: str
    context_id: str
    session_id: str | None = None
    user_id: str | None = None
    observer_id: str | None = None
    subject_id: str | None = None
    author: str | None = None
    content: str
    content_hash: str | None = None
    type: MemoryType
    subtype: MemorySubtype | None = None
    importance: float = Field(ge=0, le=1)
    tags: list[str]
    metadata: dict[str, Any]
    source_memory_id: str | None = None
    status: Literal["active", "archived"]
    pinned: bool
    access_count: int
    last_accessed_at: str | None = None
    decay_factor: float
    occurred_at: str | None = None
    created_at: str
    updated_at: str
    embedding: list[float] | None = None
    """Where it was asked for."""


class MemoryAnswer(WireMemory):
    """A memory, wrapped and bare."""

    memory: WireMemory


class WireAssociation(Answer):
    """A typed link between two memories."""

    id: str
    workspace_id: str
    source_id: str
    target_id: str
    relationship: str
    strength: float = Field(ge=0, le=1)
    metadata: dict[str, Any]
    created_at: str
    updated_at: str


class AssociationAnswer(WireAssociation):
    """A link, wrapped and bare."""

    association: WireAssociation


def plain(result: Result) -> dict[str, Any]:
    """A result's fields, those that are None left out."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def wrapped(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The wrapper and the bare fields in one object."""
    return {name: fields, **fields}


def memory_wire(memory: Memory) -> dict[str, Any]:
    """A whole memory."""
    told = memory.model_dump(mode="json", exclude_none=True, exclude=NOT_ON_THE_WIRE)
    return {"tenant_id": TENANT, **told}


def recalled_wire(found: RecalledMemory, whole: Memory, scope: Scope) -> dict[str, Any]:
    """A recalled memory: the whole of it, with as much of its text as was asked for, and why it is here.

    Args:
        found: as recall shows it.
        whole: the same memory as it is stored.
        scope: where the call happens.
    """
    told = whole.model_dump(mode="json", exclude_none=True, exclude=NOT_RECALLED)
    why = {"relevance_score": found.relevance_score, "boosted_score": found.score, "why": found.why or None}
    near = [one.model_dump(mode="json") for one in found.neighbors]
    return {
        "tenant_id": TENANT,
        **told,
        "content": found.content,
        "source_scope": _source_scope(found, whole, scope),
        **{name: value for name, value in why.items() if value is not None},
        **({"neighbors": near} if near else {}),
    }


def _source_scope(found: RecalledMemory, whole: Memory, scope: Scope) -> SourceScope:
    """Where it came from, seen from the caller."""
    if any(reason.startswith(LINKED) for reason in found.why):
        return "association"
    if whole.workspace_id == scope.workspace_id:
        return "same_context" if scope.context_id == whole.context_id else "same_workspace"
    return "global_workspace" if whole.workspace_id == GLOBAL_WORKSPACE else "other"


def association_wire(association: Association) -> dict[str, Any]:
    """A link."""
    return plain(association)


def session_wire(session: Session) -> dict[str, Any]:
    """A session."""
    return {"tenant_id": TENANT, **plain(session)}


def workspace_wire(workspace: Workspace) -> dict[str, Any]:
    """A workspace."""
    return {"tenant_id": TENANT, **plain(workspace)}


def context_wire(context: Context) -> dict[str, Any]:
    """A named part of a workspace."""
    told = plain(context)
    return {"tenant_id": TENANT, "updated_at": told["created_at"], **told}
