"""Where memories live: workspaces, and named contexts inside them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mcp_memory.models.base import Label, Line, Metadata, Moment, Request, Result


class Workspace(Result):
    """A scope that memories never leave. `_global` is searched from every workspace."""

    id: str
    name: str
    settings: dict[str, Any] = Field(default_factory=dict)
    created_at: Moment
    updated_at: Moment


class Context(Result):
    """A named part of a workspace."""

    id: str
    workspace_id: str
    name: str
    description: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    created_at: Moment


class ContextCreate(Request):
    """Name a part of the workspace."""

    name: Line = Field(max_length=200)
    description: Label = ""
    settings: Metadata = Field(default_factory=dict)
