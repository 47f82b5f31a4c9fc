"""Running a shared memory: workspaces, who may do what, what was done, and copies of it all."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mcp_memory.models.base import Label, Line, Listed, Metadata, Moment, Request, Result
from mcp_memory.models.memory import MemorySubtype  # noqa: TC001 - pydantic reads it

LEAST_LIFE, MOST_LIFE = 60, 10 * 366 * 86_400
"""Seconds an API key may last: a minute to ten years."""

EventType = Literal[
    "memory", "association", "session", "workspace", "context", "contradiction", "entity", "key", "access"
]
"""What an event is about. `access`: a door let somebody in or turned somebody away."""


# Workspaces


class WorkspaceCreate(Request):
    """Make a workspace."""

    name: Line = Field(max_length=200)
    settings: Metadata = Field(default_factory=dict)
    workspace_id: Label = ""
    """Empty: `ws_` and 16 hexadecimal digits."""


class WorkspaceUpdate(Request):
    """Rename a workspace or replace its settings; what is not given stays."""

    workspace_id: Line = Field(max_length=200)
    name: Line | None = Field(None, max_length=200)
    settings: Metadata | None = None


class WorkspaceDeleted(Result):
    """What was erased for ever together with a workspace."""

    success: bool = True
    workspace_id: str
    memories: int
    """Tombstones too."""
    associations: int
    """Those of other workspaces that led here too."""
    sessions: int
    contexts: int
    contradictions: int
    keys_revoked: int
    """API keys that were bound to it."""
    message: str


class WorkspaceSchema(Result):
    """The closed sets a workspace's memories and links are described with."""

    workspace_id: str
    relationship_types: list[str]
    """By name."""
    memory_subtypes: list[MemorySubtype]
    can_customize: bool = False


# The audit trail


class AuditEvent(Result):
    """One thing that was done or refused; it never holds memory text. Ids are 32 hexadecimal digits."""

    id: str
    event_type: str
    action: str
    workspace_id: str | None = None
    author: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    timestamp: Moment


class AuditEventQuery(Request):
    """Events, newest first."""

    event_type: EventType | None = None
    since: Moment | None = None
    """Inclusive."""
    limit: int = Field(100, ge=1, le=1000)
    everywhere: bool = False
    """Of every workspace, and those that belong to none."""


class AuditSummaryQuery(Request):
    """Events counted."""

    since: Moment | None = None
    everywhere: bool = False


class AuditSummary(Result):
    """How many events of each type there are."""

    workspace_id: str | None = None
    """None: of all workspaces."""
    summary: dict[str, int]
    total: int


class NewEvent(Request):
    """What a door did or refused, for the audit trail. `metadata` holds plain values and never memory text."""

    event_type: EventType = "access"
    action: Line = Field(max_length=50)
    workspace_id: Label = ""
    """Empty: it belongs to none."""
    resource_id: Label = ""
    author: Label = ""
    metadata: dict[str, bool | int | float | Label | None] = Field(default_factory=dict, max_length=20)


# API keys

KeyScope = Literal["read", "write", "admin"]
"""`admin` includes the others; neither of these includes the other."""

KeyState = Literal["active", "expired", "revoked"]


class KeyCreate(Request):
    """Make an API key."""

    name: Line = Field(max_length=200)
    scopes: Listed[KeyScope] = Field(["read", "write"], min_length=1, max_length=3)
    workspace_id: Label = ""
    """The one workspace it is for; empty: all."""
    expires_in: int | None = Field(None, ge=LEAST_LIFE, le=MOST_LIFE)
    """Seconds; None: it does not expire."""


class ApiKey(Result):
    """An API key as the store keeps it: never the secret, which nobody can read again."""

    id: str
    name: str
    prefix: str
    """The visible first part of the secret, by which people tell keys apart."""
    scopes: list[KeyScope]
    workspace_id: str | None = None
    """None: all workspaces."""
    created_at: Moment
    expires_at: Moment | None = None
    revoked_at: Moment | None = None
    last_used_at: Moment | None = None

    def state(self, now: Moment) -> KeyState:
        """Whether it opens anything at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "active"

    def allows(self, scope: KeyScope) -> bool:
        """Whether it is for this."""
        return scope in self.scopes or "admin" in self.scopes

    def is_for(self, workspace_id: str) -> bool:
        """Whether it opens this workspace."""
        return self.workspace_id in (None, workspace_id)


class KeyCreated(Result):
    """A new API key; `secret` is shown this once."""

    success: bool = True
    key: ApiKey
    secret: str
    message: str


class KeyCounts(Result):
    """How many API keys there are. Revoking or outliving the last one opens no door: ask for `made`."""

    made: int
    active: int


# Copies


class BackupMade(Result):
    """A copy of the whole store."""

    success: bool = True
    path: str
    size_bytes: int
    workspaces: int
    memories: int
    message: str


class BackupRestored(Result):
    """A copy put in the store's place."""

    success: bool = True
    path: str
    kept_aside: str | None = None
    """Where the store that was there before is now."""
    workspaces: int
    memories: int
    message: str
