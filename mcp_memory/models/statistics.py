"""Counts of a workspace, and the state of its store."""

from __future__ import annotations

from pydantic import Field

from mcp_memory.models.base import Moment, Request, Result


class StatisticsRequest(Request):
    """Counts of the workspace."""

    include_breakdown: bool = True


class Breakdown(Result):
    """Active memories, counted by what they are; tags and authors the most frequent twenty."""

    by_type: dict[str, int]
    by_subtype: dict[str, int]
    by_status: dict[str, int]
    by_tag: dict[str, int]
    by_author: dict[str, int]
    by_age: dict[str, int]
    """`today`, `this_week`, `this_month`, `this_year`, `older`; each memory in the first that fits."""
    by_relationship: dict[str, int]


class StorageState(Result):
    """The file all workspaces share. Callers that are bound to one workspace are told its schema alone."""

    location: str | None = None
    size_bytes: int | None = None
    schema_version: int
    workspaces: int | None = None
    memories: int | None = None


class EncoderState(Result):
    """The encoder in use and how far the store is embedded with it, which bound callers are not told."""

    name: str
    state: str
    dimension: int | None = None
    embedded: int | None = None
    pending: int | None = None
    other_encoders: list[str] = Field(default_factory=list)
    note: str | None = None


class Statistics(Result):
    """Counts of one workspace."""

    success: bool = True
    workspace_id: str
    total_memories: int
    total_associations: int
    total_contexts: int
    oldest: Moment | None = None
    newest: Moment | None = None
    breakdown: Breakdown | None = None
    storage: StorageState
    encoder: EncoderState
    message: str
