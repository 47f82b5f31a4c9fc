"""Whether what is remembered holds together."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mcp_memory.models.base import Line, Request, Result

FindingKind = Literal[
    "duplicate",
    "near_duplicate",
    "value_conflict",
    "negation_conflict",
    "dangling_link",
    "superseded_but_referenced",
    "cycle",
    "missing_vector",
    "index_damage",
]


class Contradiction(Result):
    """Two memories that cannot both be true."""

    memory_a: str
    memory_b: str
    content_a: str
    content_b: str
    kind: Literal["value_conflict", "negation_conflict"]
    detail: str
    confidence: float
    newer: str
    """The id of the later one."""


class AuditRequest(Request):
    """Check one memory, or the whole workspace."""

    memory_id: Line | None = None
    auto_resolve: bool = False
    limit: int = Field(100, ge=1, le=1000)


class Finding(Result):
    """One thing that does not hold together."""

    kind: FindingKind
    memory_ids: list[str]
    association_ids: list[str] = Field(default_factory=list)
    detail: str
    certain: bool
    """Whether `auto_resolve` may act on it."""
    advice: str


class Act(Result):
    """What `auto_resolve` did."""

    kind: FindingKind
    memory_ids: list[str]
    done: str


class AuditResult(Result):
    """Findings, gravest first, and what was done about them."""

    success: bool = True
    workspace_id: str
    checked_memories: int
    checked_associations: int
    findings: list[Finding]
    counts: dict[str, int]
    """How many of each kind were found, those that `limit` left out too."""
    resolved: list[Act] = Field(default_factory=list)
    truncated: bool = False
    """More was found than `limit`, or the workspace is larger than one audit reads."""
    message: str
