"""Where memories live: workspaces, and named contexts inside them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mcp_memory.models.base import Moment, Result


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
