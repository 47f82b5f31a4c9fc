"""`Administration`: the verbs of whoever runs a shared memory. `Memory` has them among its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.administration import (
        ApiKey,
        AuditEvent,
        AuditEventQuery,
        AuditSummary,
        AuditSummaryQuery,
        BackupMade,
        KeyCounts,
        KeyCreate,
        KeyCreated,
        NewEvent,
        WorkspaceCreate,
        WorkspaceDeleted,
        WorkspaceSchema,
        WorkspaceUpdate,
    )
    from mcp_memory.models.workspace import Workspace


class Administration:
    """Workspaces, the audit trail, API keys and copies. Whether the caller may do it is for the door to ask."""

    resources: Resources
    scope: Scope

    # Workspaces

    async def create_workspace(self, request: WorkspaceCreate, scope: Scope | None = None) -> Workspace:
        """A new workspace.

        Raises:
            Conflict: there is one of this id.
        """
        from mcp_memory.core.workspaces import create_workspace

        return await create_workspace(self.resources, request, scope or self.scope)

    async def list_workspaces(self) -> list[Workspace]:
        """All of them, by id."""
        return await self.resources.store.workspaces()

    async def get_workspace(self, workspace_id: str) -> Workspace:
        """The workspace.

        Raises:
            UnknownWorkspace: names the nearest ones.
        """
        from mcp_memory.core.workspaces import existing

        return await existing(self.resources, workspace_id)

    async def update_workspace(self, request: WorkspaceUpdate, scope: Scope | None = None) -> Workspace:
        """Rename a workspace or replace its settings.

        Raises:
            UnknownWorkspace: names the nearest ones.
        """
        from mcp_memory.core.workspaces import update_workspace

        return await update_workspace(self.resources, request, scope or self.scope)

    async def delete_workspace(self, workspace_id: str, scope: Scope | None = None) -> WorkspaceDeleted:
        """Erase a workspace with everything in it, for ever.

        Raises:
            UnknownWorkspace: names the nearest ones.
            Conflict: it is `_default` or `_global`, which are always there.
        """
        from mcp_memory.core.workspaces import delete_workspace

        return await delete_workspace(self.resources, workspace_id, scope or self.scope)

    async def workspace_schema(self, workspace_id: str) -> WorkspaceSchema:
        """The names its memories and links are described with.

        Raises:
            UnknownWorkspace: names the nearest ones.
        """
        from mcp_memory.core.workspaces import workspace_schema

        return await workspace_schema(self.resources, workspace_id)

    # The audit trail

    async def audit_events(self, request: AuditEventQuery, scope: Scope | None = None) -> list[AuditEvent]:
        """What was done and refused in the workspace, newest first."""
        from mcp_memory.core.trail import audit_events

        return await audit_events(self.resources, request, scope or self.scope)

    async def audit_summary(self, request: AuditSummaryQuery, scope: Scope | None = None) -> AuditSummary:
        """How often."""
        from mcp_memory.core.trail import audit_summary

        return await audit_summary(self.resources, request, scope or self.scope)

    async def record_event(self, event: NewEvent) -> None:
        """Put what a door did or refused into the audit trail."""
        from mcp_memory.core.trail import record_event

        await record_event(self.resources, event)

    # API keys

    async def create_key(self, request: KeyCreate, scope: Scope | None = None) -> KeyCreated:
        """A new API key; its secret is in the answer and nowhere else."""
        from mcp_memory.core.keys import create_key

        return await create_key(self.resources, request, scope or self.scope)

    async def list_keys(self) -> list[ApiKey]:
        """All API keys, newest first, those that open nothing any more too."""
        return await self.resources.store.keys()

    async def revoke_key(self, reference: str, scope: Scope | None = None) -> ApiKey:
        """Revoke the key with this id or prefix; doing it twice changes nothing.

        Raises:
            UnknownRecord: there is none.
        """
        from mcp_memory.core.keys import revoke_key

        return await revoke_key(self.resources, reference, scope or self.scope)

    async def find_key(self, secret: str) -> ApiKey | None:
        """The key with this secret, whatever its state (see `ApiKey.state`); None where there is none."""
        from mcp_memory.core.keys import find_key

        return await find_key(self.resources, secret)

    async def note_key_use(self, key_ids: Sequence[str], at: datetime) -> None:
        """Note that these keys were used at that moment; for many calls at once."""
        await self.resources.store.record_key_use(key_ids, at)

    async def has_keys(self) -> bool:
        """Whether a key was ever made. It stays true when the last one is revoked, so that no door falls open."""
        return (await self.count_keys()).made > 0

    async def count_keys(self) -> KeyCounts:
        """How many keys were made, and how many open something now."""
        return await self.resources.store.count_keys(self.resources.now())

    # Copies

    async def backup(self, path: Path, overwrite: bool = False) -> BackupMade:
        """Write a copy of the whole store into one file, readable by its owner only; everybody goes on meanwhile.

        Raises:
            Conflict: there is a file already, and `overwrite` was not said.
        """
        from mcp_memory.core.copies import backup

        return await backup(self.resources, path, overwrite)
