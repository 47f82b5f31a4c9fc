"""Workspaces: chosen by name, made, changed, described, and erased."""

from __future__ import annotations

import secrets
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from mcp_memory.core.counting import counted
from mcp_memory.errors import Conflict, UnknownWorkspace
from mcp_memory.models.administration import WorkspaceDeleted, WorkspaceSchema
from mcp_memory.models.memory import MemorySubtype
from mcp_memory.models.workspace import Workspace
from mcp_memory.names import DEFAULT_WORKSPACE, GLOBAL_WORKSPACE
from mcp_memory.ontology import RELATIONSHIPS

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.administration import WorkspaceCreate, WorkspaceUpdate

LASTING: Final = frozenset((DEFAULT_WORKSPACE, GLOBAL_WORKSPACE))
"""Workspaces that cannot be deleted: every call may fall back on them."""


async def existing_scope(resources: Resources, scope: Scope, workspace_id: str) -> Scope:
    """`scope`, moved to a workspace that exists.

    Raises:
        UnknownWorkspace: with the nearest names.
    """
    await existing(resources, workspace_id)
    return replace(scope, workspace_id=workspace_id)


async def existing(resources: Resources, workspace_id: str) -> Workspace:
    """The workspace.

    Raises:
        UnknownWorkspace: with the nearest names.
    """
    found = await resources.store.workspace(workspace_id)
    if found is None:
        raise UnknownWorkspace(await _unknown(resources, workspace_id))
    return found


async def create_workspace(resources: Resources, request: WorkspaceCreate, scope: Scope) -> Workspace:
    """A new workspace.

    Raises:
        Conflict: there is one of this id.
    """
    now = resources.now()
    workspace = Workspace(
        id=request.workspace_id or f"ws_{secrets.token_hex(8)}",
        name=request.name,
        settings=request.settings,
        created_at=now,
        updated_at=now,
    )
    return await resources.store.create_workspace(workspace, scope.author)


async def update_workspace(resources: Resources, request: WorkspaceUpdate, scope: Scope) -> Workspace:
    """Rename a workspace or replace its settings.

    Raises:
        UnknownWorkspace: with the nearest names.
    """
    workspace = await existing(resources, request.workspace_id)
    return await resources.store.update_workspace(
        workspace.id, request.name, request.settings, resources.now(), scope.author
    )


async def delete_workspace(resources: Resources, workspace_id: str, scope: Scope) -> WorkspaceDeleted:
    """Erase a workspace with everything in it.

    Raises:
        UnknownWorkspace: with the nearest names.
        Conflict: it is one that is always there.
    """
    if workspace_id in LASTING:
        raise Conflict(
            f"The workspace {workspace_id!r} is always there and cannot be deleted; forget its memories instead."
        )
    workspace = await existing(resources, workspace_id)
    gone = await resources.store.delete_workspace(workspace.id, resources.now(), scope.author)
    return WorkspaceDeleted(
        workspace_id=workspace.id,
        memories=gone.memories,
        associations=gone.associations,
        sessions=gone.sessions,
        contexts=gone.contexts,
        contradictions=gone.contradictions,
        keys_revoked=gone.keys_revoked,
        message=f"Erased for ever: {counted(gone.memories, 'memory')}, {counted(gone.associations, 'link')} and "
        f"{counted(gone.sessions, 'session')}.",
    )


async def workspace_schema(resources: Resources, workspace_id: str) -> WorkspaceSchema:
    """What memories and links can be called; the same in every workspace.

    Raises:
        UnknownWorkspace: with the nearest names.
    """
    workspace = await existing(resources, workspace_id)
    return WorkspaceSchema(
        workspace_id=workspace.id, relationship_types=sorted(RELATIONSHIPS), memory_subtypes=list(MemorySubtype)
    )


async def _unknown(resources: Resources, workspace_id: str) -> str:
    names = [workspace.id for workspace in await resources.store.workspaces()]
    near = get_close_matches(workspace_id, names, n=5, cutoff=0.5) or names[:5]
    offered = f" There are: {', '.join(near)}." if near else " There are none yet; remembering something makes one."
    return f"There is no workspace {workspace_id!r}.{offered}"
