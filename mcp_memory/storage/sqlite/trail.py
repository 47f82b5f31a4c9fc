"""The audit trail, read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mcp_memory.models.base import stamp
from mcp_memory.storage.base import StoredEvent
from mcp_memory.storage.sqlite.journal import dumps
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.storage.sqlite.connection import Connection


def events(
    connection: Connection, workspace_id: str | None, beginnings: Sequence[str], since: datetime | None, limit: int
) -> list[StoredEvent]:
    """Events, newest first; of actions with these words before the dot."""
    bindings = _since(workspace_id, since) | {
        "any": not beginnings, "beginnings": dumps(list(beginnings)), "limit": limit,
    }  # fmt: skip
    rows = connection.rows(sql("all_events" if workspace_id is None else "events"), bindings)
    return [_event_of(row) for row in rows]


def count(connection: Connection, workspace_id: str | None, since: datetime | None) -> dict[str, int]:
    """How many events there are of each action."""
    statement = sql("count_all_events" if workspace_id is None else "count_events")
    return dict(connection.rows(statement, _since(workspace_id, since)))


def _since(workspace_id: str | None, since: datetime | None) -> dict[str, Any]:
    return {"workspace": workspace_id, "since": "" if since is None else stamp(since)}


def _event_of(row: Sequence[Any]) -> StoredEvent:
    number, workspace_id, action, resource, author, detail, created = row
    return StoredEvent(
        number, workspace_id, action, resource, author, json.loads(detail), datetime.fromisoformat(created)
    )
