"""Memory on its way out of a workspace and into another, in the forms that clients of MemoryLayer know."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mcp_memory.models.base import Line, Request


class ExportRequest(Request):
    """One workspace as lines; `offset` and `limit` count memories in the order they were written."""

    workspace_id: Line = Field(max_length=200)
    offset: int = Field(0, ge=0)
    limit: int = Field(0, ge=0)
    """0: all."""
    include_associations: bool = True
    """With a part of the memories: the links that have an end among these, so that all parts together have them all."""


class WorkspaceExportData(BaseModel):
    """An export as one JSON object: what clients make of the lines of `ExportRequest`, or MemoryLayer's own.

    Each of `memories` and `associations` is read, and refused, by itself.
    """

    model_config = ConfigDict(extra="ignore")

    exported_at: str = ""
    workspace_id: str = ""
    memories: list[dict[str, Any]] = Field(default_factory=list)
    associations: list[dict[str, Any]] = Field(default_factory=list)
