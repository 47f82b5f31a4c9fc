"""Choosing a workspace by name."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcp_memory.errors import UnknownWorkspace

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope


async def existing_scope(resources: Resources, scope: Scope, workspace_id: str) -> Scope:
    """`scope`, moved to a workspace that exists.

    Raises:
        UnknownWorkspace: with the nearest names.
    """
    if await resources.store.workspace(workspace_id) is None:
        raise UnknownWorkspace(await _unknown(resources, workspace_id))
    return replace(scope, workspace_id=workspace_id)


async def _unknown(resources: Resources, workspace_id: str) -> str:
    names = [workspace.id for workspace in await resources.store.workspaces()]
    near = get_close_matches(workspace_id, names, n=5, cutoff=0.5) or names[:5]
    offered = f" There are: {', '.join(near)}." if near else " There are none yet; remembering something makes one."
    return f"There is no workspace {workspace_id!r}.{offered}"
