"""The trail every write leaves: a growing change number, revisions, events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.models.base import stamp
from mcp_memory.models.memory import Revision
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.sqlite.connection import Connection

NOT_IN_SNAPSHOTS: Final = {"id", "workspace_id", "content", "access_count", "last_accessed_at", "embedding_state"}
"""Fields that never change, are counted elsewhere, or (content) have their own column."""


def now_stamp() -> str:
    """This moment, as it is stored."""
    return stamp(datetime.now(UTC))


def next_change(connection: Connection) -> int:
    """The number of the write in progress."""
    change = connection.value(sql("next_change"))
    return int(change)


def last_change(connection: Connection) -> int:
    """The number of the last write that mattered to search."""
    change = connection.value(sql("last_change"))
    return int(change)


def record_revision(connection: Connection, key: int, memory: Memory, action: str, author: str, at: str) -> None:
    """Add what the memory is now to its history."""
    snapshot = memory.model_dump(mode="json", exclude=NOT_IN_SNAPSHOTS)
    connection.run(
        sql("next_revision"),
        {"key": key, "action": action, "author": author, "snapshot": dumps(snapshot), "at": at},
    )


def copy_revision(connection: Connection, key: int, revision: Revision, current: str) -> None:
    """Write a revision as another store had it; `current` is what the memory holds now."""
    snapshot = {name: value for name, value in revision.snapshot.items() if name not in NOT_IN_SNAPSHOTS}
    content = revision.snapshot.get("content", current)
    connection.run(
        sql("insert_revision"),
        {
            "key": key,
            "number": revision.number,
            "action": revision.action,
            "author": revision.author or "",
            "snapshot": dumps(snapshot),
            "content": None if content == current else content,
            "at": stamp(revision.created_at),
        },
    )


def revisions(connection: Connection, key: int, memory_id: str) -> list[Revision]:
    """The memory's history, first change first."""
    return [
        Revision(
            memory_id=memory_id,
            number=number,
            action=action,
            author=author or None,
            snapshot={"content": content} | json.loads(snapshot),
            created_at=at,
        )
        for number, action, author, snapshot, content, at in connection.rows(sql("revisions"), (key,))
    ]


def record_event(
    connection: Connection, workspace_id: str, action: str, resource: str, author: str, detail: Mapping[str, Any]
) -> None:
    """Add to the audit trail."""
    connection.run(
        sql("insert_event"),
        {
            "workspace": workspace_id,
            "action": action,
            "resource": resource,
            "author": author,
            "detail": dumps(dict(detail)),
            "at": now_stamp(),
        },
    )


def dumps(value: Any) -> str:
    """Compact JSON in plain Unicode."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
